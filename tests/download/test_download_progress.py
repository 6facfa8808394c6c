"""What a download says while it runs."""

from __future__ import annotations

import io
import re
from pathlib import Path

from physionet_server import Fault, PhysioNet
from published import publish_everything

from ehrxqa.sources.download import Network, download
from ehrxqa.sources.download.transfer_progress import PlainTransfers, RichTransfers, make_transfers


def test_plain_lines_state_total_files_rate_and_time_left() -> None:
    now = [0.0]
    out = io.StringIO()
    transfers = PlainTransfers(out, every_seconds=10, clock=lambda: now[0])
    with transfers.run(2, 100_000_000, 0):
        transfers.begin("a/labevents.csv.gz", 80_000_000, 0)
        transfers.begin("b/patients.csv.gz", 20_000_000, 0)
        for second in range(1, 21):
            now[0] = float(second)
            transfers.at("a/labevents.csv.gz", second * 2_000_000, 80_000_000)
        transfers.at("b/patients.csv.gz", 20_000_000, 20_000_000)
        transfers.end("b/patients.csv.gz", ok=True)
    lines = out.getvalue().splitlines()
    assert lines[0] == (
        "download: 20.0 MB of 100.0 MB (20 %), 0 of 2 files, 2.0 MB/s, 40 s left | "
        "a/labevents.csv.gz 25 %; b/patients.csv.gz 0 %"
    )
    assert lines[2] == "b/patients.csv.gz: done (20.0 MB)"
    assert re.match(r"download: 60\.0 MB of 100\.0 MB \(60 %\), 1 of 2 files", lines[-1])
    assert "\r" not in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_a_file_that_starts_again_takes_its_bytes_back() -> None:
    out = io.StringIO()
    transfers = PlainTransfers(out, clock=lambda: 1.0)
    with transfers.run(1, 1000, 0):
        transfers.begin("a", 1000, 0)
        transfers.at("a", 900, 1000)
        transfers.at("a", 0, 1000)
        transfers.at("a", 100, 1000)
    assert out.getvalue().startswith("download: 100 B of 1.0 kB (10 %)")


def test_a_restart_is_told_with_its_reason(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    site.faults["mimic-iv-demo/2.2/icu/d_items.csv.gz"] = [Fault("corrupt", 3)]
    out = io.StringIO()
    download(tmp_path, stages=["demo"], network=network, transfers=PlainTransfers(out))
    assert (
        "icu/d_items.csv.gz: its SHA-256 is not the published one; starting again from its first byte" in out.getvalue()
    )
    assert out.getvalue().splitlines()[-1].startswith("download:")
    assert "16 of 16 files" in out.getvalue().splitlines()[-1]


def test_bars_count_what_they_are_told(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    transfers = RichTransfers()
    download(tmp_path, stages=["demo"], network=network, transfers=transfers)
    assert transfers._tally.finished == 16
    assert transfers._tally.done == sum(
        len(data) for path, data in site.files.items() if path.startswith("mimic-iv-demo") and "SUMS" not in path
    )


def test_no_terminal_no_bars() -> None:
    assert isinstance(make_transfers(), PlainTransfers)
    assert not isinstance(make_transfers(quiet=True), PlainTransfers)
