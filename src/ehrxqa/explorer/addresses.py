"""Addresses of pages: made here and read here, so that they cannot drift.

On a server they are paths from its root; in a folder of files they are relative, so that it can be put anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, quote, urlencode

from ehrxqa.explorer.data_questions import FACETS, SORTS, Selection

__all__ = ["Addresses", "query_of", "selection_of"]

#: Characters of a search that are looked at.
_LONGEST_SEARCH = 200
_MOST_CHOSEN = 50


def selection_of(query: str) -> Selection:
    """The selection that the query part of an address names; what it does not understand it passes over."""
    chosen: dict[str, list[str]] = {}
    search, sort, page = "", "file", 1
    for name, value in parse_qsl(query, max_num_fields=None)[:200]:
        if name in FACETS or name.startswith("run."):
            values = chosen.setdefault(name, [])
            if value and value not in values and len(values) < _MOST_CHOSEN:
                values.append(value)
        elif name == "q":
            search = value[:_LONGEST_SEARCH].strip()
        elif name == "sort" and value in SORTS:
            sort = value
        elif name == "page" and value.isascii() and value.isdigit() and len(value) < 8:
            page = max(1, int(value))
    return Selection({name: tuple(values) for name, values in chosen.items() if values}, search, sort, page)


def query_of(selection: Selection) -> str:
    """The query part of an address that names a selection; empty for the whole list."""
    pairs: list[tuple[str, str]] = [(name, value) for name, values in selection.chosen.items() for value in values]
    if selection.search:
        pairs.append(("q", selection.search))
    if selection.sort != "file":
        pairs.append(("sort", selection.sort))
    if selection.page > 1:
        pairs.append(("page", str(selection.page)))
    return urlencode(pairs)


@dataclass(frozen=True)
class Addresses:
    """Makes addresses.

    Attributes:
        root: What precedes every path: empty on a server, `../` and so on in a folder of files.
        static: Whether pages are files, which end in `.html`, and lists and forms are not there.
        selection: The list that the reader comes from, carried on to the question pages.
        shown: What is there in a folder of files: paths without root and ending.
    """

    root: str = "/"
    static: bool = False
    selection: Selection = field(default_factory=lambda: Selection({}))
    shown: frozenset[str] = frozenset()

    def page(self, path: str, query: str = "") -> str:
        """The address of a page by its path without leading mark."""
        if self.static:
            return f"{self.root}{path or 'index'}.html"
        return f"/{path}{'?' + query if query else ''}"

    def has(self, path: str) -> bool:
        """Whether there is such a page."""
        return not self.static or path in self.shown

    def asset(self, name: str) -> str:
        """The style sheet, the script, the icon."""
        return f"{self.root}static/{name}"

    def question(self, split: str, identifier: str, *, anchor: str = "") -> str:
        """The page of a question, within the list the reader comes from."""
        kept = "" if self.static else query_of(replace(self.selection, page=1))
        return self.page(f"question/{quote(split)}/{quote(identifier)}", kept) + (f"#{anchor}" if anchor else "")

    def subject(self, subject_id: int) -> str:
        """The page of a subject."""
        return self.page(f"subject/{int(subject_id)}")

    def image(self, image_id: str, *, beside: str = "") -> str:
        """The page of an image, with another one of the subject beside it if that is wanted."""
        return self.page(f"image/{quote(image_id)}", urlencode({"beside": beside}) if beside else "")

    def picture(self, image_id: str) -> str:
        """The picture of an image."""
        return f"{self.root}picture/{quote(image_id)}.jpg"

    def thumbnail(self, image_id: str) -> str:
        """A small picture of an image."""
        return f"{self.root}thumbnail/{quote(image_id)}.jpg"

    def questions(self, **chosen: str | Iterable[str]) -> str:
        """The list of the questions with these values of facets."""
        values = {name: (value,) if isinstance(value, str) else tuple(value) for name, value in chosen.items()}
        return self.listing(Selection(values))

    def with_facets(self, facets: Mapping[str, str]) -> str:
        """The list of the questions with these values, of facets whose names are no identifiers."""
        return self.listing(Selection({name: (value,) for name, value in facets.items()}))

    def listing(self, selection: Selection) -> str:
        """The list that a selection describes."""
        return self.page("questions", query_of(selection))

    def toggled(self, facet: str, value: str) -> str:
        """The list with one value of a facet added, or taken away if it was chosen."""
        values = self.selection.chosen.get(facet, ())
        values = tuple(other for other in values if other != value) if value in values else (*values, value)
        chosen = {name: found for name, found in {**self.selection.chosen, facet: values}.items() if found}
        return self.listing(replace(self.selection, chosen=chosen, page=1))

    def turned(self, page: int) -> str:
        """Another page of the list."""
        return self.listing(replace(self.selection, page=page))
