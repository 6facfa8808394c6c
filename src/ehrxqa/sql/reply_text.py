"""The query in what a language model wrote around it.

Models wrap a query in a Markdown fence, think aloud before it, name it (`SQLQuery:`) or explain it. One rule takes it
out, in this order, and says what it took away; a text that begins with a query and ends with it is left as it is:

1. `think`: everything up to the last `</think>`;
2. `fence`: of several fenced blocks, the last one that begins with a query; one that is never closed ends with the
   text;
3. `label`: a name and a colon before the query, such as `SQL:`, `SQLQuery:`, `Answer:`;
4. `prose`: lines before the first one that begins with SELECT, WITH or VALUES, and all that follows a semicolon outside
   of quotes.
"""

from __future__ import annotations

import re
from typing import Final

from ehrxqa.sql.errors import QuerySyntaxError
from ehrxqa.sql.tokens import tokenise

__all__ = ["query_of_reply"]

_BEGINS: Final = re.compile(
    r"\s*(?:select\b|values\s*\(|with\s+(?:recursive\s+)?[\w\"`\[]+\s*(?:\(|as\b))", re.IGNORECASE
)
_FENCED: Final = re.compile(r"```[ \t]*\w*[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_LABEL: Final = re.compile(r"\s*[A-Za-z][\w ]{0,30}:\s*(?=select\b|with\b|values\b)", re.IGNORECASE)


def query_of_reply(text: str) -> tuple[str, tuple[str, ...]]:
    r"""The query in a text, and what was taken away.

    >>> query_of_reply("Sure!\n```sql\nselect 1;\n```\nIt counts.")
    ('select 1;', ('fence',))
    >>> query_of_reply("select '```' as fence")
    ("select '```' as fence", ())
    """
    done: list[str] = []
    if not _BEGINS.match(text):
        if "</think>" in text:
            done.append("think")
            text = text.rpartition("</think>")[2].strip()
        blocks = [block for block in _FENCED.findall(text) if _BEGINS.match(block)]
        if blocks:
            done.append("fence")
            text = blocks[-1].strip()
        label = _LABEL.match(text)
        if label is not None:
            done.append("label")
            text = text[label.end() :]
        if not _BEGINS.match(text):
            lines = text.splitlines(keepends=True)
            first = next((number for number, line in enumerate(lines) if _BEGINS.match(line)), None)
            if first is not None:
                done.append("prose")
                text = "".join(lines[first:])
    if done or text.rstrip().endswith("```") or ";" in text:
        text = _without_tail(text, done)
    return text, tuple(dict.fromkeys(done))


def _without_tail(text: str, done: list[str]) -> str:
    """A query without the prose or fence behind it; several statements stay, to be refused as such."""
    if text.rstrip().endswith("```") and "fence" not in done:
        done.append("fence")
        text = text.rstrip()[:-3].rstrip()
    try:
        tokens = tokenise(text)
    except QuerySyntaxError:  # an apostrophe in the prose, perhaps
        tokens = []
        end = text.find(";\n")
        if end < 0:
            return text
    else:
        end = next((token.start for token in tokens if token.text == ";"), -1)
    rest = text[end + 1 :].strip().strip(";").strip() if end >= 0 else ""
    if not rest or rest.startswith(("--", "/*")) or _is_statement(rest):
        return text
    done.append("prose")
    return text[: end + 1]


def _is_statement(text: str) -> bool:
    """Whether a text might be run: SQL that hides behind a query is refused, not passed over."""
    word = re.match(r"\W*(\w+)", text)
    return word is not None and word[1].lower() in _STATEMENTS


_WORDS: Final = """
    alter analyze attach begin commit create delete detach drop end explain insert pragma reindex release replace
    rollback savepoint select update vacuum values with
"""
_STATEMENTS: Final = frozenset(_WORDS.split())
