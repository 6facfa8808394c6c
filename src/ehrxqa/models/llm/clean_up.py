"""From a reply to a query, by one rule that says which of its steps it took.

| step | what it does |
|---|---|
| thoughts | drops `<think>…</think>`, and everything before a `</think>` that nothing opened |
| fence | keeps the last fenced block, if there is one |
| label | drops a label such as `SQLQuery:`, `SQL:`, `Query:`, `NeuralSQL:` |
| prose | drops words before the first SELECT or WITH that begins a line or follows a colon |
| semicolon | cuts at the first semicolon outside of quotes |
| blanks | makes one blank of each row of blanks |

What then begins with SELECT or WITH is the query; `null`, or nothing, is an abstention; anything else is no query, and
an abstention that is counted as *unread*.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Cleaned", "clean_up"]

_THOUGHT: Final = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_CLOSED: Final = re.compile(r"^.*</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_OPEN: Final = re.compile(r"<think(?:ing)?>.*$", re.DOTALL | re.IGNORECASE)
_FENCE: Final = re.compile(r"```[a-z0-9_+-]*[ \t]*\n?(.*?)```", re.DOTALL | re.IGNORECASE)
_OPEN_FENCE: Final = re.compile(r"```[a-z0-9_+-]*[ \t]*\n(.*)$", re.DOTALL | re.IGNORECASE)
_LABEL: Final = re.compile(
    r"^\s*(?:\*\*)?(?:sqlquery|neuralsql|sql query|sqlite|sql|query|answer)(?:\*\*)?\s*:(?:\*\*)?\s*", re.IGNORECASE
)
_BEGIN: Final = re.compile(r"(?:^|:[ \t]*|\n[ \t]*)((?:select|with)\b)", re.IGNORECASE)
_QUERY: Final = re.compile(r"(?:select|with)\b", re.IGNORECASE)
_NULL: Final = re.compile(r"[\"'`]?null[\"'`]?\.?", re.IGNORECASE)


@dataclass(frozen=True)
class Cleaned:
    """What a reply says.

    Attributes:
        query: The query; None for an abstention.
        steps: Steps of the rule that changed something, in their order; `unread` last where no query was found.
    """

    query: str | None
    steps: tuple[str, ...]


def clean_up(reply: str) -> Cleaned:
    r"""The query of a reply.

    >>> clean_up("<think>easy</think>Here you are:\n```sql\nSELECT 1;\n```")
    Cleaned(query='SELECT 1', steps=('thoughts', 'fence', 'semicolon'))
    >>> clean_up("SQLQuery: select a\n  from b"), clean_up("null")
    (Cleaned(query='select a from b', steps=('label', 'blanks')), Cleaned(query=None, steps=()))
    >>> clean_up("I cannot tell.")
    Cleaned(query=None, steps=('unread',))
    """
    steps: list[str] = []

    def take(step: str, before: str, after: str) -> str:
        if after.strip() != before.strip():
            steps.append(step)
        return after.strip()

    text = reply.strip()
    text = take("thoughts", text, _OPEN.sub("", _CLOSED.sub("", _THOUGHT.sub("", text))))
    if blocks := _FENCE.findall(text) or _OPEN_FENCE.findall(text):
        text = take("fence", text, blocks[-1])
    text = take("label", text, _LABEL.sub("", text))
    if _NULL.fullmatch(text) or not text:
        return Cleaned(None, tuple(steps))
    if not _QUERY.match(text) and (begin := _BEGIN.search(text)):
        text = take("prose", text, text[begin.start(1) :])
    text = take("semicolon", text, _until_semicolon(text))
    one_line = " ".join(text.split())
    if one_line != text:
        steps.append("blanks")
    if not _QUERY.match(one_line):
        return Cleaned(None, (*steps, "unread"))
    return Cleaned(one_line, tuple(steps))


def _until_semicolon(text: str) -> str:
    quote = ""
    for place, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign == ";":
            return text[:place]
    return text
