"""SQL text as tokens with positions, so that a query can be changed at one place and kept as written elsewhere.

Words, literals and brackets are told apart exactly as SQLite tells them apart. That is all the engine needs:
what it does not understand it hands to SQLite unchanged, in the author's own words.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ehrxqa.neuralsql.errors import QuerySyntaxError

__all__ = ["CURLY", "Token", "position", "tokenise", "unquote"]

#: Typographic quotes. SQLite takes them for letters; in a query they are always meant as quotes.
CURLY: Final = "‘’“”"

_PATTERN = re.compile(
    r"""
    (?P<blank>[ \t\n\f\r]+|--[^\n]*|/\*(?s:.*?)(?:\*/|\Z))
  | (?P<blob>[xX]'[^']*')
  | (?P<text>'(?:[^']|'')*')
  | (?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
  | (?P<word>[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*)
  | (?P<number>0[xX][0-9a-fA-F]+|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?)
  | (?P<operator>->>|->|<=|>=|<>|!=|==|\|\||<<|>>|[-+*/%&|~<>=])
  | (?P<mark>[(),;.])
  | (?P<parameter>[?:@$#][A-Za-z0-9_]*)
    """.replace(r"\x80-\U0010ffff", r"\x80-\u2017\u201a\u201b\u201e-\U0010ffff"),
    re.VERBOSE,
)


class Token(NamedTuple):
    """One token: what it is, how it is written, where it stands.

    Attributes:
        kind: blob, text ('…'), name ("…", `…`, […]), word, number, operator, mark (one of `(),;.`), parameter.
        text: As written.
        start: Offset of its first character.
        end: Offset after its last character.
        lower: `text` in lower case if it is a word, otherwise as written; what keywords are compared with.
    """

    kind: str
    text: str
    start: int
    end: int
    lower: str


def tokenise(sql: str) -> list[Token]:
    """All tokens of `sql`; blanks and comments are left out.

    Raises:
        QuerySyntaxError: A character cannot begin a token, or a quote is never closed; says where.
    """
    tokens = []
    at, match = 0, _PATTERN.match
    while at < len(sql):
        found = match(sql, at)
        if found is None:
            line, column = position(sql, at)
            what = f"the quote {sql[at]} is never closed" if sql[at] in "'\"`[" else f"unexpected character {sql[at]!r}"
            raise QuerySyntaxError(what, line=line, column=column)
        kind, end = found.lastgroup or "", found.end()
        if kind != "blank":
            text = found.group()
            tokens.append(Token(kind, text, at, end, text.lower() if kind == "word" else text))
        at = end
    return tokens


def unquote(token: Token) -> str:
    """The text or name inside a quoted token; any other token as written.

    >>> unquote(tokenise("'it''s'")[0])
    "it's"
    """
    if token.kind not in ("text", "name"):
        return token.text
    quote = token.text[-1]
    inner = token.text[1:-1]
    return inner if quote == "]" else inner.replace(quote * 2, quote)


def position(sql: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of an offset in `sql`."""
    before = sql[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
