"""Any OpenAI-compatible chat endpoint that takes pictures: vLLM, Ollama, a hosted model.

A request holds one question and one picture, as a data URI, made smaller where it is larger than asked. Where the
server can, the reply is held to a JSON schema and comes with the log-probabilities of its tokens, which give the
confidence; a server that refuses either is asked without. Nothing is sent before the user has named the host, but for
synthetic pictures and an endpoint on this machine.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa.counting import counted
from ehrxqa.errors import EndpointError, SettingsError, VqaError
from ehrxqa.net.chat import ChatClient, Patience, Reply
from ehrxqa.net.consent import Ask, require_consent
from ehrxqa.net.endpoint import Endpoint, find_key
from ehrxqa.vqa.image_paths import ImageFiles
from ehrxqa.vqa.models import ABSTAIN, VqaReply, VqaRequest
from ehrxqa.vqa.prompts import DEFAULT_PROMPT, PromptTemplate, choices_of
from ehrxqa.vqa.question import Form
from ehrxqa.vqa.reading import read_reply
from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY, Vocabulary

__all__ = ["EndpointModel", "EndpointSettings", "split_address"]

#: What may be left out of a request, tried in this order until the server takes it: (schema, log-probabilities).
_FORMS: Final = ((True, True), (False, True), (True, False), (False, False))
#: Answers of a server to a request that it does not understand.
_NOT_UNDERSTOOD: Final = frozenset({400, 415, 422, 501})
_PICTURES_KEPT: Final = 16
_QUALITY: Final = 90


@dataclass(frozen=True)
class EndpointSettings:
    """How an endpoint is asked.

    Attributes:
        tokens: Longest reply.
        pixels: Longest side of a picture that is sent.
        concurrency: Requests at a time.
        most_requests: Requests after which no more are sent, None for no limit.
        prompt: Template of the prompt.
    """

    tokens: int = 256
    pixels: int = 1024
    concurrency: int = 4
    most_requests: int | None = None
    prompt: PromptTemplate = DEFAULT_PROMPT


class EndpointModel:
    """Asks a model behind an endpoint.

    Args:
        endpoint: Where.
        model: Its name there.
        images: Where the pictures are.
        settings: How it is asked.
        vocabulary: Names that an answer may hold.
        synthetic: Whether no real patient is in the pictures.
        confirmed: The host that the user has confirmed.
        ask: Asked if nothing was confirmed.
        patience: How long to wait.

    Attributes:
        unread: Answers whose words could not be read.
        requests: Requests that were answered.
        tokens_in, tokens_out: Tokens, as the server counts them.

    Raises:
        SettingsError: Nobody confirmed the host, or another one.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        images: ImageFiles,
        *,
        settings: EndpointSettings = EndpointSettings(),
        vocabulary: Vocabulary = DEFAULT_VOCABULARY,
        synthetic: bool = False,
        confirmed: str | None = None,
        ask: Ask | None = None,
        patience: Patience | None = None,
    ) -> None:
        require_consent(endpoint, "chest X-rays and questions", synthetic=synthetic, confirmed=confirmed, ask=ask)
        self.name = f"endpoint:{model}"
        self.batch_size = settings.concurrency * 4
        self.unread = self.requests = self.tokens_in = self.tokens_out = 0
        self._endpoint, self._model, self._images = endpoint, model, images
        self._settings, self._vocabulary, self._patience = settings, vocabulary, patience
        self._form: tuple[bool, bool] | None = None
        self._sent = 0
        self._lock = threading.Lock()
        self._pictures: OrderedDict[Path, str] = OrderedDict()
        asked = json.dumps([endpoint.url, model, settings.prompt.text, settings.tokens, settings.pixels])
        self._version = hashlib.sha256(asked.encode()).hexdigest()[:16]

    @property
    def version(self) -> str:
        """Digest of the address, the model's name, the prompt and the limits; what the server changes is not seen."""
        return self._version

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaReply]:
        """The model's answers, several requests at a time.

        Raises:
            VqaError: A study is unknown, or its image is missing or damaged; names the study.
            EndpointError: The endpoint refuses, stays out of reach, or as many requests as allowed were sent.
        """
        bodies = [self._content(request) for request in requests]
        with self._client() as client:
            if self._form is None and bodies:
                first = self._find_form(client, requests[0], bodies[0])
                rest = self._all(client, requests[1:], bodies[1:])
                replies = [first, *rest]
            else:
                replies = self._all(client, requests, bodies)
        return [self._read(request, reply) for request, reply in zip(requests, replies, strict=True)]

    @contextmanager
    def _client(self) -> Iterator[ChatClient]:
        settings = self._settings
        with ChatClient(
            self._endpoint, find_key(self._endpoint), connections=settings.concurrency, patience=self._patience
        ) as client:
            yield client

    def _all(
        self, client: ChatClient, requests: Sequence[VqaRequest], bodies: Sequence[list[dict[str, Any]]]
    ) -> list[Reply]:
        """The replies in order; the first fault ends all."""
        form = self._form or _FORMS[-1]
        with ThreadPoolExecutor(self._settings.concurrency) as pool:
            waiting = [
                pool.submit(self._once, client, request, body, form)
                for request, body in zip(requests, bodies, strict=True)
            ]
            try:
                return [future.result() for future in waiting]
            except BaseException:
                client.clock.cancel()
                pool.shutdown(cancel_futures=True)
                raise

    def _find_form(self, client: ChatClient, request: VqaRequest, content: list[dict[str, Any]]) -> Reply:
        """The reply to a first request, asked in ever plainer form until the server takes it."""
        refusal: EndpointError | None = None
        for form in _FORMS:
            try:
                reply = self._once(client, request, content, form)
            except EndpointError as error:
                if error.status not in _NOT_UNDERSTOOD:
                    raise
                refusal = refusal or error
                continue
            self._form = form
            return reply
        assert refusal is not None
        raise refusal

    def _once(
        self, client: ChatClient, request: VqaRequest, content: list[dict[str, Any]], form: tuple[bool, bool]
    ) -> Reply:
        most = self._settings.most_requests
        with self._lock:
            if most is not None and self._sent >= most:
                raise EndpointError(
                    f"{self._endpoint.host}: {counted(most, 'request was', 'requests were')} sent, as "
                    "many as allowed; what was answered is "
                    "kept, run again with a higher limit to go on"
                )
            self._sent += 1
        schema, probabilities = form
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": self._settings.tokens,
            "temperature": 0,
        }
        if schema:
            body["response_format"] = {"type": "json_schema", "json_schema": self._schema(request)}
        if probabilities:
            body["logprobs"] = True
        reply = client.ask(body)
        with self._lock:
            self.requests += 1
            self.tokens_in += reply.tokens_in
            self.tokens_out += reply.tokens_out
        return reply

    def _schema(self, request: VqaRequest) -> dict[str, Any]:
        """What the reply must look like: yes or no, or a list of the names that may be listed."""
        answer: dict[str, Any] = {"type": "string", "enum": ["yes", "no"]}
        if request.answer_type == "list":
            names = [] if request.question is None else choices_of(request.question, self._vocabulary)
            answer = {"type": "array", "items": {"type": "string", **({"enum": list(names)} if names else {})}}
            if request.question is not None and request.question.form is Form.CHOOSE:
                answer["maxItems"] = 2
        return {
            "name": "answer",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {"answer": answer},
                "required": ["answer"],
                "additionalProperties": False,
            },
        }

    def _content(self, request: VqaRequest) -> list[dict[str, Any]]:
        prompt = self._settings.prompt.fill(request, self._vocabulary)
        return [
            {"type": "image_url", "image_url": {"url": self._picture(request)}},
            {"type": "text", "text": prompt},
        ]

    def _picture(self, request: VqaRequest) -> str:
        """The picture as a data URI, no larger than allowed."""
        from PIL import Image

        path = self._images.path(request)
        if path not in self._pictures:
            pixels = self._settings.pixels
            try:
                with Image.open(path) as opened:
                    opened.draft("L", (pixels, pixels))
                    picture = opened.convert("L")
            except OSError as error:
                raise VqaError(f"study {request.study_id}: {path} is not a readable image") from error
            picture.thumbnail((pixels, pixels))
            stream = io.BytesIO()
            picture.save(stream, "JPEG", quality=_QUALITY)
            self._pictures[path] = "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
            if len(self._pictures) > _PICTURES_KEPT:
                self._pictures.popitem(last=False)
        return self._pictures[path]

    def _read(self, request: VqaRequest, reply: Reply) -> VqaReply:
        texts = reply.texts
        answer = read_reply(texts[0], request, self._vocabulary) if texts else ABSTAIN
        self.unread += answer is ABSTAIN
        if not texts or "<think>" in texts[0] or not reply.log_probabilities:
            return VqaReply(answer)  # what was thought aloud is no measure of what was said
        return VqaReply(answer, min(1.0, math.exp(reply.log_probabilities[0])))


