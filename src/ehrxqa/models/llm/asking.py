"""Requests of many questions, several at a time; what an earlier run was told is not asked again."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from ehrxqa.net.chat import ChatClient, Reply
from ehrxqa.runs.journal import Journal

__all__ = ["ModelReply", "Request", "at_a_time", "keep", "kept_reply", "reply_of", "tell"]

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class ModelReply:
    """One reply.

    Attributes:
        text: What the model says; "" for nothing.
        tokens_in: As the endpoint counts them.
        tokens_out: As the endpoint counts them.
    """

    text: str
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent for one reply.

    Attributes:
        identifier: Tells requests of the same words apart.
        body: As the endpoint takes it.
    """

    identifier: str
    body: dict[str, Any]

    @property
    def asked(self) -> str:
        """The words of all messages."""
        return "\n".join(message["content"] for message in self.body["messages"])


def reply_of(reply: Reply) -> ModelReply:
    """The first text that an endpoint gives."""
    return ModelReply(next(iter(reply.texts), ""), reply.tokens_in, reply.tokens_out)


def kept_reply(journal: Journal, request: Request) -> ModelReply | None:
    """The reply that a journal holds."""
    kept = journal.finished(request.identifier, request.asked)
    return None if kept is None else ModelReply(str(kept["text"]), int(kept["tokens_in"]), int(kept["tokens_out"]))


def keep(journal: Journal, request: Request, reply: ModelReply) -> None:
    """Have a journal hold a reply."""
    journal.add(request.identifier, request.asked, asdict(reply))


def tell(client: ChatClient, journal: Journal, lock: threading.Lock, request: Request) -> ModelReply:
    """The reply to a request, from the journal or from the endpoint.

    Raises:
        EndpointError: The endpoint refuses or fails; what was answered is kept.
    """
    with lock:
        kept = kept_reply(journal, request)
    if kept is None:
        kept = reply_of(client.ask(request.body))
        with lock:
            keep(journal, request, kept)
    return kept


class _Failure(Generic[T]):
    def __init__(self, error: BaseException) -> None:
        self.error = error


def at_a_time(items: Sequence[T], work: Callable[[T], R], threads: int, client: ChatClient) -> Iterator[tuple[int, R]]:
    """(place, result) of each item, in the order in which they are done; the first failure ends all.

    Threads are daemons, so that an interrupted run need not wait for a slow answer.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, R | _Failure[T]]] = queue.SimpleQueue()
    for place in range(len(items)):
        waiting.put(place)

    def run() -> None:
        while not client.clock.cancelled:
            try:
                place = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((place, work(items[place])))
            except BaseException as error:
                done.put((place, _Failure(error)))
                return

    for _ in range(min(threads, len(items))):
        threading.Thread(target=run, daemon=True).start()
    try:
        for _ in items:
            place, result = done.get()
            if isinstance(result, _Failure):
                raise result.error
            yield place, result
    except BaseException:
        client.clock.cancel()
        raise
