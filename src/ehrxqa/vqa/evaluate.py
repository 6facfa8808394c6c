"""How well a model answers MIMIC-CXR-VQA questions: exact sets, F1, areas under curves, calibration.

An answer is a set of texts; order does not count. Yes and no are texts, too. Abstentions and questions without an
answer count as wrong and predict nothing. Closed questions are those that name their answers (verify, choose), open
ones (query) do not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa.arguments import checked
from ehrxqa.errors import RecordError, VqaError
from ehrxqa.html_repr import html_repr
from ehrxqa.json_files import decoded_file
from ehrxqa.labels.ontology import MINORITY_LABELS, MINORITY_OBJECTS
from ehrxqa.short_repr import short_repr
from ehrxqa.vqa.models import ABSTAIN, VqaAnswer, VqaReply
from ehrxqa.vqa.pairs import read_answered
from ehrxqa.vqa.question import GENDERS, VIEWS, Form, Target, VqaQuestion
from ehrxqa.vqa.recorded import free_key
from ehrxqa.vqa.records import AnsweredRecord, question_of
from ehrxqa.vqa.vocabulary import ATTRIBUTES, OBJECTS

__all__ = ["OFFICIAL_ANSWERS", "JudgedImageQuestion", "VqaScores", "scores_of", "vqa_evaluate"]

#: The closed answer vocabulary of MIMIC-CXR-VQA: everything an official answer may hold.
OFFICIAL_ANSWERS: Final = tuple(
    sorted(
        {
            *(name for name in OBJECTS if name not in MINORITY_OBJECTS),
            *(name for names in ATTRIBUTES.values() for name in names if name not in MINORITY_LABELS),
            *VIEWS,
            *GENDERS,
            "yes",
            "no",
        }
    )
)
_BINS: Final = 10


@dataclass(frozen=True)
class JudgedImageQuestion:
    """One question with its right answer and the one that was given.

    Attributes:
        right: The right set.
        said: The set that was said; None for an abstention or no answer.
        confidence: Of what was said, if known.
        content_type: What MIMIC-CXR-VQA calls the content of the question.
    """

    question: VqaQuestion
    right: frozenset[str]
    said: frozenset[str] | None
    confidence: float | None = None
    content_type: str = ""

    @property
    def exact(self) -> bool:
        """Whether the sets are equal."""
        return self.said == self.right


@dataclass(frozen=True)
class VqaScores:
    """The scores of a file.

    Attributes:
        questions, answered, abstained, missing: Numbers of questions.
        accuracy: Share answered exactly.
        micro_f1, macro_f1: Of the elements of all answers; macro: mean over elements.
        labels: How many different elements macro F1 is the mean of.
        groups: Grouping → group → (questions, accuracy); groupings: kind, form, content, open or closed, attribute,
            object.
        auroc: Of truth questions, by confidence in yes; None without confidence.
        auroc_by_finding: (object: attribute) → the same, for "is there A in the O?" with both truths.
        calibration: `ece` (expected calibration error, ten bins of equal width), `brier`, and `auroc` of confidence as
            a sign of a right answer; None without confidence.
        bins: Per bin with answers: (mean confidence, share right, answers).
    """

    questions: int
    answered: int
    abstained: int
    missing: int
    accuracy: float
    micro_f1: float
    macro_f1: float
    labels: int
    groups: dict[str, dict[str, tuple[int, float]]]
    auroc: float | None
    auroc_by_finding: dict[str, float]
    calibration: dict[str, float | None] | None
    bins: list[tuple[float, float, int]]

    __repr__ = short_repr
    _repr_html_ = html_repr


@checked
def vqa_evaluate(questions: Path | str, answers: Path | str, *, answer_space: Sequence[str] | None = None) -> VqaScores:
    """Score a file of answers.

    Args:
        questions: Question file with answers.
        answers: What `ehrxqa vqa ask` wrote; found by split and number, else by image and wording.
        answer_space: Count only these elements in F1, all of them in macro F1; see `OFFICIAL_ANSWERS`.

    Raises:
        RecordError: A file is not what it should be.
    """
    path = Path(questions)
    records = decoded_file(list[AnsweredRecord], path, "a question file with answers")
    given: dict[Any, VqaReply] = {}
    for request, reply, record in read_answered(Path(answers)):
        given[request.image_id, free_key(request.text)] = reply
        if "idx" in record:
            given[record.get("split"), record["idx"]] = reply
    judged, missing = [], 0
    for question in records:
        found = given.get((question.split, question.idx)) or given.get((question.image_id, free_key(question.question)))
        missing += found is None
        judged.append(_judged(path, question, found))
    return scores_of(judged, missing=missing, answer_space=answer_space)


def _judged(path: Path, record: AnsweredRecord, reply: VqaReply | None) -> JudgedImageQuestion:
    try:
        question = question_of(record.template_program, record.template_arguments)
    except VqaError as error:
        raise RecordError(f"{path}: question {record.idx}: {error}") from error
    said = None if reply is None else _elements(reply.answer)
    confidence = None if reply is None or said is None else reply.confidence
    return JudgedImageQuestion(question, frozenset(record.answer), said, confidence, record.content_type)


def _elements(answer: VqaAnswer) -> frozenset[str] | None:
    if answer is ABSTAIN:
        return None
    if answer is None:
        return frozenset()
    if isinstance(answer, bool):
        return frozenset(("yes" if answer else "no",))
    return frozenset(answer)


def scores_of(
    judged: Sequence[JudgedImageQuestion], *, missing: int = 0, answer_space: Sequence[str] | None = None
) -> VqaScores:
    """The scores of questions.

    Raises:
        RecordError: There is no question.
    """
    if not judged:
        raise RecordError("there is no question to evaluate")
    micro, macro, labels = _f1(judged, answer_space)
    answered = sum(one.said is not None for one in judged)
    sure = [one for one in judged if one.confidence is not None]
    return VqaScores(
        questions=len(judged),
        answered=answered,
        abstained=len(judged) - answered - missing,
        missing=missing,
        accuracy=sum(one.exact for one in judged) / len(judged),
        micro_f1=micro,
        macro_f1=macro,
        labels=labels,
        groups=_groups(judged),
        auroc=_truth_auroc(sure),
        auroc_by_finding=_by_finding(sure),
        calibration=_calibration(sure) if sure else None,
        bins=_bins(sure),
    )


def _f1(judged: Sequence[JudgedImageQuestion], space: Sequence[str] | None) -> tuple[float, float, int]:
    """Micro F1, macro F1, and how many elements the latter is the mean of."""
    hit: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    known = None if space is None else frozenset(space)
    for one in judged:
        said = one.said or frozenset()
        hit.update(said & one.right)
        wrong.update(said ^ one.right)  # a false alarm and a miss weigh the same
    names = sorted(known if known is not None else {*hit, *wrong})
    hits, wrongs = sum(hit[name] for name in names), sum(wrong[name] for name in names)
    each = [2 * hit[name] / (2 * hit[name] + wrong[name]) for name in names if hit[name] + wrong[name]]
    count = len(names) if known is not None else len(each)
    return _share(2 * hits, 2 * hits + wrongs), sum(each) / count if count else 0.0, count


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _groups(judged: Iterable[JudgedImageQuestion]) -> dict[str, dict[str, tuple[int, float]]]:
    tallies: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for one in judged:
        question = one.question
        tallies["kind"][str(question.kind.number)].append(one.exact)
        tallies["form"][question.form.value].append(one.exact)
        tallies["content"][one.content_type or question.kind.content_type].append(one.exact)
        tallies["open or closed"]["open" if question.form is Form.QUERY else "closed"].append(one.exact)
        for name in question.attributes:
            tallies["attribute"][name].append(one.exact)
        for name in question.objects:
            tallies["object"][name].append(one.exact)
    return {
        grouping: {
            name: (len(exact), round(sum(exact) / len(exact), 6))
            for name, exact in sorted(
                groups.items(), key=lambda pair: (len(pair[0]), pair[0]) if grouping == "kind" else (0, pair[0])
            )
        }
        for grouping, groups in tallies.items()
    }


def _yes(one: JudgedImageQuestion) -> float:
    """Confidence in yes."""
    assert one.confidence is not None
    return one.confidence if one.said is not None and "yes" in one.said else 1 - one.confidence


def _truth_auroc(sure: Iterable[JudgedImageQuestion]) -> float | None:
    truths = [one for one in sure if one.question.form is Form.VERIFY]
    return _auroc([(_yes(one), "yes" in one.right) for one in truths])


def _by_finding(sure: Iterable[JudgedImageQuestion]) -> dict[str, float]:
    found: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for one in sure:
        question = one.question
        if question.form is Form.VERIFY and question.target is Target.ATTRIBUTE and question.combination is None:
            place = f"{question.objects[0]}: " if question.objects else ""
            found[f"{place}{question.attributes[0]}"].append((_yes(one), "yes" in one.right))
    areas = {name: _auroc(pairs) for name, pairs in sorted(found.items())}
    return {name: area for name, area in areas.items() if area is not None}


def _auroc(pairs: Sequence[tuple[float, bool]]) -> float | None:
    """Share of (positive, negative) pairs in the right order, ties half; None without one of each."""
    positive = sum(truth for _, truth in pairs)
    negative = len(pairs) - positive
    if not positive or not negative:
        return None
    counts: dict[float, list[int]] = defaultdict(lambda: [0, 0])
    for score, truth in pairs:
        counts[score][truth] += 1
    below, ordered = 0, 0.0
    for score in sorted(counts):
        no, yes = counts[score]
        ordered += yes * (below + no / 2)
        below += no
    return round(ordered / (positive * negative), 6)


def _calibration(sure: Sequence[JudgedImageQuestion]) -> dict[str, float | None]:
    pairs = [(one.confidence or 0.0, one.exact) for one in sure]
    brier = sum((confidence - exact) ** 2 for confidence, exact in pairs) / len(pairs)
    error = sum(count * abs(mean - right) for mean, right, count in _bins(sure)) / len(pairs)
    return {"ece": round(error, 6), "brier": round(brier, 6), "auroc": _auroc(pairs)}


def _bins(sure: Iterable[JudgedImageQuestion]) -> list[tuple[float, float, int]]:
    groups: Mapping[int, list[JudgedImageQuestion]] = defaultdict(list)
    for one in sure:
        groups[min(int((one.confidence or 0.0) * _BINS), _BINS - 1)].append(one)
    return [
        (
            round(sum(one.confidence or 0.0 for one in some) / len(some), 6),
            round(sum(one.exact for one in some) / len(some), 6),
            len(some),
        )
        for _, some in sorted(groups.items())
    ]
