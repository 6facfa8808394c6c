"""`ehrxqa evaluate`: scores of a file of predicted answers against a gold file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ehrxqa.arguments import checked
from ehrxqa.counting import counted
from ehrxqa.dataset.belonging import recorded_database
from ehrxqa.dataset.beside import links_beside
from ehrxqa.dataset.links import LinkTable
from ehrxqa.dataset.placement import Placement, placement_of
from ehrxqa.errors import NeuralSqlError, RecordError, SettingsError
from ehrxqa.evaluation.answer_files import (
    Gold,
    Predicted,
    Predictions,
    read_gold,
    read_predicted_answers,
    read_questions,
)
from ehrxqa.evaluation.comparing import NULL, Verdict, asks_for_order, compared_form, judge
from ehrxqa.evaluation.given import Answers, Given, given
from ehrxqa.evaluation.metrics import METRICS, Metric, Score, installed_metrics, metric_named
from ehrxqa.evaluation.profiles import PROFILES, Profile, profile_named
from ehrxqa.evaluation.scores import Bootstrap, GroupScores, group_scores
from ehrxqa.html_repr import facts, screen, table
from ehrxqa.layout import DATABASE_OF_SPLIT, DATASET_FOLDER
from ehrxqa.runs.manifest import read_manifest
from ehrxqa.spec.scopes import MODALITIES, SCOPES
from ehrxqa.sql.errors import AnswerShapeError

__all__ = ["DIMENSIONS", "Evaluation", "evaluate", "evaluate_all"]

#: Ways in which gold ids are grouped.
DIMENSIONS: Final = ("modality", "scope", "family")


@dataclass(frozen=True)
class Evaluation:
    """The outcome of an evaluation.

    Attributes:
        profile: The rules.
        bootstrap: How intervals were made.
        overall: Scores over all gold ids.
        groups: Dimension → scores of its groups; without question records there are none.
        verdicts: Key → right, abstained or wrong, in the order of the gold file.
        failed: Predictions whose query failed or ran out of time.
        missing: Gold ids without prediction.
        duplicates: Predicted ids that occur several times, of which the last counted.
        not_lists: Answers that are neither a list nor "null".
        nested: Answers that hold a list inside the list.
        ambiguous: Questions to which another reading gives another answer, as their links say.
        tolerated: Wrong predictions that are the answer of such a reading.
        elsewhere: Whether the outcomes say that they were found on another database than the one the gold answers
            belong to (the one of their split in the build that holds them).
    """

    profile: Profile
    bootstrap: Bootstrap
    overall: GroupScores
    groups: dict[str, tuple[GroupScores, ...]]
    verdicts: dict[str, Verdict]
    failed: int
    missing: int
    duplicates: int
    not_lists: int
    nested: int
    ambiguous: int = 0
    tolerated: int = 0
    elsewhere: bool = False

    def __repr__(self) -> str:
        found = ", ".join(f"{name}={score.value:.1f}" for name, score in self.overall.scores.items())
        return f"Evaluation(profile={self.profile.name!r}, questions={self.overall.tally.total:,}, {found})"

    def _repr_html_(self) -> str:
        tally = self.overall.tally
        rows = [
            (name, f"{each.value:.1f}", "" if each.low is None else f"{each.low:.1f} to {each.high:.1f}")
            for name, each in self.overall.scores.items()
        ]
        counts = facts(
            [("questions", tally.total), ("right", tally.right), ("abstained", tally.abstained), ("wrong", tally.wrong)]
        )
        interval = f"{self.bootstrap.confidence:.0%} interval"
        return screen(f"Evaluation, profile {self.profile.name}", counts, table(("metric", "score", interval), rows))

    @property
    def tolerant_accuracy(self) -> float | None:
        """Execution accuracy in percent if the answer of any reading counts; None where no other reading is known."""
        tally = self.overall.tally
        return 100 * (tally.right + self.tolerated) / tally.total if self.ambiguous and tally.total else None


@checked
def evaluate(
    gold: Answers,
    predictions: Answers,
    *,
    profile: str = "paper",
    questions: Answers | None = None,
    metrics: Sequence[str | Metric] = (),
    resamples: int = Bootstrap.resamples,
    confidence: float = Bootstrap.confidence,
    seed: int = Bootstrap.seed,
) -> Evaluation:
    """Evaluate predicted answers.

    Args:
        gold: A final file (records with `answer`), `[{id, answer}]`, or `{id: answer}`; or any of these as objects,
            such as the questions that `ehrxqa.load` gives.
        predictions: `{id: answer}`, `[{id, answer}]`, the same as JSONL, or the outcomes of `ehrxqa execute`; a file or
            objects. An answer may be a result of `ehrxqa.query`.
        profile: Name of the rules: paper, ehrsql, strict, asked-order or challenge.
        questions: File or objects with the question records, where the gold answers have only ids.
        metrics: Further ones: functions over scores, or their names (`RS7.5`, `python:MODULE:NAME`).
        resamples: Data sets drawn for the bootstrap intervals; 0 for none.
        confidence: Of the intervals, between 0 and 1.
        seed: Of the bootstrap.

    Raises:
        RecordError: A file is missing, cannot be read, or does not fit the other one under the profile's rules.
        SettingsError: An argument is out of range, or there is no such profile.
    """
    rules = profile_named(profile)
    if resamples < 0:
        raise SettingsError(f"resamples must not be negative, not {resamples}")
    if not 0 < confidence < 1:
        raise SettingsError(f"confidence must lie between 0 and 1, not {confidence:g}")
    if seed < 0:
        raise SettingsError(f"seed must not be negative, not {seed}")
    source, predicted = given(gold, "gold"), given(predictions, "predictions")
    asked = source if questions is None else given(questions, "questions")
    right = read_gold(source)
    found = read_predicted_answers(predicted, right)
    missing = _check_ids(source, right, predicted, found, rules)
    records = right.records if questions is None else read_questions(asked, right)
    orders = _orders(records, right.answers, rules)

    def verdict_on(key: str, answer: Any) -> Verdict:
        ordered = orders.get(key, True)
        form = _gold_form(source, key, answer, rules, ordered)
        return judge(form, found.outcomes.get(key), rules, ordered=ordered)

    verdicts = {key: verdict_on(key, answer) for key, answer in right.answers.items()}
    scores = {key: _score(verdict, found.outcomes.get(key)) for key, verdict in verdicts.items()}
    bootstrap = Bootstrap(resamples, confidence, seed)
    measured = _metrics(metrics, rules, len(scores))
    links = _links(asked, records)
    facts = _facts(records, links)
    others = {
        key: list(link.alternatives.values())
        for key in verdicts
        if (link := links.of(records.get(key, {}))) is not None and link.alternatives
    }
    return Evaluation(
        profile=rules,
        bootstrap=bootstrap,
        overall=group_scores("all", list(scores.values()), bootstrap, metrics=measured),
        groups={name: _grouped(name, scores, facts, bootstrap, measured) for name in DIMENSIONS} if facts else {},
        verdicts=verdicts,
        failed=sum(found.outcomes[key].status == "failed" for key in verdicts if key in found.outcomes),
        missing=missing,
        duplicates=len(found.duplicates),
        not_lists=found.not_lists,
        nested=found.nested,
        elsewhere=_elsewhere(source, right, found),
        ambiguous=len(others),
        tolerated=sum(
            verdicts[key] == "wrong" and any(verdict_on(key, other) == "right" for other in held)
            for key, held in others.items()
        ),
    )


def evaluate_all(
    gold: Answers,
    predictions: Answers,
    *,
    questions: Answers | None = None,
    metrics: Sequence[str | Metric] = (),
    resamples: int = Bootstrap.resamples,
    confidence: float = Bootstrap.confidence,
    seed: int = Bootstrap.seed,
) -> dict[str, Evaluation | str]:
    """The same under every profile: profile → evaluation, or why its rules do not allow one.

    Raises:
        RecordError: No profile allows an evaluation.
        SettingsError: An argument is out of range.
    """
    # what can be read once only is read by the first of several evaluations
    gold, predictions = (list(each) if isinstance(each, Iterator) else each for each in (gold, predictions))
    questions = list(questions) if isinstance(questions, Iterator) else questions
    found: dict[str, Evaluation | str] = {}
    first: RecordError | None = None
    for name in PROFILES:
        try:
            found[name] = evaluate(
                gold,
                predictions,
                profile=name,
                questions=questions,
                metrics=metrics,
                resamples=resamples,
                confidence=confidence,
                seed=seed,
            )
        except RecordError as error:
            first = first or error
            found[name] = str(error)
        except SettingsError as error:
            if PROFILES[name].order != "asked":
                raise
            found[name] = str(error)
    if first is not None and all(isinstance(each, str) for each in found.values()):
        raise first
    return found


def _links(questions: Path | Given, records: Mapping[str, dict[str, Any]]) -> LinkTable:
    """The links of questions: those beside their file, or those they were loaded with."""
    if isinstance(questions, Given):
        return questions.links or LinkTable({})
    return links_beside({questions: records.values()})


def _score(verdict: Verdict, outcome: Predicted | None) -> Score:
    """A verdict as a value that metrics take."""
    explanation = "no prediction" if outcome is None else "the query failed" if outcome.status == "failed" else None
    return Score(float(verdict == "right"), verdict, None if outcome is None else outcome.answer, explanation)


def _elsewhere(path: Path | Given, gold: Gold, given: Predictions) -> bool:
    """Whether predictions come from another database than that of the build in whose `dataset` the gold file lies."""
    if isinstance(path, Given):
        return False
    out = path.absolute().parent.parent
    if not given.databases or gold.split not in DATABASE_OF_SPLIT or path.absolute().parent.name != DATASET_FOLDER:
        return False
    manifest = read_manifest(out)
    record = None if manifest is None else recorded_database(manifest, DATABASE_OF_SPLIT[gold.split])
    return record is not None and any(not record.sha256.startswith(digest) for digest in given.databases)


def _gold_form(path: Path | Given, key: str, answer: Any, profile: Profile, ordered: bool) -> Any:
    try:
        return compared_form(answer, profile, ordered=ordered)
    except AnswerShapeError as error:
        raise RecordError(f"{path}: id {key}: the gold answer cannot be compared ({error})") from error


def _check_ids(gold_path: Path | Given, gold: Gold, path: Path | Given, given: Predictions, profile: Profile) -> int:
    """Hold the ids of both files against the rules; return the number of missing ones."""
    if profile.duplicates == "error" and given.duplicates:
        raise RecordError(
            f"{path}: id {given.duplicates[0]} occurs several times, which the profile {profile.name} does not allow"
        )
    missing = [key for key in gold.answers if key not in given.outcomes]
    if missing and profile.missing == "error":
        raise RecordError(
            f"{path}: {len(missing):,} of {counted(len(gold.answers), 'gold id has', 'gold ids have')} "
            "no prediction, first "
            f"{missing[0]}; "
            'predict "null" to abstain (the profile strict counts missing ids as wrong)'
        )
    extra = [key for key in given.outcomes if key not in gold.answers]
    if extra and profile.extra == "error":
        raise RecordError(
            f"{path}: {counted(len(extra), 'predicted id is', 'predicted ids are')} not in {gold_path.name}, the first "
            f"is {extra[0]}; is it the gold file of this split?"
        )
    return len(missing)


def _facts(records: Mapping[str, dict[str, Any]], links: LinkTable) -> dict[str, Placement]:
    """What the questions are about, if their records say it."""
    if not all(isinstance(record.get("q_tag"), str) for record in records.values()):
        return {}
    return {key: placement_of(record, links) for key, record in records.items()}


def _grouped(
    dimension: str,
    scores: Mapping[str, Score],
    facts: Mapping[str, Placement],
    bootstrap: Bootstrap,
    metrics: Sequence[Metric],
) -> tuple[GroupScores, ...]:
    groups: dict[str, list[Score]] = {}
    for key, score in scores.items():
        groups.setdefault(getattr(facts[key], dimension), []).append(score)
    known: tuple[str, ...] = {"modality": MODALITIES, "scope": tuple(SCOPES)}.get(dimension, ())
    names = [name for name in known if name in groups] or sorted(groups)
    return tuple(group_scores(name, groups[name], bootstrap, dimension, metrics) for name in names)


def _metrics(named: Sequence[str | Metric], profile: Profile, total: int) -> tuple[Metric, ...]:
    """The metrics of a report: ours, those of installed packages, and those that were asked for."""
    ours = [
        replace(metric, penalty=float(total)) if metric.penalty is None and profile.n == "file" else metric
        for metric in METRICS
    ]
    asked = [metric_named(each) if isinstance(each, str) else each for each in named]
    return (*ours, *installed_metrics(), *asked)


def _orders(records: Mapping[str, dict[str, Any]], keys: Iterable[str], profile: Profile) -> dict[str, bool]:
    """Key → whether the gold query asks for an order, where that makes a difference."""
    if profile.order != "asked":
        return {}
    orders = {}
    for key in keys:
        record = records.get(key, {})
        query = record.get("query")
        if record.get("is_impossible") or query == NULL:
            continue
        if not isinstance(query, str):
            raise SettingsError(
                f"the profile {profile.name} needs the gold query of each question, and id {key} has none; give the "
                "records with --questions"
            )
        try:
            orders[key] = asks_for_order(query)
        except NeuralSqlError as error:
            raise RecordError(f"id {key}: the gold query cannot be read ({error})") from error
    return orders
