"""The official clean-up of a query, applied to tokens instead of raw text.

The official rules (`official_text.normalise`) replace text wherever it stands and so damage ordinary literals:
`'it''s'` loses a quote, `like '%years%'` changes its case. Here the same quirks of published and
model-written queries are mended, but only where they are quirks:

- `current_time`, bare or alone in quotes, is the end of the shifted calendar;
- `heart_rate_lower` and `heart_rate_upper`, when both are named, are the normal range;
- `''text''` is a text in doubled quotes, while `'it''s'` and `''` stay what SQL says they are;
- `< =`, `> =` and `! =` are `<=`, `>=` and `!=`;
- `%y` and `%j` in the format of strftime are `%Y` and `%J`;
- typographic quotes outside of literals are quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ehrxqa.layout import CURRENT_TIME
from ehrxqa.sql.official_text import VITAL_RANGES
from ehrxqa.sql.tokens import Token, tokenise

__all__ = ["clean", "clean_tokens"]

_QUIRK = re.compile(r"current_time|_lower|''|[<>!]\s+=|%[yj]|[‘’“”]", re.IGNORECASE)

# In one pass from left to right, so that what stands inside an ordinary literal or comment is never looked at. In
# doubled quotes: no blank, closing bracket, comma or operator after the opening pair (that is an empty text).
_QUOTES = re.compile(
    r"""
    (?P<doubled>(?<!')''(?=[^'\s,;)|=<>!+*/])(?P<inner>(?:[^']|'(?!'))*?)''(?!'))
  | (?P<plain>'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*(?s:.*?)\*/)
  | (?P<single>[‘’](?P<curly>[^‘’']*)[‘’'])
  | (?P<double>[“”](?P<curlies>[^“”"]*)[“”"])
  | (?P<torn>[<>!]\s+=)
  | (?P<stray>[‘’“”])
    """,
    re.VERBOSE,
)


def clean(query: str, now: str = CURRENT_TIME) -> str:
    """`query` with its quirks mended and every ordinary literal as it was; `current_time` is `now`.

    >>> clean("select strftime('%y', t) from x where a = ''b'' and c < = ‘d’ and e = 'it''s current_time %y'")
    "select strftime('%Y', t) from x where a = 'b' and c <= 'd' and e = 'it''s current_time %y'"

    Raises:
        QuerySyntaxError: The text cannot be read as SQL tokens.
    """
    return query if _QUIRK.search(query) is None else clean_tokens(query, now)[0]


def clean_tokens(query: str, now: str = CURRENT_TIME) -> tuple[str, list[Token]]:
    """The same, with its tokens, so that nobody has to look for them again.

    Raises:
        QuerySyntaxError: The text cannot be read as SQL tokens.
    """
    quirks = _QUIRK.search(query) is not None
    if quirks:
        query = _QUOTES.sub(_plain_quotes, query)
    tokens = tokenise(query)
    changed = dict((*_values(tokens, now), *_formats(tokens))) if quirks else {}
    if not changed:
        return query, tokens
    pieces: list[str] = []
    found: list[Token] = tokens[: min(changed)]
    new = tuple.__new__  # as in `tokenise`
    at = shift = 0
    for place in range(len(found), len(tokens)):
        kind, text, start, end, lower = tokens[place]
        if place in changed:
            text = lower = changed[place]
            kind = "text" if text[0] in "'\"" else "number"
            pieces += [query[at:start], text]
            at, start = end, start + shift
            shift += len(text) - (end - start + shift)
            found.append(new(Token, (kind, text, start, start + len(text), lower)))
        else:
            found.append(new(Token, (kind, text, start + shift, end + shift, lower)))
    return "".join((*pieces, query[at:])), found


def _plain_quotes(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "inner" | "doubled":
            return _literal(found["inner"])
        case "curly" | "single":
            return _literal(found["curly"])
        case "curlies" | "double":
            return f'"{found["curlies"]}"'
        case "torn":
            return f"{found[0][0]}="
        case "stray":
            return "'" if found[0] in "‘’" else '"'
        case _:
            return found[0]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _values(tokens: list[Token], now: str) -> Iterator[tuple[int, str]]:
    """Replacements for `current_time` and the bounds of vitals."""
    words = {token.lower for token in tokens if token.kind == "word"}
    for index, token in enumerate(tokens):
        if token.kind == "word":
            named = index > 0 and tokens[index - 1].text in (".", "as", "AS")  # a column of that name
            value = None if named else _value(token.lower, words, now)
            if value is not None:
                yield index, value
        elif token.text == "'current_time'":
            yield index, f"'{now}'"


def _value(word: str, words: set[str], now: str) -> str | None:
    if word == "current_time":
        return f"'{now}'"
    vital, _, bound = word.rpartition("_")
    if bound not in ("lower", "upper") or vital.replace("_", " ") not in VITAL_RANGES:
        return None
    if not words.issuperset((f"{vital}_lower", f"{vital}_upper")):
        return None  # as in the official code: one bound alone is a name
    return str(VITAL_RANGES[vital.replace("_", " ")][bound == "upper"])


def _formats(tokens: list[Token]) -> Iterator[tuple[int, str]]:
    """Replacements for the literals in the first argument of each strftime, by their place."""
    for index, token in enumerate(tokens[:-1]):
        if token.lower != "strftime" or tokens[index + 1].text != "(":
            continue
        depth = 0
        for place, inner in enumerate(tokens[index + 1 :], start=index + 1):
            depth += (inner.text == "(") - (inner.text == ")")
            if depth == 0 or (depth == 1 and inner.text == ","):
                break
            if inner.text[0] in "'\"" and ("%y" in inner.text or "%j" in inner.text):
                yield place, inner.text.replace("%y", "%Y").replace("%j", "%J")
