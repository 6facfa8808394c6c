"""Hostile SQL: every query of a corpus, and fragments put together at random, ends as it must and changes nothing."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ehrxqa.errors import NeuralSqlError
from ehrxqa.neuralsql.engine import Engine
from ehrxqa.neuralsql.result import status_of
from ehrxqa.sql.errors import Denied
from ehrxqa.sql.sandbox import ANSWER_KEY, open_database
from ehrxqa.vqa.registry import make_model
from hostile_corpus import CANARY, CORPUS, LIMITS, make_target


@pytest.fixture(scope="module")
def target(small_database, tmp_path_factory):
    """A copy of the small database with views, alone in its folder."""
    return make_target(small_database, tmp_path_factory.mktemp("target") / "target.db")


@pytest.fixture(scope="module")
def attacked(target):
    """One engine for all attacks: none may spoil it for the next."""
    with Engine(target, make_model("oracle", database=target), limits=LIMITS) as engine:
        yield engine


def test_the_corpus_is_large():
    assert len(CORPUS) >= 500
    assert len({attack.query for attack in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("attack", CORPUS, ids=[f"line{attack.line}" for attack in CORPUS])
def test_every_attack_ends_as_it_must(attacked, target, attack):
    before = hashlib.sha256(target.read_bytes()).hexdigest()
    try:
        result = attacked.run(attack.query)
        assert CANARY not in str(result.answer)
        found, said = "answered", ""
    except NeuralSqlError as error:
        found = "denied" if isinstance(error, Denied) else status_of(error)
        said = str(error)
        assert said
        assert "\n" not in said
        assert len(said) < 500
    assert (found, attack.why in said) == (attack.outcome, True), said
    assert CANARY not in said
    assert attacked.run("select count(*) from patients").answer == [6]  # and the next query finds all as it was
    assert hashlib.sha256(target.read_bytes()).hexdigest() == before
    assert [path.name for path in target.parent.iterdir()] == ["target.db"]


def attributes(path):
    """What nobody may learn from the answer key."""
    with open_database(path) as sandbox:
        return {row[0] for row in sandbox.run("SELECT DISTINCT attribute FROM tb_cxr_plus")}


def test_the_sandbox_alone_denies_too(target):
    """Without the checks that come before it: whatever is sent to SQLite as it is."""
    before = hashlib.sha256(target.read_bytes()).hexdigest()
    secret = attributes(target)
    with open_database(target, limits=replace(LIMITS, seconds=0.05), deny_tables=ANSWER_KEY) as sandbox:
        for attack in CORPUS:
            outcome, query = attack.outcome, attack.query
            if outcome in ("answered", "abstained") or "func_vqa" in query or "ehrxqa_" in query:
                continue
            try:
                rows = sandbox.run(query).rows
            except NeuralSqlError:
                continue
            # what is left are queries without harm: shapes that are no answer, or a table that nothing is read of
            allowed = ("select", "with", "values", "\ufeff")
            assert query.lower().lstrip().startswith(allowed), (attack.line, rows[:2])
            assert not secret & {value for row in rows for value in row if isinstance(value, str)}
    assert hashlib.sha256(target.read_bytes()).hexdigest() == before
    assert [path.name for path in target.parent.iterdir()] == ["target.db"]


FRAGMENTS = [
    "select", "from", "where", "tb_cxr", "tb_cxr_plus", '"tb_cxr_plus"', "[TB_CXR_PLUS]", "`tb_cxr_plus`",
    "'tb_cxr_plus'", "main.", "temp.", "harmless_view", "*", "count(*)", "attribute", "study_id", "(", ")", ",",
    ";", "--", "/*", "*/", "'", '"', "union", "union all", "except", "with", "as", "a", "recursive", "values",
    "(1)", "1", "null", "in", "exists", "and", "or", "not", "join", "left join", "natural", "using (study_id)",
    "on", "group by", "order by", "limit", "having", "pragma", "attach", "insert into", "delete from", "update",
    "set", "create table", "drop table", "vacuum into 'x.db'", 'func_vqa("is there pneumonia?",',
    'func_vqa("list all abnormality.",', "study_id)", "sqlite_master", "dbstat",
    "pragma_table_info('tb_cxr_plus')", "load_extension('x')", "random()", "ehrxqa_truth(0,", "case", "when",
    "then", "end", "over", "partition by", "window", "filter (where", "between", "like", "glob", "collate nocase",
    "cast(", "as text)", "returning *", "json_each('[1]')", "select * from tb_cxr",
    "(select study_id from tb_cxr)", "x'00'", "?1", ":a", "\u0000", "“", "’", "''", "< =", "current_time",
    " heart_rate_lower", " heart_rate_upper", "%y",
]  # fmt: skip


def test_random_fragments_never_get_through(attacked, target, oracle):
    secret = attributes(target)
    before = hashlib.sha256(target.read_bytes()).hexdigest()

    @settings(
        deadline=None, max_examples=500, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=12).map(" ".join))
    def check(query):
        try:
            result = attacked.run(query)
        except NeuralSqlError:
            return
        if "func_vqa" not in query:
            assert not secret & {value for row in result.rows for value in row if isinstance(value, str)}

    check()
    assert hashlib.sha256(target.read_bytes()).hexdigest() == before
    assert [path.name for path in target.parent.iterdir()] == ["target.db"]
