"""How long a client waits, and when it gives up."""

from __future__ import annotations

import random

import pytest
from fake_clock import FakeClock

from ehrxqa.net.errors import DownloadError, TransientFault
from ehrxqa.net.pacing import Interrupted, Pause, Retries, SystemClock, retry_after_seconds, retrying


class Highest(random.Random):
    """Waits are not shortened by chance."""

    def uniform(self, a: float, b: float) -> float:
        assert (a, b) == (0.5, 1.0)
        return b


def retries(**settings: float) -> Retries:
    return Retries(**settings, random=Highest())  # type: ignore[arg-type]


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_as_many_tries_as_allowed_and_a_wait_between_any_two(attempts: int) -> None:
    clock, tried = FakeClock(), []

    def fails() -> None:
        tried.append(clock.now)
        raise TransientFault("no")

    with pytest.raises(DownloadError, match=f"x: given up after {attempts} tries; the last one: no"):
        retrying(fails, "x", retries(attempts=attempts), clock)
    assert len(tried) == attempts
    assert clock.slept == [1.0, 2.0, 4.0, 8.0][: attempts - 1]


def test_the_last_allowed_try_counts() -> None:
    clock, answers = FakeClock(), iter([TransientFault("a"), TransientFault("b"), None])

    def works_the_third_time() -> str:
        if (fault := next(answers)) is not None:
            raise fault
        return "done"

    assert retrying(works_the_third_time, "x", retries(attempts=3), clock) == "done"
    assert clock.slept == [1.0, 2.0]


def test_waits_double_up_to_the_longest() -> None:
    patience, fault = retries(first_seconds=3.0, longest_seconds=20.0), TransientFault("x")
    assert [patience.wait_seconds(n, fault, "f") for n in (1, 2, 3, 4, 99)] == [3.0, 6.0, 12.0, 20.0, 20.0]
    lowest = Retries(first_seconds=3.0)
    waits = [lowest.wait_seconds(2, fault, "f") for _ in range(200)]
    assert 3.0 <= min(waits) < 3.5 < 5.5 < max(waits) <= 6.0


def test_waits_double_thirty_times_at_most() -> None:
    patience, fault = retries(first_seconds=2.0**-30), TransientFault("x")
    assert [patience.wait_seconds(n, fault, "f") for n in (30, 31, 32, 10**6)] == [0.5, 1.0, 1.0, 1.0]


def test_a_server_may_ask_for_a_wait_within_reason() -> None:
    patience = retries(longest_asked_seconds=900.0)
    assert patience.wait_seconds(1, TransientFault("busy", retry_after_seconds=0.0), "f") == 0
    assert patience.wait_seconds(9, TransientFault("busy", retry_after_seconds=900.0), "f") == 900
    with pytest.raises(DownloadError, match="f: busy; the server asks to come back in 20 minutes"):
        patience.wait_seconds(1, TransientFault("busy", retry_after_seconds=1200.0), "f")


def test_a_pause_is_kept_by_all_and_a_shorter_one_ends_it_no_sooner() -> None:
    clock = FakeClock()
    pause = Pause(clock)
    pause.keep()
    assert clock.slept == []
    pause.ask(30.0)
    pause.ask(10.0)
    pause.keep()
    pause.keep()
    assert clock.slept == [30.0]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 0 ", 0.0),
        ("9" * 30, 1e9),
        ("-5", None),
        ("soon", None),
        ("٣", None),
        ("Tue, 14 Nov 2023 22:31:40 GMT", 100.0),  # the wall clock says 22:30:00
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
    ],
)
def test_what_a_server_asks_for(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, FakeClock()) == seconds


def test_sleep_ends_when_the_run_is_cancelled() -> None:
    clock = SystemClock()
    clock.sleep(0.001)
    assert not clock.cancelled
    clock.cancel()
    assert clock.cancelled
    with pytest.raises(Interrupted):
        clock.sleep(60)
