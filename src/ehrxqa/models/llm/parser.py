"""The `llm` parser: prompt, requests, clean-up, vote, abstention."""

from __future__ import annotations

import hashlib
import json
import math
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from ehrxqa.counting import counted
from ehrxqa.dataset.splits import load_records
from ehrxqa.errors import SettingsError
from ehrxqa.layout import WORK_FOLDER, question_file
from ehrxqa.models.llm.asking import ModelReply, Request, at_a_time, tell
from ehrxqa.models.llm.clean_up import clean_up
from ehrxqa.models.llm.prompt import Prompter, tokens_estimated
from ehrxqa.models.llm.sharing import Asking, shared_replies
from ehrxqa.models.llm.voting import DrawnModel, vote
from ehrxqa.models.parsers import AskedQuestion, Context, Estimate, Prediction
from ehrxqa.models.run_records import Cost
from ehrxqa.models.template.parser import values_of
from ehrxqa.net.chat import ChatClient, Patience
from ehrxqa.net.consent import require_consent
from ehrxqa.net.endpoint import find_key, named_endpoint
from ehrxqa.neuralsql.engine import Engine
from ehrxqa.runs.cluster import Cluster
from ehrxqa.runs.journal import Journal
from ehrxqa.sql.limits import Limits

__all__ = ["LlmParser", "LlmSettings", "named_model"]

#: Address, which ends with its path, and model, which may hold colons: http://127.0.0.1:11434/v1:llama3.1:8b
_SPEC: Final = re.compile(r"(https?://[^/]+/[^:]*?)/?:(.+)")
_VOTE_LIMITS: Final = Limits(seconds=10.0)
#: Tokens of a query, for the estimate before anything is sent.
_REPLY_TOKENS: Final = 150


@dataclass(frozen=True)
class LlmSettings:
    """How a language model is asked; each is an option of the command.

    Attributes:
        samples: Replies to each question, of which the answers vote.
        temperature: Sent if given; with several samples 0.7 by default.
        agreement: Share of the samples that must agree, else the parser abstains.
        examples: Similar train questions that are shown.
        concurrency: Questions at a time; on a cluster, requests of each worker.
        price_in: Price of a million tokens of prompts.
        price_out: Price of a million tokens of replies.
        confirm_endpoint: Host that the user allows sending to.
    """

    samples: int = 1
    temperature: float | None = None
    agreement: float = 0.5
    examples: int = 8
    concurrency: int = 4
    price_in: float | None = None
    price_out: float | None = None
    confirm_endpoint: str | None = None

    def __post_init__(self) -> None:
        if self.samples < 1 or self.concurrency < 1 or self.examples < 0:
            raise SettingsError("samples and concurrency are at least 1, examples at least 0")
        if not 0 <= self.agreement <= 1:
            raise SettingsError(f"agreement is a share from 0 to 1, not {self.agreement:g}")
        if self.temperature is not None and not 0 <= self.temperature <= 2:
            raise SettingsError(f"temperature is from 0 to 2, not {self.temperature:g}")
        for price in (self.price_in, self.price_out):
            if price is not None and not 0 <= price < math.inf:
                raise SettingsError(f"a price is a number from 0 on, not {price:g}")

    @staticmethod
    def of(options: Mapping[str, Any]) -> LlmSettings:
        """The settings among the options of a command.

        Raises:
            SettingsError: One makes no sense.
        """
        names = {each.name for each in fields(LlmSettings)}
        return LlmSettings(**{key: value for key, value in options.items() if key in names and value is not None})


def named_model(rest: str) -> tuple[str, str]:
    """Address and model of `URL:MODEL`.

    >>> named_model("http://127.0.0.1:11434/v1:llama3.1:8b")
    ('http://127.0.0.1:11434/v1', 'llama3.1:8b')

    Raises:
        SettingsError: The text is not of that form.
    """
    match = _SPEC.fullmatch(rest)
    if match is None:
        raise SettingsError(
            "the parser llm is written llm:URL:MODEL, such as llm:http://127.0.0.1:11434/v1:llama3.1:8b"
        )
    return match[1], match[2]


