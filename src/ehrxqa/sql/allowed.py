"""Which SQL a sandboxed query may use: an allow-list that SQLite asks while it compiles.

SQLite reports every action of a statement by its real name, after quoting, aliases, views and common table
expressions are resolved, so no way of writing gets round these lists. What is not listed is denied.
"""

from __future__ import annotations

from collections.abc import Callable

import apsw

__all__ = ["ANSWER_KEY", "FUNCTIONS", "TABLE_FUNCTIONS", "Permissions"]

#: The table that holds what every image shows: the answers themselves.
ANSWER_KEY = frozenset({"tb_cxr_plus"})

#: Built-in functions a query may call. Left out: those that reach out of the database (load_extension, the
#: full-text and R-tree helpers), differ from run to run (random), only make memory (zeroblob), or tell about the
#: connection (changes, sqlite_version).
_FUNCTIONS_BY_KIND = {
    "scalar": "abs char coalesce concat concat_ws format glob hex if ifnull iif instr length like likelihood likely "
    "lower ltrim max min nullif octet_length printf quote replace round rtrim sign soundex substr substring subtype "
    "trim typeof unhex unicode unistr unistr_quote unlikely upper",
    "date and time": "current_date current_time current_timestamp date datetime julianday strftime time timediff "
    "unixepoch",
    "aggregate and window": "avg count cume_dist dense_rank first_value group_concat lag last_value lead median "
    "nth_value ntile percent_rank percentile percentile_cont percentile_disc rank row_number string_agg sum total",
    "mathematics": "acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 "
    "mod pi pow power radians sin sinh sqrt tan tanh trunc",
    "JSON": "-> ->> json json_array json_array_length json_error_position json_extract json_group_array "
    "json_group_object json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set "
    "json_type json_valid jsonb jsonb_array jsonb_extract jsonb_group_array jsonb_group_object jsonb_insert "
    "jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set",
}
FUNCTIONS = frozenset(name for names in _FUNCTIONS_BY_KIND.values() for name in names.split())

#: Table-valued functions a query may read from.
TABLE_FUNCTIONS = frozenset({"json_each", "json_tree"})

# Words for the actions SQLite may report; anything unknown is called by its number.
_ACTIONS: dict[int, str] = {
    code: name.removeprefix("SQLITE_").lower().replace("_", " ")
    for name, code in apsw.mapping_authorizer_function.items()
    if isinstance(name, str) and isinstance(code, int)
}


class Permissions:
    """Decides about each action of a statement and remembers the first one denied.

    SQLite names a table as the schema spells it, but as the query spells it where no column of it is used
    (`SELECT count(*) FROM t`). In that one case it reports common table expressions too; a name that is
    neither in the schema nor a module of SQLite can only be one of those.

    Args:
        tables: Tables, views and table functions that may be read.
        others: Every other name that exists: denied tables, system tables, modules.
        functions: Functions that may be called, in lower case.

    Attributes:
        denied: (action, target) of the first denial since `reset`, or None.
    """

    def __init__(self, tables: frozenset[str], others: frozenset[str], functions: frozenset[str]) -> None:
        self._tables = tables | {name.lower() for name in tables}
        self._others = frozenset(name.lower() for name in others)
        self._functions = functions
        self.denied: tuple[str, str] | None = None

    def reset(self) -> None:
        """Forget the last denial."""
        self.denied = None

    def authorizer(self) -> Callable[[int, str | None, str | None, str | None, str | None], int]:
        """The callback for SQLite. It runs for every column a query mentions, so it is a closure over locals."""
        tables, functions = self._tables, self._functions
        allow, deny = apsw.SQLITE_OK, apsw.SQLITE_DENY
        read, function = apsw.SQLITE_READ, apsw.SQLITE_FUNCTION
        harmless = (apsw.SQLITE_SELECT, apsw.SQLITE_RECURSIVE)

        def authorise(
            action: int, first: str | None, second: str | None, database: str | None, _inner: str | None
        ) -> int:
            if action == read:
                if first in tables and (database == "main" or database is None):
                    return allow
                target = first or ""
                if database is None and second == "" and self._unreferenced(target.lower()):
                    return allow
            elif action in harmless:
                return allow
            elif action == function:
                if second in functions or (second is not None and second.lower() in functions):
                    return allow
                target = second or ""
            else:
                target = first or second or ""
            if self.denied is None:
                self.denied = (_ACTIONS.get(action, f"action {action}"), target)
            return deny

        return authorise

    def _unreferenced(self, name: str) -> bool:
        """Whether a table that is named but not read may be: an allowed one, or a common table expression."""
        if name in self._tables:
            return True
        return name not in self._others and not name.startswith(("sqlite_", "pragma_"))

    def explain(self) -> str:
        """One line that says what was denied and why."""
        action, target = self.denied or ("", "")
        if action == "read":
            if target.lower() in ANSWER_KEY:
                return f"{target} is the answer key: no query may read it (ask the image with func_vqa)"
            return f"reading {target} is not allowed: a query reads the tables of the database and nothing else"
        if action == "function":
            return f"the function {target}() is not allowed"
        about = f" ({target})" if target else ""
        return f"{action}{about} is not allowed: a query may only select"
