"""POST to an OpenAI-compatible endpoint, with manners.

One host, over TLS unless it is this machine; no redirect is followed; at most so many requests at a time; one 429
slows all of them; a body is read up to a bound, within a time. No answer is trusted to be what it should be, and the
key is in no message: errors of the HTTP library are told by their kind, without their text.
"""

from __future__ import annotations

import json
import random
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final

import httpx2

from ehrxqa import __version__
from ehrxqa.errors import EndpointError
from ehrxqa.json_files import json_value
from ehrxqa.net.credentials import Secret
from ehrxqa.net.endpoint import KEY_VARIABLE, Endpoint
from ehrxqa.net.errors import TransientFault
from ehrxqa.net.pacing import Clock, Interrupted, Pause, SystemClock, retry_after_seconds

__all__ = ["ChatClient", "Patience", "Reply"]

#: More than any reply of a few sentences has.
MOST_BODY_BYTES: Final = 1 << 20
MOST_TOLD: Final = 200
_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 529})


@dataclass(frozen=True)
class Patience:
    """How long to wait.

    Attributes:
        attempts: Tries of one request.
        connect_seconds: For a connection.
        answer_seconds: For a whole answer.
        first_seconds: Before the second try; doubled each time, less up to half at random.
        longest_seconds: Longest wait of our own.
        longest_asked_seconds: Longest wait that a server may ask for; more ends the run.
    """

    attempts: int = 6
    connect_seconds: float = 20.0
    answer_seconds: float = 120.0
    first_seconds: float = 1.0
    longest_seconds: float = 60.0
    longest_asked_seconds: float = 900.0
    random: random.Random = field(default_factory=random.Random, repr=False, compare=False)


@dataclass(frozen=True)
class Reply:
    """What came of a request.

    Attributes:
        messages: The message of each choice, as the endpoint gave it: a JSON object, else unchecked.
        tokens_in: Tokens of the request, as the endpoint counts them; 0 if it does not.
        tokens_out: Tokens of the reply, likewise.
        log_probabilities: Of each choice as a whole, where the endpoint was asked for those of the tokens and gives
            them; else empty.
    """

    messages: tuple[Mapping[str, Any], ...]
    tokens_in: int = 0
    tokens_out: int = 0
    log_probabilities: tuple[float, ...] = ()

    @property
    def texts(self) -> list[str]:
        """The texts of the choices; empty ones are left out."""
        found = [message.get("content") for message in self.messages]
        return [text for text in found if isinstance(text, str) and text.strip()]


