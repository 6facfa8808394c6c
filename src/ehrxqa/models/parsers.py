"""Parsers: what turns a question into NeuralSQL, and how they are named.

| text | parser |
|---|---|
| `gold` | the gold queries: the upper bound of every parser |
| `template` | no language model: train questions, the database's values and our own renderers |
| `llm:URL:MODEL` | a language model behind any OpenAI-compatible endpoint |
| `tables-only`, `images-only`, `question-only` | floors, see `floors` |
| `recorded:FILE` | queries kept in a file: `{id: query}`, a list of `{id, query}`, or one per line |
| `python:MODULE:NAME` | one of your own: a function from text to query, an object with `parse`, or a class of such |
| a name | what an installed package declares under `ehrxqa.parsers` |

A parser sees the id and the text of a question, nothing else. It answers in any order, so that it may work on several
at a time; what it has answered is kept at once.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ehrxqa.doors import load_named, load_python
from ehrxqa.errors import EhrxqaError, SettingsError
from ehrxqa.layout import CURRENT_TIME
from ehrxqa.models.run_records import Cost
from ehrxqa.net.consent import Ask
from ehrxqa.neuralsql.predictions import read_predictions
from ehrxqa.progress import SILENT, Progress
from ehrxqa.runs.cluster import Cluster

__all__ = [
    "PARSER_SPECS",
    "AskedQuestion",
    "Context",
    "Estimate",
    "Estimating",
    "FunctionParser",
    "Parser",
    "Prediction",
    "Sharing",
    "make_parser",
]

#: The forms of a parser text, for help and messages.
PARSER_SPECS = ("gold", "template", "llm:URL:MODEL", "recorded:FILE", "python:MODULE:NAME")
#: Parsers of ours that ask no language model.
_WITHOUT_OPTIONS = ("gold", "template", "tables-only", "images-only", "question-only", "recorded")


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """What a parser may see of a question."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a parser makes of a question.

    Attributes:
        query: NeuralSQL, or None to abstain.
        confidence: From 0 to 1, if there is one.
        explanation: In a line.
        cost: Of this question.
        withheld: Where `query` is None: the query it would have been.
        steps: Steps of a clean-up that changed a reply, one for each reply.
    """

    query: str | None
    confidence: float | None = None
    explanation: str | None = None
    cost: Cost = Cost()  # noqa: RUF009 - immutable
    withheld: str | None = None
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """What asking would take.

    Attributes:
        requests: To a language model.
        tokens_in: Of prompts, about.
        tokens_out: Of replies, about.
        money: If a price is known.
    """

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    money: float | None = None


@runtime_checkable
class Parser(Protocol):
    """Turns questions into NeuralSQL."""

    @property
    def name(self) -> str:
        """Which parser."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever a query may change: code, weights, prompt, training questions."""
        ...

    def parse(self, questions: Sequence[AskedQuestion], trial: int) -> Iterator[tuple[int, Prediction]]:
        """(place in `questions`, prediction), one for each question, in any order."""
        ...


@runtime_checkable
class Estimating(Protocol):
    """A parser that can tell beforehand what asking takes."""

    def estimate(self, questions: Sequence[AskedQuestion], trials: int) -> Estimate:
        """What asking these questions would take; nothing is sent."""
        ...


@runtime_checkable
class Sharing(Protocol):
    """A parser whose work the workers of a cluster can do."""

    def share(self, cluster: Cluster) -> None:
        """Have it done there from now on."""
        ...


@dataclass(frozen=True)
class Context:
    """What a parser may be made from.

    Attributes:
        out: The output folder; its train questions are there to learn from.
        database: The database the questions are asked of; tables only, its TB_CXR_PLUS is the answer key.
        seed: Of everything drawn.
        gold: Id → gold query; for the parser `gold` alone.
        modalities: Id → modality; for the parsers of floors.
        synthetic: Whether no real patient is in the data.
        options: Of the command line, by name, for parsers that have some.
        ask: Asked to confirm before anything is sent anywhere; see `net.consent`.
        progress: Told what happens.
        now: The current time of the database.
        needs: Id → what a question about an event and a finding needs; for the parsers of floors.
    """

    out: Path
    database: Path
    seed: int = 0
    gold: Mapping[str, str | None] = field(default_factory=dict)
    modalities: Mapping[str, str] = field(default_factory=dict)
    synthetic: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    ask: Ask | None = None
    progress: Progress = SILENT
    now: str = CURRENT_TIME
    needs: Mapping[str, str] = field(default_factory=dict)


