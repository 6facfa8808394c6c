"""SQL text as tokens with positions, so that a query can be changed at one place and kept as written elsewhere.

Words, literals and brackets are told apart exactly as SQLite tells them apart. That is all the engine needs:
what it does not understand it hands to SQLite unchanged, in the author's own words.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ehrxqa.sql.errors import QuerySyntaxError

__all__ = ["Token", "position", "tokenise", "unquote"]

_LETTERS: Final = r"\x80-\u2017\u201a\u201b\u201e-\U0010ffff"  # beyond those of ASCII: all but typographic quotes
#: Blanks, and the token behind them; the most frequent kinds come first.
_PIECES: Final = re.compile(
    r"""([ \t\n\f\r]*)(
    [xX]'[^']*'                                                                   # blob
  | [A-Za-z_LETTERS][A-Za-z0-9_$LETTERS]*                                         # word
  | [(),;.](?![0-9])|[(),;]                                                       # mark
  | 0[xX][0-9a-fA-F]+                                                             # number
  | (?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?
  | --[^\n]*|/\*(?s:.*?)(?:\*/|\Z)|\Z                                            # comment
  | ->>|->|<=|>=|<>|!=|==|\|\||<<|>>|[-+*/%&|~<>=]                                # operator
  | '(?:[^']|'')*'                                                                # text
  | "(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]                                      # name
  | [?:@$#][A-Za-z0-9_]*                                                          # parameter
  | (?s:.)                                                                        # fault
    )""".replace("LETTERS", _LETTERS),
    re.VERBOSE,
)
_LETTER: Final = re.compile(f"[{_LETTERS}]")
#: First character → kind, of the tokens that are of one kind whatever follows it.
_KIND_OF_FIRST: Final = {
    "": "comment",
    **dict.fromkeys("0123456789", "number"),
    **dict.fromkeys("(),;", "mark"),
    **dict.fromkeys("+*%&|~<>=", "operator"),
    **dict.fromkeys("?:@$#", "parameter"),
}
#: The same: kind of a token of one character, and of a longer one.
_KIND_BY_LENGTH: Final = {
    **dict.fromkeys('"`[', ("fault", "name")),
    "'": ("fault", "text"),
    ".": ("mark", "number"),
    "!": ("fault", "operator"),
}

#: Kind and lower case of tokens that recur, how many at the most, and how long they are.
_known: dict[str, tuple[str, str]] = {}
_MOST_KNOWN: Final = 4096
_LONGEST_KNOWN: Final = 64


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
    end = 0
    for blanks, text in _PIECES.findall(sql):
        start = end + len(blanks)
        end = start + len(text)
        kind, lower = _known.get(text) or _kind_of(text)
        if kind == "comment":
            continue
        if kind == "fault":
            line, column = position(sql, start)
            what = f"the quote {text} is never closed" if text in "'\"`[" else f"unexpected character {text!r}"
            raise QuerySyntaxError(what, line=line, column=column)
        tokens.append(new(Token, (kind, text, start, end, lower)))
    return tokens


def _kind_of(text: str) -> tuple[str, str]:
    """Kind and lower case of a token, which are the same wherever it stands."""
    first = text[:1]
    if first in _KIND_BY_LENGTH:
        kind = _KIND_BY_LENGTH[first][len(text) > 1]
    elif first in ("-", "/"):
        kind = "comment" if text[:2] in ("--", "/*") else "operator"
    elif first.isascii():
        word = "blob" if text[-1:] == "'" else "word"
        kind = _KIND_OF_FIRST.get(first) or (word if first.isalpha() or first == "_" else "fault")
    else:
        kind = "word" if _LETTER.match(first) else "fault"
    if kind not in ("word", "mark", "operator"):  # values differ from query to query
        return kind, text
    named = kind, text.lower() if kind == "word" else text
    if len(text) <= _LONGEST_KNOWN:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[text] = named
    return named


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
