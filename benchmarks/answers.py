"""How fast gold programs are answered: `ehrxqa answer` as a whole, beside the plain way measured in the same run.

The programs of a pre-release file (or, without one, a dozen typical programs) are multiplied: each copy compares with
other values of the same columns, drawn from the database by a seed. A sample of them is run one after the other on the
plain database, in one process, and then the whole file is answered; the answers of the sample must be equal.

    python benchmarks/answers.py --database out/database/test/mimic_iv_cxr.db --questions _test.json [--records 20000]

Without `--database` a synthetic hospital is made and built first.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import tempfile
import time
from pathlib import Path

import apsw

from ehrxqa.dataset.answer import answer
from ehrxqa.sql.gold.indexed import schema_of
from ehrxqa.sql.gold.runner import Job, Runner, jobs_of
from ehrxqa.sql.gold.shape import Unproven, shape_of
from ehrxqa.sql.official_text import normalise

ADMISSIONS = "( select admissions.hadm_id from admissions where admissions.subject_id = 10000 )"
STAYS = f"( select icustays.stay_id from icustays where icustays.hadm_id in {ADMISSIONS} )"
LAB = "( select d_labitems.itemid from d_labitems where d_labitems.label = 'a' )"
TITLE = "( select d_icd_diagnoses.icd_code from d_icd_diagnoses where d_icd_diagnoses.long_title = 'a' )"
LAST = (
    "( select distinct tb_cxr_plus.study_id from tb_cxr_plus where tb_cxr_plus.subject_id = 10000 "
    "order by tb_cxr_plus.studydatetime desc limit 1 )"
)
TYPICAL = (
    f"select count(*) > 0 from diagnoses_icd where diagnoses_icd.hadm_id in {ADMISSIONS} "
    f"and diagnoses_icd.icd_code = {TITLE}",
    f"select labevents.valuenum from labevents where labevents.hadm_id in {ADMISSIONS} and labevents.itemid in {LAB} "
    "order by labevents.charttime desc limit 1",
    f"select avg(labevents.valuenum) from labevents where labevents.hadm_id in {ADMISSIONS} "
    f"and labevents.itemid in {LAB} group by strftime('%y-%m',labevents.charttime)",
    f"select sum(cost.cost) from cost where cost.hadm_id in {ADMISSIONS}",
    f"select max(chartevents.valuenum) from chartevents where chartevents.stay_id in {STAYS}",
    "select distinct prescriptions.route from prescriptions where prescriptions.drug = 'a'",
    "select t1.drug from ( select prescriptions.drug, dense_rank() over ( order by count(*) desc ) as c1 "
    "from prescriptions where strftime('%y',prescriptions.starttime) >= '2104' group by prescriptions.drug ) as t1 "
    "where t1.c1 <= 3",
    f"select count( distinct admissions.subject_id ) from admissions where admissions.hadm_id in "
    f"( select diagnoses_icd.hadm_id from diagnoses_icd where diagnoses_icd.icd_code = {TITLE} )",
    f"select t2.drug from ( select diagnoses_icd.subject_id, diagnoses_icd.charttime from diagnoses_icd where "
    f"diagnoses_icd.icd_code = {TITLE} ) as t1 join ( select prescriptions.subject_id, prescriptions.drug, "
    f"prescriptions.starttime from prescriptions where prescriptions.hadm_id in {ADMISSIONS} ) as t2 "
    "on t1.subject_id = t2.subject_id where t1.charttime < t2.starttime",
    "select count(*) > 0 from tb_cxr_plus where tb_cxr_plus.study_id in ( 10000 ) and tb_cxr_plus.relation = 1 "
    "and tb_cxr_plus.object = 'a' and tb_cxr_plus.attribute = 'a'",
    f"select distinct tb_cxr_plus.attribute from tb_cxr_plus where tb_cxr_plus.study_id in {LAST} "
    "and tb_cxr_plus.relation = 1 and tb_cxr_plus.category = 'a'",
    "select count( distinct tb_cxr_plus.subject_id ) from tb_cxr_plus where tb_cxr_plus.relation = 1 "
    "and tb_cxr_plus.object = 'a' and tb_cxr_plus.attribute = 'a'",
)
COMPARISON = re.compile(r"\b(\w+)\.(\w+) (=|in \() ?('[^']*'|\d{4,})")


def varied(programs: list[str], database: Path, records: int, rng: random.Random) -> list[str]:
    """So many programs: each in turn, with other values."""
    db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    pools: dict[tuple[str, str], list[str]] = {}

    def draw(match: re.Match[str]) -> str:
        table, column, comparison, old = match.groups()
        if (table, column) not in pools:
            try:
                # of a dictionary: what occurs
                used = {
                    "d_icd_diagnoses": "diagnoses_icd",
                    "d_icd_procedures": "procedures_icd",
                    "d_labitems": "labevents",
                }
                key = "itemid" if table == "d_labitems" else "icd_code"
                which = f" WHERE {key} IN (SELECT {key} FROM {used[table]})" if table in used else ""
                values = [value for (value,) in db.execute(f"SELECT DISTINCT {column} FROM {table}{which} LIMIT 5000")]
            except apsw.SQLError:  # not a table but the name of a select
                values = []
            pools[table, column] = [
                str(int(value)) if isinstance(value, int | float) else f"'{value}'"
                for value in values
                if value is not None and "'" not in str(value)
            ]
        pool = pools[table, column]
        return f"{table}.{column} {comparison} {rng.choice(pool) if pool else old}"

    return [COMPARISON.sub(draw, programs[number % len(programs)]) for number in range(records)]


def synthetic(folder: Path) -> Path:
    """The test database of a synthetic hospital."""
    from ehrxqa.building.build import build
    from ehrxqa.hospital import synth

    synth(folder / "sources", subjects=300, images=False)
    build(folder / "sources", folder / "out")
    return folder / "out" / "database" / "test" / "mimic_iv_cxr.db"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", type=Path)
    parser.add_argument("--questions", type=Path, help="a pre-release file")
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--sample", type=int, default=400, help="programs run the plain way")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        database = arguments.database or synthetic(work)
        programs = list(TYPICAL)
        if arguments.questions is not None:
            programs = [record["_gold_program"] for record in json.loads(arguments.questions.read_text("utf-8"))]
        programs = varied([normalise(program) for program in programs], database, arguments.records, rng)
        questions = [
            {"db_id": "mimic_iv_cxr", "split": "test", "id": number, "_gold_program": program}
            for number, program in enumerate(programs)
        ]
        (work / "_test.json").write_text(json.dumps(questions), "utf-8")

        schema = schema_of(database)
        started = time.process_time()
        jobs = jobs_of(programs, schema)
        planned = time.process_time() - started
        shapes: dict[str, bool] = {}
        for job in jobs:
            try:
                shapes[shape_of(job.text)[0]] = job.indexed is not None
            except Unproven:
                shapes[job.text] = False
        ways = [job.indexed is not None for job in jobs]
        print(f"{len(programs):,} programs of {len(shapes):,} shapes on {database.stat().st_size / 1e6:.0f} MB")
        print(f"fast shapes   {sum(shapes.values()) / len(shapes):8.1%}   (programs: {sum(ways) / len(ways):.1%})")
        print(f"reading them  {planned / len(programs) * 1e6:8.0f} µs a program")

        sample = rng.sample(range(len(programs)), min(arguments.sample, len(programs)))
        runner = Runner.sandboxed(database, None, 60.0)
        started, used = time.perf_counter(), time.process_time()
        plain = {number: runner.run(Job(number, normalise(programs[number]))) for number in sample}
        seconds, used = time.perf_counter() - started, time.process_time() - used
        runner.close()
        each = used / len(sample) * 1e3
        print(f"plain         {len(sample) / seconds:8.0f} programs/s on one core ({each:.2f} ms of CPU each)")

        cpu = _cpu()
        started = time.perf_counter()
        report = answer(database, work / "_test.json", work / "test.json")
        fast_seconds, cpu = time.perf_counter() - started, _cpu() - cpu
        rate = len(programs) / fast_seconds
        print(
            f"answer        {rate:8.0f} programs/s on {os.cpu_count()} cores "
            f"({cpu / len(programs) * 1e3:.2f} ms of CPU each), reading and writing the files included"
        )
        print(f"ratio         {rate * seconds / len(sample):8.1f} to one core the plain way")
        print(f"ratio of CPU  {used / len(sample) / (cpu / len(programs)):8.1f}")
        answers = {record["id"]: record["answer"] for record in json.loads((work / "test.json").read_text("utf-8"))}
        failed = {failure.id for failure in report.failed}
        different = [
            number
            for number, (found, reason) in plain.items()
            if (number in failed) != (reason is not None)
            or (reason is None and json.dumps(found) != json.dumps(answers[number]))
        ]
        print(f"sample equal  {len(sample) - len(different):8,} of {len(sample):,}; {len(failed):,} programs failed")
        if different:
            raise SystemExit(f"different: {programs[different[0]]}")


def _cpu() -> float:
    mine, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    main()