class LlmParser:
    """Asks a language model for the NeuralSQL of each question.

    Args:
        rest: `URL:MODEL`.
        context: What it is made from; its options are `LlmSettings`.
        patience: How long to wait for the endpoint.

    Raises:
        SettingsError: The address or an option makes no sense.
        RecordError: The train questions cannot be read.
    """

    def __init__(self, rest: str, context: Context, patience: Patience | None = None) -> None:
        url, self._model = named_model(rest)
        self._where = named_endpoint(url)
        self.settings = LlmSettings.of(context.options)
        train = question_file(context.out, "train")
        records = load_records(train) if train.is_file() else []
        self._prompter = Prompter(records, values_of(context.database), self.settings.examples, context.now)
        self._context, self._patience = context, patience
        self._cluster: Cluster | None = None
        self.name = f"llm:{self._model}"
        temperature = self.settings.temperature
        if temperature is None and self.settings.samples > 1:
            temperature = 0.7
        self._temperature = temperature
        settings_of_version = [self._prompter.digest, temperature, self.settings.samples, self.settings.agreement]
        self.version = hashlib.sha256(json.dumps(settings_of_version).encode()).hexdigest()[:16]

    def share(self, cluster: Cluster) -> None:
        """Let the workers of a cluster ask the endpoint from now on, each with its own key."""
        self._cluster = cluster

    def estimate(self, questions: Sequence[AskedQuestion], trials: int) -> Estimate:
        """What asking all questions would take; nothing is sent."""
        prompts = sum(tokens_estimated(self._prompter.messages(question.text)) for question in questions)
        requests = len(questions) * self.settings.samples * trials
        tokens_in, tokens_out = prompts * self.settings.samples * trials, requests * _REPLY_TOKENS
        return Estimate(requests, tokens_in, tokens_out, self._money(tokens_in, tokens_out))

    def parse(self, questions: Sequence[AskedQuestion], trial: int) -> Iterator[tuple[int, Prediction]]:
        """The query of each question, as they are answered.

        Raises:
            SettingsError: Nobody allowed sending.
            EndpointError: The endpoint refuses or fails; what was answered is kept for the next run.
        """
        context, settings = self._context, self.settings
        require_consent(
            self._where,
            f"{counted(len(questions), 'question')} with their values, and values of the database,",
            synthetic=context.synthetic,
            confirmed=settings.confirm_endpoint,
            ask=context.ask,
        )
        depends_on = {"endpoint": self._where.url, "model": self._model, "temperature": self._temperature}
        digest = hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()[:16]
        path = context.out / WORK_FOLDER / "llm" / f"{digest}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        keys = frozenset(("text", "tokens_in", "tokens_out"))
        with (
            Journal(path, depends_on, keys) as journal,
            Engine(context.database, DrawnModel(), limits=_VOTE_LIMITS, now=context.now) as engine,
        ):
            for place, replies in self._replies(questions, trial, journal):
                yield place, self._prediction(replies, engine)

    def _replies(
        self, questions: Sequence[AskedQuestion], trial: int, journal: Journal
    ) -> Iterator[tuple[int, list[ModelReply]]]:
        """All replies to each question, with its place."""
        connections = self.settings.concurrency
        if self._cluster is not None:
            asking = Asking(self._where.url, connections, self._patience)
            requests = (self._requests(question, trial) for question in questions)
            yield from shared_replies(requests, asking, journal, self._cluster, self._context.progress)
            return
        lock = threading.Lock()
        with ChatClient(self._where, find_key(self._where), connections=connections, patience=self._patience) as client:

            def samples(question: AskedQuestion) -> list[ModelReply]:
                return [tell(client, journal, lock, request) for request in self._requests(question, trial)]

            yield from at_a_time(questions, samples, connections, client)

    def _requests(self, question: AskedQuestion, trial: int) -> list[Request]:
        messages = self._prompter.messages(question.text)
        return [
            Request(f"trial {trial}, sample {number}", self._body(messages, trial, number))
            for number in range(self.settings.samples)
        ]

    def _body(self, messages: list[dict[str, str]], trial: int, number: int) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self._model, "messages": messages, "stream": False}
        body["temperature"] = 0.0 if self._temperature is None else self._temperature
        body["seed"] = self._context.seed + 1000 * trial + number
        return body

    def _prediction(self, replies: Sequence[ModelReply], engine: Engine) -> Prediction:
        cleaned = [clean_up(each.text) for each in replies]
        tokens_in, tokens_out = sum(each.tokens_in for each in replies), sum(each.tokens_out for each in replies)
        cost = Cost(len(replies), tokens_in, tokens_out, money=self._money(tokens_in, tokens_out))
        queries = [each.query for each in cleaned]
        steps = tuple(step for each in cleaned for step in each.steps)
        if len(queries) == 1:
            said = "the reply holds no query" if "unread" in steps else "the model says null"
            return Prediction(queries[0], None, said if queries[0] is None else None, cost, steps=steps)
        found = vote(queries, engine)
        first = next((query for query in queries if query is not None), None)
        if found.query is None:
            reason = f"{found.agreement:.0%} of samples say null" if found.agreement else "no sample runs"
            return Prediction(None, found.agreement, reason, cost, first, steps)
        said = f"{found.agreement:.0%} of {len(queries)} samples agree"
        if found.agreement < self.settings.agreement:
            return Prediction(None, found.agreement, f"{said}, fewer than asked for", cost, found.query, steps)
        return Prediction(found.query, found.agreement, said, cost, steps=steps)

    def _money(self, tokens_in: int, tokens_out: int) -> float | None:
        settings = self.settings
        if settings.price_in is None and settings.price_out is None:
            return None
        return (tokens_in * (settings.price_in or 0.0) + tokens_out * (settings.price_out or 0.0)) / 1e6