class ChatClient:
    """Asks for chat completions; may be used by several threads.

    Args:
        endpoint: Where.
        key: The key, if there is one.
        connections: Most requests at a time.
        patience: How long to wait.
        clock: For waits between tries.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        key: Secret | None,
        *,
        connections: int = 4,
        patience: Patience | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._reached = False
        self.endpoint, self.patience = endpoint, patience or Patience()
        self.clock: Clock = clock or SystemClock()
        self._key, self._pause = key, Pause(self.clock)
        self._client = httpx2.Client(
            headers={
                "User-Agent": f"ehrxqa/{__version__}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            },
            timeout=httpx2.Timeout(self.patience.answer_seconds, connect=self.patience.connect_seconds),
            limits=httpx2.Limits(max_connections=connections),
            follow_redirects=False,
            verify=ssl.create_default_context(),
            trust_env=not endpoint.loopback,  # a proxy is for other hosts than this machine
        )

    def __enter__(self) -> ChatClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def complete(self, body: Mapping[str, Any]) -> list[str]:
        """The texts of the choices that a request brings; empty ones are left out.

        Raises:
            EndpointError: The endpoint refuses, is not what it should be, or stays out of reach.
            Interrupted: The run was cancelled.
        """
        return self.ask(body).texts

    def ask(self, body: Mapping[str, Any]) -> Reply:
        """The whole reply to a request, with calls of tools and counts of tokens.

        Raises:
            EndpointError: The endpoint refuses, is not what it should be, or stays out of reach.
            Interrupted: The run was cancelled.
        """
        failures = 0
        while True:
            try:
                self._pause.keep()
                return self._once(body)
            except TransientFault as fault:
                failures += 1
                if failures >= self.patience.attempts:
                    raise EndpointError(
                        f"{self.endpoint.host}: given up after {failures} tries ({fault}); what was answered is kept, "
                        "run the same command again to go on"
                    ) from None
                self._wait(failures, fault)

    def _wait(self, failures: int, fault: TransientFault) -> None:
        patience, asked = self.patience, fault.retry_after_seconds
        if asked is not None:
            if asked > patience.longest_asked_seconds:
                raise EndpointError(
                    f"{self.endpoint.host}: {fault}; it asks to come back in {asked / 60:.0f} minutes, run again then"
                ) from None
            self._pause.ask(asked)
            return
        wait = min(patience.longest_seconds, patience.first_seconds * 2.0 ** min(failures - 1, 30))
        self.clock.sleep(wait * patience.random.uniform(0.5, 1.0))

    def _once(self, body: Mapping[str, Any]) -> Reply:
        if self.clock.cancelled:
            raise Interrupted
        headers = {"Content-Type": "application/json"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key.reveal()}"
        fault: TransientFault | EndpointError | None = None
        try:
            request = self._client.build_request(
                "POST", f"{self.endpoint.url}/chat/completions", content=json.dumps(body).encode(), headers=headers
            )
            response = self._client.send(request, stream=True)
            try:
                data = self._body(response)
            finally:
                response.close()
            self._reached = True
        except httpx2.TimeoutException:
            fault = TransientFault("no answer in time")
        except httpx2.InvalidURL:
            fault = EndpointError(f"{self.endpoint.host}: is no address that can be asked")
        except httpx2.ConnectError as error:
            fault = (
                TransientFault(_reason(error))
                if self._reached
                else EndpointError(
                    f"{self.endpoint.host} cannot be reached: nothing answers there, its certificate is not valid, "
                    "or this machine is offline"
                )
            )
        except httpx2.HTTPError as error:
            fault = TransientFault(_reason(error))
        if fault is not None:
            raise fault  # outside the handler: the library's own error may quote a header
        return self._reply(response.status_code, response.headers, data)

    def _body(self, response: httpx2.Response) -> bytes:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise TransientFault("a compressed answer, which was not asked for")
        until, data = time.monotonic() + self.patience.answer_seconds, bytearray()
        for piece in response.iter_raw():  # unpacked by nobody: a small body may hold a huge one
            data += piece
            if len(data) > MOST_BODY_BYTES:
                raise TransientFault(f"an answer of more than {MOST_BODY_BYTES:,} bytes")
            if time.monotonic() > until:
                raise TransientFault("no whole answer in time")
        return bytes(data)

    def _reply(self, status: int, headers: Mapping[str, str], data: bytes) -> Reply:
        host = self.endpoint.host
        if status in _BUSY:
            asked = retry_after_seconds(headers.get("Retry-After"), self.clock)
            raise TransientFault(f"HTTP {status}", retry_after_seconds=asked)
        if 300 <= status < 400:
            raise EndpointError(f"{host} redirects elsewhere; refused, give the address it redirects to yourself")
        if status in (401, 403):
            what = "does not accept the key" if self._key is not None else "asks for a key"
            raise EndpointError(f"{host} {what} (HTTP {status}); set {KEY_VARIABLE}")
        if status != 200:
            raise EndpointError(f"{host} answers HTTP {status}{self._said(data)}", status=status)
        try:
            value = json_value(data)
            messages = tuple(choice["message"] for choice in value["choices"])
            if not all(isinstance(message, dict) for message in messages):
                raise TypeError
        except (ValueError, KeyError, TypeError):
            raise TransientFault("an answer that is not a chat completion") from None
        usage = value.get("usage")
        tokens_in, tokens_out = (_count(usage, name) for name in ("prompt_tokens", "completion_tokens"))
        return Reply(messages, tokens_in, tokens_out, _log_probabilities(value["choices"]))

    def _said(self, data: bytes) -> str:
        """What a server says about an error: one line, bounded, without the key."""
        try:
            value = json_value(data)
            said = value.get("error", value.get("message", "")) if isinstance(value, dict) else ""
            said = said.get("message", "") if isinstance(said, dict) else said
        except ValueError:
            return ""
        text = "".join(sign if sign.isprintable() else " " for sign in str(said))
        if self._key is not None:
            text = text.replace(self._key.reveal(), "…")
        text = " ".join(text.split())[:MOST_TOLD]
        return f": {text}" if text else ""


def _count(usage: Any, name: str) -> int:
    """A count of tokens; what is none counts nothing."""
    found = usage.get(name) if isinstance(usage, dict) else None
    return found if isinstance(found, int) and 0 <= found < 1 << 40 else 0


def _log_probabilities(choices: Any) -> tuple[float, ...]:
    """The sum over the tokens of each choice; nothing unless all are there and make sense."""
    sums = []
    for choice in choices:
        try:
            values = [float(token["logprob"]) for token in choice["logprobs"]["content"]]
        except (KeyError, TypeError, ValueError):
            return ()
        total = sum(values)
        if not values or not -1e9 < total <= 1e-3:
            return ()
        sums.append(min(total, 0.0))
    return tuple(sums)


def _reason(error: Exception) -> str:
    """The kind of a library's error in plain words; its text may quote headers."""
    words = {
        "ConnectError": "no connection",
        "ProxyError": "the proxy refuses",
        "DecodingError": "an unreadable answer",
    }
    return words.get(type(error).__name__, "the connection was lost")
