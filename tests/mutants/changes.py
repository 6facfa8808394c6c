"""Changes of one token in a Python file: what may be changed, and the file with one of them made."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Change", "apply", "changes"]

#: Token → what it may become. `not` may also go, and `in`, `is` get one.
_SWAPPED = {
    "<": (">", "<="),
    ">": ("<", ">="),
    "<=": (">=", "<"),
    ">=": ("<=", ">"),
    "==": ("!=",),
    "!=": ("==",),
    "and": ("or",),
    "or": ("and",),
    "not": ("",),
    "is": ("is not",),
    "in": ("not in",),
    "+": ("-",),
    "-": ("+",),
}
Place = tuple[int, int]


@dataclass(frozen=True)
class Change:
    """One token, and what it becomes.

    Attributes:
        path: Of the file, below `src/ehrxqa`.
        line: From 1.
        column: In characters, from 0.
        old: The token.
        new: What takes its place; empty if it goes.
        text: The line, without the blanks around it.
    """

    path: str
    line: int
    column: int
    old: str
    new: str
    text: str

    @property
    def words(self) -> str:
        """The change as it is printed and listed."""
        return f"{self.old} -> {self.new or 'nothing'}"


def changes(path: str, source: str) -> list[Change]:
    """All changes of a file, in the order of its tokens.

    Texts (f-strings included), type hints and `__all__` are left alone; so is `+` between texts or lists, which fails
    at once as `-`.
    """
    lines = source.splitlines()
    tree = ast.parse(source)
    left_alone = list(_left_alone(tree, lines))
    between = list(_between(tree, lines))
    found = []
    for token, following in _code_tokens(source):
        if any(start <= token.start < end for start, end in left_alone):
            continue
        for new in _becomes(token, following, between):
            line, column = token.start
            found.append(Change(path, line, column, token.string, new, lines[line - 1].strip()))
    return found


def apply(source: str, change: Change) -> str:
    """The file with the change made."""
    lines = source.splitlines(keepends=True)
    line, end = lines[change.line - 1], change.column + len(change.old)
    assert line[change.column : end] == change.old, change
    # the blank behind a `not` that goes does not stay: at the head of a line it would be an indentation
    rest = line[end:] if change.new else line[end:].lstrip(" ")
    lines[change.line - 1] = line[: change.column] + change.new + rest
    return "".join(lines)


def _code_tokens(source: str) -> Iterator[tuple[tokenize.TokenInfo, str]]:
    """Names, operators and numbers outside f-strings, each with the text of the token after it."""
    depth, before = 0, ""
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    for token, following in pairwise(tokens):
        kind = tokenize.tok_name[token.type]  # from Python 3.12 on, an f-string is several tokens
        depth += (kind == "FSTRING_START") - (kind == "FSTRING_END")
        second = (before, token.string) == ("not", "in")  # its `not` may go
        if not depth and not second and token.type in (tokenize.NAME, tokenize.OP, tokenize.NUMBER):
            yield token, following.string
        before = token.string


def _becomes(token: tokenize.TokenInfo, following: str, between: list[tuple[Place, Place]]) -> tuple[str, ...]:
    if token.type == tokenize.NUMBER:
        return _off_by_one(token.string)
    if token.string not in _SWAPPED:
        return ()
    if token.string in ("+", "-", "in") and not any(start <= token.start < end for start, end in between):
        return ()  # a sign, a slot of a loop
    if token.string == "is" and following == "not":
        return ()  # its `not` may go
    return _SWAPPED[token.string]


def _off_by_one(number: str) -> tuple[str, ...]:
    if number.isdecimal():
        value = int(number)
        return (str(value + 1),) if value == 0 else (str(value + 1), str(value - 1))
    try:
        real = float(number)
    except ValueError:
        return ()  # hexadecimal, complex
    return (str(real + 1),)


def _start(node: ast.expr | ast.stmt, lines: list[str]) -> Place:
    return node.lineno, len(lines[node.lineno - 1].encode()[: node.col_offset].decode())


def _end(node: ast.expr | ast.stmt, lines: list[str]) -> Place:
    assert node.end_lineno is not None and node.end_col_offset is not None
    return node.end_lineno, len(lines[node.end_lineno - 1].encode()[: node.end_col_offset].decode())


def _left_alone(tree: ast.AST, lines: list[str]) -> Iterator[tuple[Place, Place]]:
    """Where no token is changed."""
    for node in ast.walk(tree):
        hints: list[ast.expr | ast.stmt | None] = []
        if isinstance(node, ast.arg | ast.AnnAssign):
            hints = [node.annotation]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            hints = [node.returns]
        elif isinstance(node, ast.Assign) and any(isinstance(x, ast.Name) and x.id == "__all__" for x in node.targets):
            hints = [node]
        for hint in hints:
            if hint is not None:
                yield _start(hint, lines), _end(hint, lines)


def _between(tree: ast.AST, lines: list[str]) -> Iterator[tuple[Place, Place]]:
    """Where the operators of comparisons, sums and differences stand: between their operands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            for left, right in pairwise(operands):
                yield _end(left, lines), _start(right, lines)
        elif (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Add | ast.Sub)
            and not (_is_text_or_list(node.left) or _is_text_or_list(node.right))
        ):
            yield _end(node.left, lines), _start(node.right, lines)


def _is_text_or_list(node: ast.expr) -> bool:
    texts = isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    return texts or isinstance(node, ast.JoinedStr | ast.List | ast.Tuple | ast.ListComp)
