"""Tables and columns in words: what `describe_tables` tells."""

from __future__ import annotations

from typing import Final

from ehrxqa.agents.results import Cell, ColumnDescription, TableDescription
from ehrxqa.errors import BuildError, NeuralSqlError
from ehrxqa.spec.table import Column as DeclaredColumn
from ehrxqa.spec.table import Table as Declared
from ehrxqa.spec.tables import column_help, open_tables
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


def read_tables(sandbox: Sandbox) -> dict[str, TableDescription]:
    """Descriptions of the tables that queries may read, by name, in words of `ehrxqa.spec`.

    Args:
        sandbox: The database, with the answer key out of reach.

    Raises:
        BuildError: The database lacks a table or column of the schema.
    """
    return {declared.name: _table(sandbox, declared) for declared in open_tables()}


def _table(sandbox: Sandbox, declared: Declared) -> TableDescription:
    try:
        (total,) = sandbox.run(f"SELECT count(*) FROM {declared.name}").rows[0]
        columns = [_column(sandbox, declared, column) for column in declared.columns]
    except NeuralSqlError as error:
        raise BuildError(
            f"{sandbox.path}: table {declared.name} cannot be described ({error}); build it again"
        ) from None
    return TableDescription(declared.name, f"{declared.doc} {declared.note}".strip(), int(str(total)), columns)


def _column(sandbox: Sandbox, table: Declared, column: DeclaredColumn) -> ColumnDescription:
    name, refers = column.name, column.references
    key = "" if refers is None or str(refers) == f"{table.name}.{name}" else str(refers)
    examples: list[Cell] = []
    if column.type == "text" and not key and not name.endswith("id") and name != table.key:
        found = sandbox.run(
            f"SELECT {name} FROM {table.name} WHERE {name} IS NOT NULL AND length({name}) <= {_LONGEST_EXAMPLE} "
            f"GROUP BY {name} ORDER BY count(*) DESC, {name} LIMIT {_EXAMPLES}"
        )
        examples = [value for (value,) in found if isinstance(value, str)]
    return ColumnDescription(name, column.type, column_help(table, column), key, examples)