_ADDRESS: Final = re.compile(r"(?P<url>https?://[^/\s]+?(?::\d+)?(?:/[^:\s]*)?):(?P<rest>[^/].*)")
_OPTION: Final = re.compile(r":(?P<key>[a-z]+)=(?P<value>[^:=]+(?::\d+)?)$")


def split_address(text: str, known: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
    """Address, model and options of `URL:MODEL[:key=value…]`; model names may hold colons.

    >>> split_address("http://127.0.0.1:11434/v1:llama3.2-vision:11b:tokens=64", {"tokens": ""})
    ('http://127.0.0.1:11434/v1', 'llama3.2-vision:11b', {'tokens': '64'})

    Raises:
        SettingsError: It is not of that form, or an option is not one of `known` or comes twice.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise SettingsError(
            "an endpoint is written endpoint:URL:MODEL, such as endpoint:http://127.0.0.1:11434/v1:llava"
        )
    model, options = match["rest"], dict[str, str]()
    while (option := _OPTION.search(model)) is not None:
        if option["key"] not in known or option["key"] in options:
            raise SettingsError(f'"{option["key"]}" is not one of {", ".join(sorted(known))}, each once, as key=value')
        options[option["key"]] = option["value"]
        model = model[: option.start()]
    return match["url"], model, options
