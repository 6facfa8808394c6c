"""The events of one kind in a database, as columns.

A database of the official size has more than a million events. As objects they take a quarter of a kilobyte each, in
every worker; as columns forty bytes. An `Event` is made when it is looked at.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple, overload

import numpy as np
import numpy.typing as npt

__all__ = ["Event", "EventTable"]

#: Subjects whose events are kept as objects: drawing looks at those of one subject again and again.
_KEPT: Final = 256
#: Rows that are taken at a time.
_AT_ONCE: Final = 4096


class Event(NamedTuple):
    """One event; `value` is its number, or the organism of a microbiology test."""

    time: str
    name: str
    hadm: int
    stay: int
    value: Any
    subject: int


class EventTable(Mapping[int, Sequence[Event]]):
    """The events of each subject, in the order of time, and of rows where times are equal.

    Args:
        rows: Time, name, admission, ICU stay, value and subject of each event, in the order of rows.
    """

    def __init__(self, rows: Iterable[tuple[str, str, int, int, Any, int]]) -> None:
        times, names = _Texts(), _Texts()
        numbers = array("q"), array("q"), array("q")
        values: list[Any] = []
        left = iter(rows)
        while some := list(islice(left, _AT_ONCE)):  # column by column: no work of Python on a single row
            time, name, hadm, stay, value, subject = zip(*some, strict=True)
            times.extend(time)
            names.extend(name)
            for column, new in zip(numbers, (hadm, stay, subject), strict=True):
                column.extend(new)
            values += value
        hadms, stays, subjects = (np.frombuffer(column, np.int64) for column in numbers)
        ranks = np.argsort(np.argsort(np.array(times.texts, dtype=object), kind="stable"), kind="stable")
        codes = times.codes()
        order = np.lexsort((ranks[codes] if len(codes) else codes, subjects))
        self._times, self._time = times.texts, codes[order]
        self._names, self._name = names.texts, names.codes()[order]
        self._hadm, self._stay, self._subject = hadms[order], stays[order], subjects[order]
        self._value = _values(values, order)
        found, starts, counts = np.unique(self._subject, return_index=True, return_counts=True)
        spans = zip(starts.tolist(), (starts + counts).tolist(), strict=True)
        self._places = dict(zip(found.tolist(), spans, strict=True))
        self._of_subject: Callable[[int], list[Event]] = lru_cache(_KEPT)(self._made_of_subject)

    def __getitem__(self, subject: int) -> list[Event]:
        if subject not in self._places:
            raise KeyError(subject)
        return self._of_subject(subject)

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def event(self, place: int) -> Event:
        """The event at a place among those of all subjects."""
        return Event(
            self._times[self._time[place]],
            self._names[self._name[place]],
            int(self._hadm[place]),
            int(self._stay[place]),
            self._value(place),
            int(self._subject[place]),
        )

    def by_name(self, wanted: Callable[[str], bool]) -> dict[str, Sequence[Event]]:
        """Name → its events, in the order of this table; names in the order of their first events."""
        if not len(self._name):
            return {}
        order = np.argsort(self._name, kind="stable")
        found, starts = np.unique(self._name[order], return_index=True)
        groups = zip(found.tolist(), np.split(order, starts[1:]), strict=True)
        return {
            self._names[code]: _Places(self, places.astype(np.int32))
            for code, places in sorted(groups, key=lambda group: int(group[1][0]))
            if wanted(self._names[code])
        }

    def subjects_of(self, events: Sequence[Event]) -> int:
        """How many subjects have one of these events, which are of `by_name`."""
        if isinstance(events, _Places):
            return len(np.unique(self._subject[events.places]))
        return len({event.subject for event in events})

    def _made_of_subject(self, subject: int) -> list[Event]:
        start, end = self._places[subject]
        columns = zip(
            self._time[start:end].tolist(),
            self._name[start:end].tolist(),
            self._hadm[start:end].tolist(),
            self._stay[start:end].tolist(),
            strict=True,
        )
        return [
            Event(self._times[time], self._names[name], hadm, stay, self._value(start + n), subject)
            for n, (time, name, hadm, stay) in enumerate(columns)
        ]


class _Places(Sequence[Event]):
    """Events of a table by their places."""

    def __init__(self, table: EventTable, places: npt.NDArray[np.int32]) -> None:
        self._table, self.places = table, places

    @overload
    def __getitem__(self, number: int) -> Event: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[Event]: ...

    def __getitem__(self, number: int | slice) -> Event | Sequence[Event]:
        if isinstance(number, slice):
            return _Places(self._table, self.places[number])
        return self._table.event(int(self.places[number]))

    def __len__(self) -> int:
        return len(self.places)


class _Texts:
    """Texts as numbers, which stand for the same text once."""

    def __init__(self) -> None:
        self._code: defaultdict[str, int] = defaultdict()
        self._code.default_factory = self._code.__len__
        self._codes = array("i")

    @property
    def texts(self) -> list[str]:
        return list(self._code)

    def extend(self, texts: Iterable[str]) -> None:
        self._codes.extend(map(self._code.__getitem__, texts))

    def codes(self) -> npt.NDArray[np.int32]:
        return np.frombuffer(self._codes, np.int32)


def _values(values: list[Any], order: npt.NDArray[np.intp]) -> Callable[[int], Any]:
    """What gives the value at a place: numbers as numbers of the machine where all of them have one kind."""
    kinds = {type(value) for value in values}
    if kinds <= {type(None)}:
        return lambda place: None
    if kinds <= {float, type(None)}:
        # no value of a database is NaN: SQLite stores that as null
        floats = np.array([np.nan if value is None else value for value in values])[order]
        return lambda place: None if np.isnan(floats[place]) else float(floats[place])
    kept = [values[place] for place in order.tolist()]
    return kept.__getitem__
