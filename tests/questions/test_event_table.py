"""Events as columns give what events as objects gave."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ehrxqa.questions.event_table import Event, EventTable

TIMES = st.sampled_from(["2105-01-01 00:00:00", "2104-12-31 10:00:00", "2105-01-01 00:00:01", "2104-01-02 03:04:05"])
VALUES = st.one_of(
    st.lists(st.none() | st.floats(allow_nan=False), max_size=30),
    st.lists(st.none(), max_size=30),
    st.lists(st.none() | st.integers(0, 9) | st.sampled_from(["yeast", "e. coli"]) | st.just(1.5), max_size=30),
)


@given(st.data(), VALUES)
def test_events_are_those_of_the_rows_in_their_order(data, values):
    times, names = (data.draw(st.lists(kind, min_size=30, max_size=30)) for kind in (TIMES, st.sampled_from("abc")))
    numbers = data.draw(st.lists(st.tuples(*[st.integers(1, 4)] * 3), min_size=30, max_size=30))
    rows = [
        (time, name, hadm, stay, value, subject)
        for time, name, (hadm, stay, subject), value in zip(times, names, numbers, values, strict=False)
    ]
    table = EventTable(rows)
    events = [Event(*row) for row in rows]
    subjects = sorted({event.subject for event in events})
    expected = {
        subject: sorted((event for event in events if event.subject == subject), key=lambda event: event.time)
        for subject in subjects
    }
    assert list(table) == subjects
    assert dict(table) == expected
    for found, event in zip(
        (each for subject in table for each in table[subject]),
        (each for held in expected.values() for each in held),
        strict=True,
    ):
        assert found == event
        assert [type(part) for part in found] == [type(part) for part in event]
    groups: dict[str, list[Event]] = {}
    for event in (each for held in expected.values() for each in held):
        groups.setdefault(event.name, []).append(event)
    named = table.by_name(lambda name: name != "c")
    assert list(named) == [name for name in groups if name != "c"]
    for name, found in named.items():
        assert list(found) == groups[name]
        assert table.subjects_of(found) == len({event.subject for event in groups[name]})
    assert 5 not in table
