"""Names that say the same thing: ICD-9 and ICD-10 name most diseases twice, and drugs are named with and without their salt.

Two titles are taken for one thing if they have the same words but for those that say nothing (“unspecified”, “site not
specified”) and for two spellings of one word. That is a little too generous, and meant to be: a question is written only
if its answer does not depend on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

__all__ = ["same_titles", "title_key"]

#: Words that do not tell one title from another. “Without” and “due” do: cirrhosis without alcohol is another thing.
_SAY_NOTHING: Final = frozenset(
    [
        "a",
        "an",
        "and",
        "as",
        "by",
        "classified",
        "condition",
        "elsewhere",
        "essential",
        "further",
        "in",
        "mention",
        "nec",
        "not",
        "nos",
        "of",
        "on",
        "or",
        "organism",
        "other",
        "part",
        "place",
        "presence",
        "primary",
        "site",
        "specified",
        "stated",
        "status",
        "the",
        "to",
        "type",
        "unspecified",
        "with",
    ]
)
#: Spellings of one word.
_SAME_WORD: Final = {
    "hyperpotassemia": "hyperkalemia",
    "hypopotassemia": "hypokalemia",
    "osteoarthrosis": "osteoarthritis",
    "urinary": "urine",
    "renal": "kidney",
    "ii": "2",
    "iii": "3",
    "i": "1",
    "iv": "4",
    "coronary": "heart",
    "hemorrhagic": "hemorrhage",
    "disorder": "disease",
}
#: What a drug is bound to; “heparin” and “heparin sodium” are ordered alike.
_SALTS: Final = frozenset(
    [
        "acetate",
        "besylate",
        "citrate",
        "fumarate",
        "hcl",
        "hydrochloride",
        "maleate",
        "mesylate",
        "phosphate",
        "potassium",
        "sodium",
        "succinate",
        "sulfate",
        "tartrate",
    ]
)
_WORD: Final = re.compile(r"[a-z0-9]+")


def title_key(title: str, *, drug: bool = False) -> frozenset[str]:
    """What a title says, whatever its order and ending; of a `drug`, without its salt.

    >>> title_key("hypertension, essential, unspecified") == title_key("essential hypertension")
    True
    >>> title_key("do not resuscitate status") == title_key("do not resuscitate")
    True
    >>> title_key("cirrhosis of liver due to alcohol") == title_key("cirrhosis of liver without mention of alcohol")
    False
    >>> title_key("heparin sodium", drug=True) == title_key("heparin", drug=True)
    True
    """
    unsaid = _SAY_NOTHING | _SALTS if drug else _SAY_NOTHING
    found = set()
    for word in _WORD.findall(title.lower()):
        plain = word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith(("ss", "is", "us")) else word
        if word not in unsaid and plain not in unsaid:
            found.add(_SAME_WORD.get(plain, plain))
    return frozenset(found or _WORD.findall(title.lower()))


def same_titles(titles: Iterable[str], *, drugs: bool = False) -> Mapping[str, tuple[str, ...]]:
    """Title → all titles that say the same, itself included; only those with others."""
    groups: dict[frozenset[str], set[str]] = {}
    for title in titles:
        groups.setdefault(title_key(title, drug=drugs), set()).add(title)
    return {title: tuple(sorted(group)) for group in groups.values() if len(group) > 1 for title in group}
