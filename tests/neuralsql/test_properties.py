"""Random NeuralSQL: the engine against asking row by row, batches, cache, clean-up, structure."""

from __future__ import annotations

import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ehrxqa.neuralsql.cache import AnswerCache
from ehrxqa.neuralsql.calls import calls_of
from ehrxqa.neuralsql.engine import Engine
from ehrxqa.sql.clean_text import clean
from ehrxqa.sql.structure import read
from ehrxqa.sql.tokens import tokenise

QUESTIONS = [
    "is there pneumonia?",
    "is there lung opacity in the left lung?",
    "are there any disease?",
    "are there any abnormality in the right lung?",
    "is there either rotated or pneumonia?",
    "is the width of the cardiac silhouette wider than 1/2 of the thorax width?",
]


def call(alias):
    return st.sampled_from(QUESTIONS).map(lambda question: f'func_vqa("{question}", {alias}.study_id)')


def truth(alias):
    """A truth-valued expression over one study source."""
    return call(alias).flatmap(
        lambda text: st.sampled_from([text, f"{text} = true", f"{text} = false", f"not {text}", f"{text} is true"])
    )


def cheap(alias):
    return st.sampled_from(
        [
            f"{alias}.viewposition = 'ap'",
            f"{alias}.hadm_id is not null",
            f"{alias}.study_id between 50000010 and 50000080",
            f"strftime('%y', {alias}.studydatetime) >= '2102'",
            f"{alias}.subject_id in (select subject_id from patients where gender = 'f')",
            "1",
            "null",
        ]
    )


def condition(alias):
    return st.recursive(
        truth(alias) | cheap(alias),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
            inner.map(lambda text: f"({text})"),
            inner.map(lambda text: f"not ({text})"),
            st.tuples(inner, inner, inner).map(lambda t: f"case when {t[0]} then {t[1]} else {t[2]} end"),
            st.tuples(inner, inner).map(lambda t: f"coalesce({t[0]}, {t[1]})"),
        ),
        max_leaves=5,
    )


COLUMNS = "study_id, subject_id, hadm_id, viewposition, studydatetime"
SOURCES = st.sampled_from(
    [
        "tb_cxr as {}",
        "(select * from tb_cxr) as {}",
        f"(select {COLUMNS} from tb_cxr order by studydatetime desc limit 7) as {{}}",
        f"(select distinct {COLUMNS} from tb_cxr where hadm_id is not null) as {{}}",
    ]
)


@st.composite
def selects(draw):
    """One SELECT with one column of values that can be compared across SELECTs."""
    where = draw(condition("t1"))
    source = draw(SOURCES).format("t1")
    form = draw(st.integers(0, 12))
    if form == 0:
        return f"select t1.study_id from {source} where {where}"
    if form == 1:
        return f"select count(*) > 0 from {source} where {where}"
    if form == 2:
        return f"select count(distinct t1.subject_id) from {source} where {where}"
    if form == 3:
        return f"select {draw(truth('t1'))} from {source} where {where}"
    if form == 4:
        having = draw(call("t1"))
        summed = f"select sum({draw(call('t1'))}) from {source} where {where}"
        return f"{summed} group by t1.subject_id having max({having}) = 1"
    if form == 5:
        join = draw(st.sampled_from(["join", "left join"]))
        on = draw(condition("t2"))
        return (
            f"select t1.study_id + t2.study_id from {source} {join} {draw(SOURCES).format('t2')} "
            f"on t1.subject_id = t2.subject_id and ({on}) where {where}"
        )
    if form == 6:
        inner = draw(condition("c"))
        exists = draw(st.sampled_from(["exists", "not exists"]))
        return (
            f"select t1.study_id from {source} where {exists} (select 1 from tb_cxr c "
            f"where c.subject_id = t1.subject_id and c.study_id < t1.study_id and {inner})"
        )
    if form == 7:
        return (
            f"select (select count(*) > 1 from {source} where {where}) {draw(st.sampled_from(['and', 'or']))} "
            f"(select {draw(call('t2'))} from (select study_id from tb_cxr order by studydatetime limit 1) as t2)"
        )
    if form == 8:
        # in ORDER BY, perhaps by alias or number, and a LIMIT
        order = draw(st.sampled_from(["", "x, ", "2 desc, ", f"{draw(call('t1'))} desc, ", "t1.viewposition, "]))
        item = draw(truth("t1") | condition("t1"))
        limited = f"from {source} where {where} order by {order}t1.study_id limit {draw(st.integers(0, 4))}"
        return f"select x * 100000000 + study_id from (select t1.study_id, {item} as x {limited})"
    if form == 9:
        window = draw(st.sampled_from(["partition by t1.subject_id", f"partition by {draw(call('t1'))}", ""]))
        return f"select count({draw(truth('t1'))}) over ({window}) from {source} where {where}"
    if form == 10:
        inner = draw(condition("c"))
        return (
            f"select t1.study_id from {source} where t1.subject_id {draw(st.sampled_from(['in', 'not in']))} "
            f"(select c.subject_id from tb_cxr c where {inner}) and ({where})"
        )
    if form == 11:
        inner = draw(condition("c"))
        return (
            f"select t1.study_id + coalesce((select max(c.study_id) from tb_cxr c where c.subject_id = t1.subject_id "
            f"and {inner}), 0) from {source} where {where}"
        )
    return f"with w as (select * from {source} where {where}) select w.study_id from w where {draw(truth('w'))}"


