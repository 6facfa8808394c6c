"""What one query may use up."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one query; passing one ends the query with the error that names it.

    The defaults leave every query of the benchmark a wide margin and end a hostile one within about the given
    seconds. They are set once per connection, except `memory`, which SQLite keeps per process and which
    is therefore in force only while a query runs.

    Attributes:
        seconds: Wall-clock time, planning and image questions included; looked at twenty times a second.
        steps: Virtual-machine steps: a bound that does not depend on how busy the machine is.
        rows: Rows of the result.
        result_bytes: Bytes of all values of the result.
        value_bytes: Bytes of one text, blob or intermediate row. Single built-in functions cannot be
            interrupted and cost up to the square of this, so it is small.
        memory: Bytes SQLite may allocate for the query, temporary tables and sorters included.
        sql_length: Characters of the query.
        expression_depth: Nesting of an expression; a chain of ANDs counts one per term.
        columns: Columns of a result, table, GROUP BY or ORDER BY.
        compound_selects: Operands of a chain of UNION, EXCEPT and INTERSECT.
        program_steps: Instructions of the prepared statement.
        function_arguments: Arguments of one function call.
        pattern_length: Bytes of a LIKE or GLOB pattern.
        questions: Distinct (image, question) pairs put to a model.
    """

    seconds: float = 30.0
    steps: int = 5_000_000_000
    rows: int = 100_000
    result_bytes: int = 16_000_000
    value_bytes: int = 100_000
    memory: int = 512 * 1024 * 1024
    sql_length: int = 20_000
    expression_depth: int = 200
    columns: int = 300
    compound_selects: int = 50
    program_steps: int = 50_000
    function_arguments: int = 64
    pattern_length: int = 1_000
    questions: int = 100_000
