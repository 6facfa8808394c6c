"""Tables and columns in words: what `describe_tables` tells."""

from __future__ import annotations

from typing import Any, Final

from ehrxqa.agents.results import Cell, Column, Table
from ehrxqa.publish.tables_json import schema_record
from ehrxqa.sql.sandbox import Sandbox

__all__ = ["NOTES", "read_tables"]

#: How queries are written, for a model that knows SQL but not this database.
NOTES: Final = (
    "SQLite. A query is one SELECT. All texts are in lower case; times are texts 'YYYY-MM-DD HH:MM:SS'.",
    "Find how the database spells a name with search_values before you compare with it.",
    'func_vqa("question", study_id) asks the X-ray of a study: 1 or 0 for a yes/no question, one row per finding for '
    '"list all …". Studies are rows of tb_cxr.',
    "Names of items stand in d_items and d_labitems, of codes in d_icd_diagnoses and d_icd_procedures.",
    "cost.event_type says which table cost.event_id is the row_id of.",
)

_EXAMPLES: Final = 5
_LONGEST_EXAMPLE: Final = 60


def read_tables(sandbox: Sandbox) -> dict[str, Table]:
    """Descriptions of the tables that queries may read, by name.

    Args:
        sandbox: The database, with the answer key out of reach.

    Raises:
        BuildError: The database lacks a table or column of the schema.
    """
    (schema,) = schema_record(sandbox.path)
    columns: list[tuple[int, str]] = schema["column_names_original"]
    keys = {
        at: f"{schema['table_names_original'][columns[target][0]]}.{columns[target][1]}"
        for at, target in schema["foreign_keys"]
    }
    tables: dict[str, Table] = {}
    for number, name in enumerate(schema["table_names_original"]):
        places = [at for at, (table, _) in enumerate(columns) if table == number]
        (total,) = sandbox.run(f"SELECT count(*) FROM {name}").rows[0]
        described = [_column(sandbox, name, schema, at, keys.get(at, "")) for at in places]
        tables[name] = Table(name, schema["table_descriptions"][number], int(str(total)), described)
    return tables


def _column(sandbox: Sandbox, table: str, schema: dict[str, Any], at: int, key: str) -> Column:
    name, kind = schema["column_names_original"][at][1], schema["column_types"][at]
    examples: list[Cell] = []
    if kind == "text" and not key and not name.endswith("id"):
        found = sandbox.run(
            f"SELECT {name} FROM {table} WHERE {name} IS NOT NULL AND length({name}) <= {_LONGEST_EXAMPLE} "
            f"GROUP BY {name} ORDER BY count(*) DESC, {name} LIMIT {_EXAMPLES}"
        )
        examples = [value for (value,) in found if isinstance(value, str)]
    return Column(name, kind, schema["column_descriptions"][at], key, examples)