@st.composite
def queries(draw):
    parts = draw(st.lists(selects(), min_size=1, max_size=3))
    joiner = draw(st.sampled_from(["union", "union all", "except", "intersect"]))
    if len(parts) == 1 and draw(st.booleans()):  # a LIMIT at the top is a plan of its own
        item = draw(truth("t1"))
        order = draw(st.sampled_from(["", "x, ", "1, ", f"{item}, ", "t1.studydatetime desc, "]))
        where = draw(condition("t1") | st.just(item))
        return (
            f"select {item} as x, t1.study_id from {draw(SOURCES).format('t1')} where {where} "
            f"order by {order}t1.study_id limit {draw(st.integers(0, 4))}"
        )
    if len(parts) > 1:
        parts = [f"select * from ({part})" for part in parts]
    return f" {joiner} ".join(parts)


COMMON = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def test_random_queries_equal_asking_row_by_row(small_database, oracle, slow):
    with Engine(small_database, oracle) as engine:

        @COMMON
        @given(queries())
        def check(query):
            assert sorted(engine.run(query).rows, key=repr) == sorted(slow.run(clean(query)), key=repr)

        check()


class OneByOne:
    """The oracle, asked one at a time."""

    def __init__(self, model):
        self._model = model
        self.name, self.version, self.batch_size = model.name, model.version, 1

    def answer(self, requests):
        assert len(requests) == 1
        return self._model.answer(requests)


def test_batches_one_by_one_and_the_cache_make_no_difference(small_database, oracle, tmp_path):
    with (
        Engine(small_database, oracle) as batches,
        Engine(small_database, OneByOne(oracle)) as one_by_one,
        AnswerCache(tmp_path / "answers.cache") as cache,
        Engine(small_database, oracle, cache=cache) as cached,
    ):

        @settings(COMMON, max_examples=40)
        @given(queries())
        def check(query):
            expected = batches.outcome(query)
            for engine in (one_by_one, cached):
                found = engine.outcome(query)
                assert (found.status, found.answer, found.questions) == (
                    expected.status,
                    expected.answer,
                    expected.questions,
                )

        check()
        assert len(cache) > 0
    with (
        AnswerCache(tmp_path / "answers.cache") as cache,
        Engine(small_database, OneByOne(oracle), cache=cache) as again,
    ):
        result = again.run('select sum(func_vqa("is there pneumonia?", study_id)) from tb_cxr')
        assert result.counters.asked + result.counters.cached == 21


LITERALS = st.text(alphabet="ab' %yj<=_’“-;(", max_size=8).map(lambda text: "'" + text.replace("'", "''") + "'")


@settings(COMMON, max_examples=200)
@given(st.lists(LITERALS, min_size=1, max_size=5))
def test_ordinary_literals_survive_the_clean_up(literals):
    """Apart from those that are a published quirk: a pair of doubled quotes right around a text."""
    query = "select " + " , ".join(literals) + " , current_time"
    expected = "select " + " , ".join(literals) + " , '2105-12-31 23:59:00'"
    assert [token.text for token in tokenise(clean(query))] == [token.text for token in tokenise(expected)]


@settings(COMMON, max_examples=40)
@given(queries())
def test_the_structure_agrees_with_a_full_parser(query):
    """A second opinion on where calls and SELECTs are: sqlglot's."""
    structure = read(clean(query))
    calls = calls_of(structure)
    tree = sqlglot.parse_one(clean(query), dialect="sqlite")
    theirs = [node for node in tree.find_all(sqlglot.exp.Anonymous) if node.name.lower() == "func_vqa"]
    assert len(calls) == len(theirs)
    in_where = [call for call in calls if call.clause == "where"]
    assert len(in_where) == sum(isinstance(_clause(node), sqlglot.exp.Where) for node in theirs)
    assert structure.root.end == len(structure.tokens)


def _clause(node):
    kinds = (sqlglot.exp.Where, sqlglot.exp.Select, sqlglot.exp.Having, sqlglot.exp.Join, sqlglot.exp.Group)
    return node.find_ancestor(*kinds)
