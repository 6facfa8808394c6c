"""Attacks that the test suite holds already, counted: download faults, planted leaks, clean trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from torture.tally import Tally

TESTS = Path(__file__).parents[1]


class _Count:
    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.failed:
            self._tally.count(f"{report.nodeid} failed" if report.failed else None)


def suite(kind: str, *arguments: str, each: int = 1) -> Tally:
    """Run some tests; `each` of them stands for so many cases."""
    tally = Tally(kind)
    pytest.main([*arguments, "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header"], plugins=[_Count(tally)])
    tally.tried *= each
    return tally


def suites() -> list[Tally]:
    """Download faults and leaks."""
    planted, leak_scan = str(TESTS / "leakscan/test_planted.py"), str(TESTS / "leakscan/test_leak_scan.py")
    return [
        suite("download fault", str(TESTS / "download/test_download_schedules.py"), each=40),
        suite("planted leak", planted, leak_scan, "-k", "leaks_are_found or planted_leaks"),
        suite("clean tree", planted, leak_scan, "-k", "trees_of_others or only_looks_like"),
        suite("file that cannot be read", planted, "-k", "not_understood or encrypted or bounded"),
    ]