def make_parser(spec: str, context: Context) -> Parser:
    """The parser that `spec` names.

    Raises:
        SettingsError: The text is not understood, or what it names cannot be used.
        RecordError: A file of queries or of train questions cannot be read.
    """
    name, _, rest = spec.partition(":")
    if context.options and name in _WITHOUT_OPTIONS:
        raise SettingsError(f"{', '.join(context.options)}: of the parser llm; the parser {name} has no options")
    match name:
        case "gold" if not rest:
            return _Given("gold", "1", context.gold)
        case "template" if not rest:
            from ehrxqa.models.template.parser import TemplateParser  # numpy: only where it is used

            return TemplateParser(context)
        case "tables-only" | "images-only" | "question-only" if not rest:
            from ehrxqa.models.floors import ModalityParser, QuestionOnlyParser

            return QuestionOnlyParser(context) if name == "question-only" else ModalityParser(context, name)
        case "llm" if rest:
            from ehrxqa.models.llm.parser import LlmParser  # httpx2: an extra

            return LlmParser(rest, context)
        case "recorded" if rest:
            return _recorded(Path(rest))
        case "python" if rest:
            return _adapted(spec, load_python(spec), context)
    named = load_named("ehrxqa.parsers", name)
    if named is not None:
        return _adapted(spec, named, context)
    raise SettingsError(f'parser "{spec}" is not one of: {", ".join(PARSER_SPECS)}')


class _Given:
    """Queries known beforehand."""

    def __init__(self, name: str, version: str, queries: Mapping[str, str | None]) -> None:
        self.name, self.version, self._queries = name, version, queries

    def parse(self, questions: Sequence[AskedQuestion], trial: int) -> Iterator[tuple[int, Prediction]]:
        """The query of each question; an abstention where there is none."""
        for place, question in enumerate(questions):
            if question.id not in self._queries:
                yield place, Prediction(None, explanation=f"{self.name}: no query for this question")
            else:
                yield place, Prediction(self._queries[question.id])


def _recorded(path: Path) -> Parser:
    queries = {str(identifier): query for identifier, query in read_predictions(path).items()}
    return _Given("recorded", hashlib.sha256(path.read_bytes()).hexdigest()[:16], queries)


class FunctionParser:
    """A function from the text of a question to a query (or to a `Prediction`, or None to abstain)."""

    def __init__(self, function: Callable[[str], str | Prediction | None]) -> None:
        self._function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self.version = str(getattr(function, "version", "")) or _source_digest(function)

    def parse(self, questions: Sequence[AskedQuestion], trial: int) -> Iterator[tuple[int, Prediction]]:
        """Call it once for each question; an exception is an abstention that says what it was."""
        for place, question in enumerate(questions):
            try:
                made = self._function(question.text)
            except Exception as error:  # the function is the user's: one question does not end a run
                made = Prediction(None, explanation=f"{type(error).__name__}: {error}")
            if not isinstance(made, Prediction | str | None):
                raise SettingsError(f"the parser {self.name} gave {type(made).__name__}, not a query or None")
            yield place, made if isinstance(made, Prediction) else Prediction(made)


class Guarded:
    """A parser that others have written: what is wrong with what it gives, or raises, is said in one line."""

    def __init__(self, spec: str, parser: Parser) -> None:
        self._spec, self._parser = spec, parser
        self.name, self.version = str(parser.name), str(parser.version)

    def parse(self, questions: Sequence[AskedQuestion], trial: int) -> Iterator[tuple[int, Prediction]]:
        """What the parser gives, looked at.

        Raises:
            SettingsError: It raises something, or gives what is no pair of place and prediction.
        """
        made = self._made(questions, trial)
        while True:
            try:
                pair = next(made)
            except StopIteration:
                return
            except EhrxqaError:
                raise
            except Exception as error:  # the parser is the user's: whatever it raises is said in one line
                raise SettingsError(f'parser "{self._spec}": parse raised {type(error).__name__}: {error}') from error
            match pair:
                case (int(place), Prediction() as prediction) if 0 <= place < len(questions):
                    yield place, prediction
                case _:
                    raise SettingsError(
                        f'parser "{self._spec}": parse gave {type(pair).__name__}, not pairs of the place of '
                        "a question and an ehrxqa.models.parsers.Prediction"
                    )

    def _made(self, questions: Sequence[AskedQuestion], trial: int) -> Iterator[object]:
        yield from self._parser.parse(questions, trial)


def _adapted(spec: str, value: Any, context: Context) -> Parser:
    """What a door leads to, as a parser."""
    if inspect.isclass(value):
        make: Callable[..., Any] = value
        try:
            value = make(context) if inspect.signature(make).parameters else make()
        except (TypeError, ValueError) as error:
            raise SettingsError(f'parser "{spec}" cannot be made: {error}') from error
    if isinstance(value, Parser):
        return Guarded(spec, value)
    if callable(value):
        return FunctionParser(value)
    raise SettingsError(f'parser "{spec}" is neither a function nor an object with name, version and parse')


def _source_digest(function: Callable[..., Any]) -> str:
    """Digest of the file a function stands in, so that an edit makes another version."""
    try:
        source = Path(inspect.getsourcefile(function) or "").read_bytes()
    except (OSError, TypeError):
        return "unknown"
    return hashlib.sha256(source).hexdigest()[:16]
