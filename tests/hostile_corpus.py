"""The hostile corpus, for every door that takes SQL from strangers, and what must never come out of one.

`CORPUS` holds the queries of `neuralsql/data/hostile.txt`; `make_target` a database to run them on, whose answer key
holds a canary: a text that no query, tool or page may ever show, because no image has it.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import apsw

from ehrxqa.sql.limits import Limits

#: Small, so that hundreds of attacks end soon; the outcomes of the corpus hold under these.
LIMITS = Limits(seconds=0.2, rows=1_000, result_bytes=1_000_000, memory=64_000_000, questions=50)

#: In the answer key only, as a finding that is absent: a perfect model never names it.
CANARY = "canary-in-the-answer-key"


@dataclass(frozen=True)
class Attack:
    """One query: the outcome it must have, a piece of the reason, and where it stands in the file."""

    line: int
    outcome: str
    why: str
    query: str


def read_corpus(path: Path) -> Iterator[Attack]:
    for number, line in enumerate(path.read_text("utf-8").split("\n"), start=1):
        if line and not line.startswith("#"):
            outcome, why, query = line.split("\t", 2)
            query = re.sub(r'(?<!\\)"', r'\\"', query)
            query = json.loads(f'"{query}"')
            query = re.sub(r"⟦(.*?)⟧×(\d+)", lambda m: m[1] * int(m[2]), query, flags=re.DOTALL)
            yield Attack(number, outcome, why, query)


CORPUS = list(read_corpus(Path(__file__).parent / "neuralsql" / "data" / "hostile.txt"))


def make_target(database: Path, target: Path) -> Path:
    """A copy of a database with views, statistics and the canary, alone in its folder."""
    shutil.copy(database, target)
    db = apsw.Connection(str(target))
    db.execute(
        "INSERT INTO tb_cxr_plus SELECT 1000000, subject_id, hadm_id, study_id, image_id, viewposition, studydatetime, "
        "studyorder, 'left lung', 0, ?, 'disease', ct_ratio, mt_ratio FROM tb_cxr_plus LIMIT 1",
        (CANARY,),
    )
    db.execute("CREATE VIEW harmless_view AS SELECT study_id, attribute FROM tb_cxr_plus")
    db.execute("CREATE VIEW nested_view AS SELECT study_id AS s FROM harmless_view")
    db.execute("CREATE VIEW allowed_view AS SELECT 7 AS x")
    db.execute("ANALYZE")
    db.close()
    return target
