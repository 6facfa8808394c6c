"""The questions of one template: balance, empties, duplicates by meaning, and that nothing but the task matters."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
from made_questions import filters, question_of
from official_templates import official_template

from ehrxqa.layout import CURRENT_TIME
from ehrxqa.questions import batch
from ehrxqa.questions.batch import BatchTask, Wanted, run_batch
from ehrxqa.questions.checking import Checked, ToldApart
from ehrxqa.questions.clock import clock_at
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.held_out import HeldOut, split_of_patient
from ehrxqa.questions.needs import is_stratified
from ehrxqa.questions.official_sentences import filled
from ehrxqa.questions.question import Choice, Question
from ehrxqa.questions.template import official_id
from ehrxqa.questions.time_options import TIME_OPTIONS
from ehrxqa.questions.times import NO_TIME, TimeChoice
from ehrxqa.sql.errors import TimeLimit
from ehrxqa.vqa.question import KINDS, Combination

TRUTHS = [
    template.official for template in catalogue().values() if template.answer == "truth" and not is_stratified(template)
]
MAY_BE_EMPTY = [template.official for template in catalogue().values() if template.may_be_empty]
MIXED = tuple(Wanted(split) for split in ("train", "valid", "train", "test", "train", "valid", "train", "train"))


def entries(result):
    """Split, record, answer and links of what a batch made."""
    return [(split, *json.loads(line)) for split, line in result.lines]


@pytest.mark.parametrize("number", TRUTHS[::4])
def test_yes_and_no_are_at_most_two_apart_in_every_split(copies, number):
    result = run_batch(BatchTask(copies, official_template(number), MIXED, f"balance/{number}"))
    assert not result.faults
    counts = Counter((split, answer[0]) for split, _, answer, _ in entries(result))
    assert {answer for _, answer in counts} <= {0, 1}
    for split in ("train", "valid", "test"):
        assert abs(counts[split, 1] - counts[split, 0]) <= 2, counts
    assert result.made + result.missing.total() == len(MIXED)


def test_if_only_one_answer_can_be_had_some_are_missing_rather_than_that_all_say_it(copies, monkeypatch):
    """A database in which everything is a yes gives two of them."""
    real = batch.bench_of(copies)

    class Yes:
        def longer_name(self, *_):
            return False

        def check(self, question, *, truth, **_):
            return Checked([1]) if truth else Checked(reason="other truth value")

        links = real.checker.links

        def told_apart(self, *_):
            return ToldApart(4, 1)

    monkeypatch.setattr(batch, "bench_of", lambda copies: real._replace(checker=Yes()))
    result = run_batch(BatchTask(copies, official_template(95), (Wanted("train"),) * 9, "yes"))
    assert [answer for _, _, answer, _ in entries(result)] == [[1], [1]]
    assert result.missing == {"train": 7}


def shares(result):
    return [links["killed"] / max(1, links["mutants"]) for *_, links in entries(result)]


def test_of_several_good_questions_the_one_that_tells_systems_apart_best_is_taken(copies):
    wanted = (Wanted("train"),) * 8
    task = BatchTask(copies, official_template(95), wanted, "choices")
    one, many = (run_batch(replace(task, choices=choices)) for choices in (1, 6))
    assert one.made == many.made == len(wanted) and all(0 <= share <= 1 for share in shares(many))
    assert sum(shares(many)) > sum(shares(one))
    assert run_batch(replace(task, choices=6)).lines == many.lines


def test_what_was_made_before_counts_in_the_balance(copies):
    """A template is asked again for what others could not give: the two rounds together must be in balance."""
    first = (("train no", 0), ("train yes", 2))
    result = run_batch(BatchTask(copies, official_template(95), (Wanted("train"),) * 4, "again", truths=first))
    assert [answer for _, _, answer, _ in entries(result)][:2] == [[0], [0]]
    assert result.truths == {"train no": 3, "train yes": 1}


@pytest.mark.parametrize("number", MAY_BE_EMPTY[::9])
def test_what_is_to_be_empty_is_and_nothing_else(copies, number):
    wanted = (Wanted("test"), Wanted("test", True), Wanted("test"), Wanted("test", True))
    result = run_batch(BatchTask(copies, official_template(number), wanted, f"empty/{number}"))
    answers = [answer for _, _, answer, _ in entries(result)]
    assert sum(answer in ([], [0]) for answer in answers) <= 2
    assert not result.faults
    alone = run_batch(BatchTask(copies, official_template(number), wanted[1:2], f"empty/{number}"))
    assert all(answer in ([], [0]) for _, _, answer, _ in entries(alone))
    full = run_batch(BatchTask(copies, official_template(number), wanted[:1] * 3, f"empty/{number}"))
    assert not any(answer in ([], [0]) for _, _, answer, _ in entries(full))


@pytest.mark.parametrize("number", [10, 44, 95, 141, 1106, 2308, 5000])
def test_a_batch_depends_on_its_task_alone_and_asks_nothing_twice(copies, number):
    task = BatchTask(copies, official_template(number), MIXED, f"same/{number}")
    first = run_batch(task)
    run_batch(BatchTask(copies, official_template(number), MIXED, "another"))
    assert run_batch(task) == first
    more = run_batch(replace(task, seen=frozenset(first.keys), seed="more"))
    sentences = [record["template"] for _, record, _, _ in entries(first) + entries(more)]
    assert len(set(sentences)) == len(sentences) >= first.made
    assert first.made


def test_no_answer_is_that_of_most_questions(copies):
    """A count of one is what most questions would give."""
    result = run_batch(BatchTask(copies, official_template(141), (Wanted("test"),) * 12, "alike"))
    (_, most), *_ = Counter(json.dumps(answer) for _, _, answer, _ in entries(result)).most_common()
    assert most <= 7


@pytest.mark.parametrize("number", [24, 95, 1001, 3201, 5000])
def test_splits_ask_about_patients_of_their_own(copies, number, bench):
    task = BatchTask(
        copies,
        official_template(number),
        (Wanted("train"), Wanted("valid")) * 3,
        "apart",
        held_out=HeldOut(subjects=True),
    )
    result = run_batch(task)
    for split, record, _, _ in entries(result):
        assert split_of_patient(record["value"]["patient_id"]) == split
    assert {split_of_patient(subject) for subject in bench.facts.subjects} == {"train", "valid"}


@pytest.mark.parametrize("number", [0, 123, 141, 155, 4000])
def test_splits_ask_no_patientless_question_of_another(copies, number):
    """The same draws for each split: what keeps them apart is the rule alone."""
    asked = []
    for split in ("train", "valid", "test"):
        for held_out in (HeldOut(), HeldOut(questions=True)):
            result = run_batch(
                BatchTask(copies, official_template(number), (Wanted(split),) * 4, "apart", held_out=held_out)
            )
            asked.append({record["template"] for _, record, _, _ in entries(result)})
    free, apart = asked[::2], asked[1::2]
    assert free[0] & free[2]
    assert any(apart)
    assert len(set().union(*apart)) == sum(map(len, apart))


def test_a_filter_that_changes_nothing_is_not_asked_beside_the_question_without_it(copies, bench, monkeypatch):
    """Two draws: all drugs of a patient without a filter, and since a year before the first of them."""
    template = official_template(117)
    subject = next(iter(bench.facts.events["rx"]))
    drawn = [
        Choice(values={"patient_id": subject}, times={"g1": time})
        for time in (NO_TIME, TimeChoice("abs-year-since", 2100))
    ]

    class Fixed:
        def __init__(self, choices):
            self.left = list(choices)

        def draw(self, *_, **__):
            return self.left.pop(0) if self.left else None

    for choices in (drawn, drawn[::-1]):
        monkeypatch.setattr(batch, "bench_of", lambda copies, held=choices: bench._replace(sampler=Fixed(held)))
        result = run_batch(BatchTask(copies, template, (Wanted("test"),) * 2, "x"))
        assert result.made == 1
        assert result.rejected["a filter that changes nothing"] == 1
    # by itself a filter is a question
    monkeypatch.setattr(batch, "bench_of", lambda copies: bench._replace(sampler=Fixed(drawn[1:])))
    assert run_batch(BatchTask(copies, template, (Wanted("test"),), "x")).made == 1


def test_a_failed_proof_is_told_and_not_written(copies, bench, monkeypatch):
    class Broken:
        def longer_name(self, *_):
            return False

        def check(self, question, *, truth, **_):
            return Checked(fault="gold and NeuralSQL differ")

    monkeypatch.setattr(batch, "bench_of", lambda copies: bench._replace(checker=Broken()))
    result = run_batch(BatchTask(copies, official_template(95), (Wanted("train"),), "x"))
    assert result.lines == []
    assert result.faults
    assert set(result.faults) == {"template official/95: gold and NeuralSQL differ"}
    assert result.missing == {"train": 1}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TimeChoice("rel-year-last"), TimeChoice("abs-year-in", 2104)),
        (TimeChoice("rel-year-this"), TimeChoice("abs-year-in", 2105)),
        (TimeChoice("rel-year-this"), TimeChoice("abs-year-since", 2105)),
        (TimeChoice("rel-month-last"), TimeChoice("abs-month-in", 2105, 11)),
        (TimeChoice("mix-month-last_year", month=3), TimeChoice("abs-month-in", 2104, 3)),
        (TimeChoice("mix-month-this_year", month=12), TimeChoice("rel-month-this")),
        (TimeChoice("mix-day-last_year", month=3, day=4), TimeChoice("abs-day-in", 2104, 3, 4)),
        (TimeChoice("mix-day-this_month", day=30), TimeChoice("rel-day-last")),
        (TimeChoice("mix-day-last_month", day=9), TimeChoice("abs-day-in", 2105, 11, 9)),
        (TimeChoice("rel-year-since", n=2), TimeChoice("rel-month-since", n=24)),
        (TimeChoice("rel-day-this"), TimeChoice("abs-day-since", 2105, 12, 31)),
    ],
)
def test_filters_that_mean_the_same_are_one(one, other):
    template = official_template(104)
    assert one.meaning == other.meaning
    assert question_of(template, 1, one).key == question_of(template, 1, other).key
    times = [
        f"{year}-{month:02}-{day:02} 12:00:00"
        for year in range(2100, 2106)
        for month in range(1, 13)
        for day in (1, 3, 4, 9, 28, 30)
    ]
    assert all(one.lets_through(time) is other.lets_through(time) for time in times if time <= CURRENT_TIME)


def test_filters_that_mean_something_else_are_not():
    drawn = {time for template in catalogue().values() for time in filters(template)}
    meanings = Counter(time.meaning for time in drawn)
    assert len(drawn) > 30
    for meaning, count in meanings.items():
        assert count == 1 or meaning[:3] == "in ", meaning
    assert TimeChoice("abs-year-since", 2104).meaning != TimeChoice("rel-year-last").meaning
    assert {TimeChoice(name).meaning for name in TIME_OPTIONS if name.startswith("rel-hosp")} == {
        "rel-hosp-cur", "rel-hosp-first", "rel-hosp-last",
    }  # fmt: skip


def swapped(question):
    """The same question with the two names of each kind the other way round."""
    visual = question.choice.visual
    names = {field: getattr(visual, field)[::-1] for field in ("objects", "attributes", "categories")}
    return Question(question.template, replace(question.choice, visual=replace(visual, **names)))


def test_the_order_of_two_names_matters_only_where_one_is_taken_from_the_other():
    seen = Counter()
    for number in range(1100, 1148):
        template = catalogue().get(official_id(number))
        kind = KINDS[template.visual] if template else None
        if kind is None or max(kind.objects, kind.attributes, kind.categories) < 2:
            continue
        question = question_of(template, 3)
        differs = kind.combination is Combination.DIFFERENCE
        assert (swapped(question).key != question.key) is differs, filled(question)
        seen[differs] += 1
    assert seen[True] == 3
    assert seen[False] > 15


@pytest.mark.parametrize("number", [71, 93])
def test_the_order_of_drugs_asked_for_together_means_nothing(number):
    question = question_of(official_template(number), 1)
    drugs = [slot for slot in question.template.values if slot.startswith("drug")]
    values = dict(question.choice.values)
    turned = values | dict(zip(drugs, [values[slot] for slot in reversed(drugs)], strict=True))
    assert Question(question.template, replace(question.choice, values=turned)).key == question.key


def test_the_order_of_what_came_first_does_mean_something():
    question = question_of(official_template(140), 1)
    one, other = question.choice.values["diagnosis_name1"], question.choice.values["diagnosis_name2"]
    turned = {"diagnosis_name1": other, "diagnosis_name2": one}
    assert Question(question.template, replace(question.choice, values=turned)).key != question.key


def test_a_question_that_tells_systems_apart_no_better_than_another_is_told_by_its_share(copies, monkeypatch):
    bench = batch.bench_of(copies)
    seen = []

    class Noting:
        def __getattr__(self, name):
            return getattr(bench.checker, name)

        def told_apart(self, question, known, best=None):
            seen.append((question, frozenset(known)))
            return bench.checker.told_apart(question, known, best)

    monkeypatch.setattr(batch, "bench_of", lambda copies: bench._replace(checker=Noting()))
    with clock_at(copies.now):
        run_batch(BatchTask(copies, official_template(95), (Wanted("train"),) * 3, "choices", choices=2))
        assert len(seen) > 3
        assert any(known for _, known in seen)
        for question, known in seen:
            told = bench.checker.told_apart(question)
            new = len(told.told - known)
            for best in ((new, told.share), (new, 1.0), (new + 1, 0.0)):
                assert bench.checker.told_apart(question, known, best) is None
            for best in ((new, told.share - 1e-9), (new - 1, 1.0), None):
                assert bench.checker.told_apart(question, known, best) == told


def test_a_program_that_takes_too_long_is_not_asked_and_ends_nothing(copies, monkeypatch):
    """The answer is quick; on a large database any of the programs that prove it may be the slow one."""

    def slow(self, question, answer, *, every):
        raise TimeLimit("the program takes longer than 20 seconds")

    monkeypatch.setattr("ehrxqa.questions.checking.Checker._alternatives", slow)
    result = run_batch(BatchTask(copies, official_template(95), (Wanted("test"),) * 2, "slow"))
    assert (result.lines, result.faults, result.missing) == ([], [], {"test": 2})
