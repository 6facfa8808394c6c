"""Requests of many questions over the workers of a cluster, each of which asks the endpoint itself.

A shard is some requests, complete but for the key: a worker finds that where the command would, in its own environment
or keyring, so that no key ever travels. An endpoint of this machine (127.0.0.1) is that of each worker. What is
answered goes into the journal of the command, which asks nothing again.
"""

from __future__ import annotations

import hashlib
import platform
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from ehrxqa.errors import EndpointError
from ehrxqa.models.llm.asking import ModelReply, Request, at_a_time, keep, kept_reply, reply_of
from ehrxqa.net.chat import ChatClient, Patience
from ehrxqa.net.endpoint import find_key, named_endpoint
from ehrxqa.net.pacing import Interrupted
from ehrxqa.progress import Progress
from ehrxqa.runs.cluster import Cluster
from ehrxqa.runs.journal import Journal
from ehrxqa.runs.shards import shard_pool

__all__ = ["Asking", "shared_replies"]

#: Requests of a shard, for each that a worker sends at a time: enough that one slow answer does not keep all waiting.
_EACH: Final = 4
#: Shards under way for each worker: one that it does, and the next. What is asked twice may cost money.
_UNDER_WAY: Final = 2


@dataclass(frozen=True, slots=True)
class Asking:
    """How a worker asks.

    Attributes:
        url: Of the endpoint.
        connections: Requests at a time.
        patience: How long it waits for the endpoint.
    """

    url: str
    connections: int
    patience: Patience | None = None

    @contextmanager
    def opened(self) -> Iterator[ChatClient]:
        """A client with the key of whoever opens it.

        Raises:
            SettingsError: The key cannot be sent.
        """
        where = named_endpoint(self.url)
        with ChatClient(where, find_key(where), connections=self.connections, patience=self.patience) as client:
            yield client


@dataclass(slots=True)
class _Part:
    """What is in a shard: questions by place with all of their requests, and those requests that it sends."""

    questions: list[tuple[int, Sequence[Request]]] = field(default_factory=list)
    sent: list[Request] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Told:
    """What came of a shard.

    Attributes:
        replies: To each request; None where it failed, or was not sent any more.
        failure: Why, in one line.
        status: Of the HTTP answer, if that is the reason.
    """

    replies: tuple[ModelReply | None, ...]
    failure: str | None = None
    status: int | None = None


def shared_replies(
    questions: Iterable[Sequence[Request]], asking: Asking, journal: Journal, cluster: Cluster, progress: Progress
) -> Iterator[tuple[int, list[ModelReply]]]:
    """(place, replies) of each question, from the journal or from the workers.

    Args:
        questions: The requests of each question, made as they are needed.
        asking: How a worker asks.
        journal: Where replies are kept.
        cluster: Whose workers ask.
        progress: Told what happens to it.

    Raises:
        EndpointError: The endpoint refuses or fails; what was answered is kept.
        BuildError: The cluster is lost.
        SettingsError: It cannot be used.
    """
    ready: deque[tuple[int, list[ModelReply]]] = deque()
    under_way: deque[_Part] = deque()
    shards = _shards(questions, asking, journal, ready, under_way)
    if (first := next(shards, None)) is not None:
        with shard_pool(None, cluster, opened=asking.opened, each=_UNDER_WAY, progress=progress) as pool:
            for told in pool.map(_told, chain([first], shards)):
                part = under_way.popleft()
                for request, reply in zip(part.sent, told.replies, strict=True):
                    if reply is not None:
                        keep(journal, request, reply)
                if told.failure is not None:
                    raise EndpointError(told.failure, status=told.status)
                while ready:
                    yield ready.popleft()
                for place, requests in part.questions:
                    yield place, [reply for each in requests if (reply := kept_reply(journal, each)) is not None]
    yield from ready


def _shards(
    questions: Iterable[Sequence[Request]],
    asking: Asking,
    journal: Journal,
    ready: deque[tuple[int, list[ModelReply]]],
    under_way: deque[_Part],
) -> Iterator[tuple[int, tuple[dict[str, Any], ...]]]:
    """Requests for a worker, with how many it sends at a time; equal ones are sent once."""
    part, sent = _Part(), set[bytes]()
    for place, requests in enumerate(questions):
        replies = [kept_reply(journal, request) for request in requests]
        kept = [reply for reply in replies if reply is not None]
        if len(kept) == len(requests):
            ready.append((place, kept))
            continue
        part.questions.append((place, requests))
        for request, reply in zip(requests, replies, strict=True):
            digest = hashlib.sha256(f"{request.identifier}\n{request.asked}".encode()).digest()
            if reply is None and digest not in sent:
                sent.add(digest)
                part.sent.append(request)
        if len(part.sent) >= _EACH * asking.connections:
            under_way.append(part)
            yield asking.connections, tuple(request.body for request in part.sent)
            part = _Part()
    if part.questions:
        under_way.append(part)
        yield asking.connections, tuple(request.body for request in part.sent)


def _told(client: ChatClient, shard: tuple[int, tuple[dict[str, Any], ...]]) -> _Told:
    """On a worker: the replies to the requests of a shard; the first failure ends it."""
    connections, bodies = shard
    replies: list[ModelReply | None] = [None] * len(bodies)
    try:
        for place, reply in at_a_time(bodies, lambda body: reply_of(client.ask(body)), connections, client):
            replies[place] = reply
    except EndpointError as error:
        return _Told(tuple(replies), f"worker on {platform.node()}: {error}", error.status)
    except Interrupted:
        return _Told(tuple(replies), f"worker on {platform.node()}: an earlier request has failed")
    return _Told(tuple(replies))
