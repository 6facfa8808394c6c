"""Random small hospitals full of ties, and random programs in and beyond the language of gold programs."""

from __future__ import annotations

import random
from pathlib import Path

import apsw

# ruff: noqa: E501 - programs are long
# (table, columns): columns as (name, declared type, how values are made)
TABLES = {
    "patients": {"subject_id": "id", "gender": "gender", "dod": "time?"},
    "admissions": {"subject_id": "id", "hadm_id": "id", "admittime": "time", "dischtime": "time?", "age": "small"},
    "d_icd_diagnoses": {"icd_code": "code", "long_title": "name"},
    "diagnoses_icd": {"subject_id": "id", "hadm_id": "id", "icd_code": "code", "charttime": "time"},
    "prescriptions": {"subject_id": "id", "hadm_id": "id", "starttime": "time", "drug": "name", "dose_val_rx": "real?"},
    "labevents": {"subject_id": "id", "hadm_id": "realid?", "itemid": "id", "charttime": "time", "valuenum": "real?"},
    "d_labitems": {"itemid": "id", "label": "name"},
    "cost": {"subject_id": "id", "hadm_id": "realid?", "event_type": "name", "event_id": "id", "cost": "real?"},
    "tb_cxr": {"subject_id": "id", "hadm_id": "realid?", "study_id": "id", "studydatetime": "time"},
    "tb_cxr_plus": {
        "subject_id": "id", "hadm_id": "realid?", "study_id": "id", "studydatetime": "time", "object": "name",
        "attribute": "code", "category": "gender", "relation": "bit",
    },
}  # fmt: skip
TYPES = {"id": "INTEGER", "small": "INTEGER", "bit": "INTEGER", "realid": "REAL", "real": "REAL"}
IDS = range(10_001, 10_009)
NAMES = ["aspirin", "heparin", "o''brien", "zinc", "Aspirin", "10001", "é"]
CODES = ["a1", "b2", "c3", "10002"]
TIMES = ["2104-01-01 00:00:00", "2104-02-03 10:00:00", "2105-02-03 10:00:00", "2105-12-31 23:59:00"]


def make_database(path: Path, rng: random.Random) -> None:
    """A database in the official form, without indexes."""
    db = apsw.Connection(str(path))
    db.execute("PRAGMA synchronous = OFF").fetchall()
    db.execute("BEGIN")
    for table, columns in TABLES.items():
        kinds = ["row_id", *columns]
        declared = [
            '"row_id" INTEGER',
            *(f'"{name}" {TYPES.get(kind.rstrip("?"), "TEXT")}' for name, kind in columns.items()),
        ]
        db.execute(f'CREATE TABLE "{table.upper()}" (\n{", ".join(declared)}\n)')
        rows = [
            (number, *(_value(kind, rng) for kind in columns.values()))
            for number in range(rng.choice([0, 12, 60, 120]))
        ]
        places = ", ".join("?" * len(kinds))
        db.executemany(f'INSERT INTO "{table.upper()}" VALUES ({places})', rows)
        if rng.random() < 0.3:
            db.execute(f'DELETE FROM "{table.upper()}" WHERE row_id % 7 = 3')
    db.execute("COMMIT")
    db.close()


def _value(kind: str, rng: random.Random):
    if kind.endswith("?"):
        if rng.random() < 0.25:
            return None
        kind = kind[:-1]
    match kind:
        case "id":
            return rng.choice(IDS)
        case "realid":
            return float(rng.choice(IDS))
        case "small":
            return rng.randint(20, 24)
        case "bit":
            return rng.randint(0, 1)
        case "real":
            return rng.choice([0.1, 0.2, 0.30000000000000004, 1e16, -1e16, 3.0, 7.7, 1e-9])
        case "name":
            return rng.choice(NAMES).replace("''", "'")
        case "code":
            return rng.choice(CODES)
        case "gender":
            return rng.choice("mf")
    return rng.choice(TIMES)


