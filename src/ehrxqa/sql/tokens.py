"""SQL text as tokens with positions, so that a query can be changed at one place and kept as written elsewhere.

Words, literals and brackets are told apart exactly as SQLite tells them apart. That is all the engine needs:
what it does not understand it hands to SQLite unchanged, in the author's own words.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ehrxqa.sql.errors import QuerySyntaxError

__all__ = ["Token", "position", "tokenise", "unquote"]

# Blanks before a token belong to its match; the most frequent kinds come first.
_PATTERN = re.compile(
    r"""[ \t\n\f\r]*(?:
    (?P<blob>[xX]'[^']*')
  | (?P<word>[A-Za-z_LETTERS][A-Za-z0-9_$LETTERS]*)
  | (?P<mark>[(),;.](?![0-9])|[(),;])
  | (?P<number>0[xX][0-9a-fA-F]+|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?)
  | (?P<comment>--[^\n]*|/\*(?s:.*?)(?:\*/|\Z)|\Z)
  | (?P<operator>->>|->|<=|>=|<>|!=|==|\|\||<<|>>|[-+*/%&|~<>=])
  | (?P<text>'(?:[^']|'')*')
  | (?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
  | (?P<parameter>[?:@$#][A-Za-z0-9_]*)
  | (?P<fault>(?s:.))
    )""".replace("LETTERS", r"\x80-\u2017\u201a\u201b\u201e-\U0010ffff"),  # all but typographic quotes
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
    tokens: list[Token] = []
    new = tuple.__new__  # half the time of Token(…): texts have hundreds of tokens, and files thousands of texts
    for found in _PATTERN.finditer(sql):
        kind = found.lastgroup
        assert kind is not None
        if kind == "comment":
            continue
        text, end = found[kind], found.end()
        if kind == "fault":
            line, column = position(sql, end - len(text))
            what = f"the quote {text} is never closed" if text in "'\"`[" else f"unexpected character {text!r}"
            raise QuerySyntaxError(what, line=line, column=column)
        lower = text.lower() if kind == "word" else text
        tokens.append(new(Token, (kind, text, end - len(text), end, lower)))
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