class Programs:
    """Makes programs; the deeper, the simpler."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def pick(self, *choices):
        return self.rng.choice(choices)

    def program(self) -> str:
        kind = self.rng.random()
        if kind < 0.12:
            operators = [self.pick("union", "intersect", "except", "union all") for _ in range(self.pick(1, 1, 2))]
            table, column = self.column()
            text = self.select(2, table, column)
            for operator in operators:
                other = (table, column) if self.chance(0.6) else self.column()
                text += f" {operator} {self.select(2, *other)}"
            return text + self.pick("", "", " order by 1", " order by 1 desc limit 3", " limit 3")
        if kind < 0.2:
            operator = self.pick("and", "or", "-", "<", "=")
            return f"select ( {self.scalar(2)} ) {operator} ( {self.scalar(2)} )"
        if kind < 0.32:
            return self.join(self.rng.random())
        if kind < 0.45:
            return self.derived()
        table, column = self.column()
        return self.select(0, table, column, complete=True)

    def column(self, *kinds: str) -> tuple[str, str]:
        table = self.rng.choice(list(TABLES))
        columns = [name for name, kind in TABLES[table].items() if not kinds or kind.rstrip("?") in kinds]
        return (table, self.rng.choice(columns)) if columns else self.column(*kinds)

    def literal(self, table: str, column: str) -> str:
        kind = TABLES[table][column].rstrip("?")
        if self.chance(0.08):
            kind = self.pick("id", "name", "small", "real")
        match kind:
            case "id" | "realid":
                return self.pick(str(self.rng.choice(IDS)), f"'{self.rng.choice(IDS)}'", str(self.rng.choice(IDS)))
            case "small":
                return str(self.rng.randint(20, 24))
            case "bit":
                return self.pick("0", "1")
            case "real":
                return self.pick("0.2", "3", "7.7")
            case "name":
                return f"'{self.rng.choice(NAMES)}'"
            case "code":
                return f"'{self.rng.choice(CODES)}'"
            case "gender":
                return self.pick("'m'", "'f'")
        return f"'{self.rng.choice(TIMES)}'"

    def condition(self, table: str, depth: int, name: str | None = None) -> str:
        column = self.rng.choice(list(TABLES[table]))
        kind = TABLES[table][column].rstrip("?")
        full = f"{name or table}.{column}"
        choice = self.rng.random()
        if kind == "time":
            return self.pick(
                f"strftime('%Y',{full}) {self.pick('=', '>=', '<=')} '{self.pick('2104', '2105')}'",
                f"datetime({full},'start of year') = datetime('2105-12-31 23:59:00','start of year','-{self.pick(0, 1)} year')",
                f"datetime({full}) >= datetime('2105-12-31 23:59:00','-{self.rng.randint(1, 20)} month')",
                f"{full} is {self.pick('', 'not ')}null",
            )
        if choice < 0.4 or depth >= 3:
            return f"{full} {self.pick('=', '=', '=', '>', '<=', '<>')} {self.literal(table, column)}"
        if choice < 0.5:
            return f"{full} in ( {self.literal(table, column)}, {self.literal(table, column)} )"
        if choice < 0.55:
            return f"( {self.condition(table, depth + 1, name)} or {self.condition(table, depth + 1, name)} )"
        if choice < 0.6:
            return f"{full} is {self.pick('', 'not ')}null"
        if choice < 0.63:
            return f"{full} between {self.literal(table, column)} and {self.literal(table, column)}"
        other = next(
            (
                found
                for found in (self.column() for _ in range(20))
                if found[1] == column or TABLES[found[0]][found[1]].rstrip("?") == kind
            ),
            self.column(),
        )
        if choice < 0.75:
            return f"{full} {self.pick('=', '=', '<')} ( {self.select(depth + 1, *other)} )"
        return f"{full} {self.pick('in', 'in', 'in', 'not in')} ( {self.select(depth + 1, *other)} )"

    def where(self, table: str, depth: int, name: str | None = None) -> str:
        conditions = [self.condition(table, depth, name) for _ in range(self.pick(0, 0, 1, 1, 1, 2))]
        return f" where {' and '.join(conditions)}" if conditions else ""

    def tail(self, table: str, depth: int, name: str | None = None) -> str:
        text = ""
        if self.chance(0.45):
            terms = [
                f"{name or table}.{self.rng.choice(list(TABLES[table]))} {self.pick('', 'asc', 'desc')}"
                for _ in range(self.pick(1, 1, 2))
            ]
            text += " order by " + ", ".join(terms)
        if self.chance(0.45):
            text += f" limit {self.rng.randint(1, 4)}" + self.pick("", "", " offset 1")
        return text

    def aggregate(self, table: str, name: str | None = None) -> str:
        column = f"{name or table}.{self.rng.choice(list(TABLES[table]))}"
        return self.pick(
            "count(*)", f"count({column})", f"count( distinct {column} )", f"sum({column})", f"avg({column})",
            f"min({column})", f"max({column})", f"total({column})", f"group_concat({column})", f"sum( distinct {column} )",
        )  # fmt: skip

    def scalar(self, depth: int) -> str:
        table, column = self.column()
        if self.chance(0.5):
            return f"select {self.aggregate(table)}{self.pick('', ' > 0')} from {table}{self.where(table, depth)}"
        return self.select(depth, table, column)

    def select(self, depth: int, table: str, column: str, *, complete: bool = False) -> str:
        rng = self.rng
        alias = self.pick(None, None, None, "t")
        name = alias or table
        source = f"{table}{self.pick(' as ', ' ') + alias if alias else ''}"
        full = f"{name}.{column}" if self.chance(0.9) else column
        where = self.where(table, depth, name)
        kind = rng.random()
        if complete and kind < 0.12:
            return f"select {self.aggregate(table, name)}{self.pick('', ' > 0', ' * 2')} from {source}{where}"
        if complete and kind < 0.3:
            return self.grouped(table, name, source, where)
        if complete and kind < 0.36:
            order = rng.choice(list(TABLES[table]))
            rank = self.pick("dense_rank", "rank", "row_number", "percent_rank")
            return (
                f"select {rank}() over ( order by {name}.{order} ) from {source}{where}{self.tail(table, depth, name)}"
            )
        if kind < 0.42:
            full = self.pick(
                f"strftime('%Y',{full})", f"round({full}, 1)", f"{full} > {self.literal(table, column)}", f"{full} * 1.5",
                f"case when {full} is null then 0 else 1 end", f"coalesce({full}, 0)",
            )  # fmt: skip
        distinct = self.pick("", "", "distinct ")
        tail = self.tail(table, depth, name)
        if distinct and self.chance(0.3):
            tail = f" order by {full} {self.pick('', 'desc')}" + self.pick("", " limit 2")
        return f"select {distinct}{full} from {source}{where}{tail}"

    def grouped(self, table: str, name: str, source: str, where: str) -> str:
        rng = self.rng
        keys = [
            self.pick(f"{name}.{column}", f"{name}.{column}", f"strftime('%Y',{name}.{column})")
            for column in rng.sample(list(TABLES[table]), self.pick(1, 1, 2))
        ]
        aggregate = self.aggregate(table, name)
        item = self.pick(
            aggregate, keys[0], keys[-1], f"{name}.{rng.choice(list(TABLES[table]))}",
            f"dense_rank() over ( order by {aggregate} desc )",
        )  # fmt: skip
        text = f"select {item} from {source}{where} group by {', '.join(keys)}"
        if self.chance(0.25):
            text += f" having {self.pick('count(*) >= 2', f'min({name}.{self.rng.choice(list(TABLES[table]))}) is not null')}"
        if self.chance(0.5):
            terms = rng.sample([aggregate, keys[0], keys[-1], "count(*)"], self.pick(1, 2))
            text += " order by " + ", ".join(f"{term} {self.pick('asc', 'desc')}" for term in terms)
        return text + self.pick("", "", " limit 3")

    def derived(self) -> str:
        rng = self.rng
        table, column = self.column()
        aggregate = self.aggregate(table)
        ranked = self.pick(aggregate, "dense_rank() over ( order by count(*) desc )", f"count({table}.{column})")
        where = self.where(table, 1)
        inner = self.pick(
            f"select {table}.{column}, {ranked} as c1 from {table}{where} group by {table}.{column}",
            f"select {table}.{column}, {table}.{rng.choice(list(TABLES[table]))} as c1 from {table}{where}{self.tail(table, 1)}",
            f"select distinct {table}.{column}, {table}.{rng.choice(list(TABLES[table]))} as c1 from {table}{where}",
            f"select {table}.{column}, percent_rank() over ( order by {table}.{rng.choice(list(TABLES[table]))} ) as c1 "
            f"from {table}{where}",
        )
        item = self.pick(
            f"t1.{column}", f"distinct t1.{column}", "max(t1.c1)", "avg(t1.c1)", "sum(t1.c1)", "t1.c1", "c1"
        )
        text = f"select {item} from ( {inner} ) as t1"
        if self.chance(0.6):
            text += f" where t1.c1 {self.pick('<=', '=', '>')} {self.rng.randint(1, 3)}"
        if self.chance(0.2):
            text += f" group by t1.{self.pick('c1', column)}"
        if self.chance(0.3):
            text += f" order by t1.{self.pick('c1', column)} {self.pick('', 'desc')}"
        return text + self.pick("", "", " limit 2")

    def join(self, kind: float) -> str:
        rng = self.rng
        first, second = rng.sample([name for name in TABLES if "subject_id" in TABLES[name]], 2)
        a, b = (rng.choice(list(TABLES[name])) for name in (first, second))
        if kind < 0.45:  # select … from t join u
            on = self.pick("subject_id", "subject_id", "hadm_id")
            if on not in TABLES[first] or on not in TABLES[second]:
                on = "subject_id"
            sources = f"{first} join {second} on {first}.{on} = {second}.{on}"
            names = (first, second)
        else:
            sides = [
                f"( select {name}.subject_id, {name}.{column} as x from {name}{self.where(name, 2)} ) as {alias}"
                for name, column, alias in ((first, a, "t1"), (second, b, "t2"))
            ]
            sources = f"{sides[0]} {self.pick('join', 'inner join')} {sides[1]} on t1.subject_id = t2.subject_id"
            names, a, b = ("t1", "t2"), "x", "x"
        where = [f"{names[0]}.{a} {self.pick('<', '=', '<=')} {names[1]}.{b}"] if self.chance(0.5) else []
        if kind < 0.45:
            where += [self.condition(name, 2) for name in names if self.chance(0.5)]
        text = f" from {sources}" + (f" where {' and '.join(where)}" if where else "")
        key = f"{names[1]}.{b}"
        shape = rng.random()
        if shape < 0.12:
            value = self.pick(f"{names[0]}.{a}", key)
            item = self.pick(
                f"sum({value})", f"avg({value})", f"group_concat({value})", f"max({value})", f"count({value})", value
            )
            group = f"{names[1]}.{self.pick('subject_id', b)}"
            return (
                f"select {item}{text} group by {group}{self.pick('', f' order by {group} desc', ' order by count(*)')}"
            )
        if shape < 0.25:
            item = self.pick(
                f"count( distinct {names[0]}.subject_id )", "count(*) > 0", f"max({key})", f"sum({key})", f"group_concat({key})",
                f"avg({names[0]}.{a})", key,
            )  # fmt: skip
            return f"select {item}{text}"
        if shape < 0.45:
            rank = f"select {key} as k, dense_rank() over ( order by count(*) desc ) as c1{text} group by {key}"
            return f"select t3.k from ( {rank} ) as t3 where t3.c1 <= {self.rng.randint(1, 3)}"
        if shape < 0.6:
            extreme = f"{names[0]}.{a}"
            having = f"select {names[1]}.subject_id as s, {extreme} as x{text} group by {names[1]}.subject_id having min({extreme}) = {extreme}"
            return f"select {self.pick('s', 'x', 'count(*)', 'avg(case when x is null then 0 else 1 end)')} from ( {having} ) as t4"
        if shape < 0.8:
            return f"select {self.pick('', 'distinct ')}{key}{text} order by {key} {self.pick('', 'desc')}{self.pick('', ' limit 1')}"
        return f"select {self.pick('', 'distinct ')}{key}{text}{self.pick('', '', ' limit 2')}"
