"""What long work says while it runs, a download above all."""

from __future__ import annotations

import io
from pathlib import Path

from physionet_server import Fault, PhysioNet
from published import publish_everything

from ehrxqa.downloading import Network, download
from ehrxqa.progress import BYTES, PlainProgress, RichProgress, make_progress


def test_plain_lines_state_total_rate_and_time_left() -> None:
    now = [0.0]
    out = io.StringIO()
    progress = PlainProgress(out, clock=lambda: now[0])
    with progress.task("download", 100_000_000, BYTES) as whole:
        with whole.part("a/labevents.csv.gz", 80_000_000) as labs:
            for second in range(1, 21):
                now[0] = float(second)
                labs.advance(2_000_000)
        with whole.part("b/patients.csv.gz", 20_000) as patients:
            patients.advance(20_000)
    assert out.getvalue().splitlines() == [
        "download: 20.0 MB of 100.0 MB (20 %), 2.0 MB/s, 40 s left",
        "download: 40.0 MB of 100.0 MB (40 %), 2.0 MB/s, 30 s left",
        "a/labevents.csv.gz: done (80.0 MB)",
        "download: 40.0 MB of 100.0 MB (40 %), 2.0 MB/s, 30 s left",
    ]


def test_other_work_counts_in_its_own_unit() -> None:
    now = [0.0]
    out = io.StringIO()
    with PlainProgress(out, clock=lambda: now[0]).task("graphs", 2_000, "graphs") as task:
        now[0] = 10.0
        task.advance(1_234)
        now[0] = 12.0
    assert out.getvalue() == "graphs: 1,234 of 2,000 graphs\ngraphs: done (12.0 s)\n"


def test_a_file_that_starts_again_takes_its_bytes_back() -> None:
    out = io.StringIO()
    with PlainProgress(out, clock=lambda: 1.0).task("download", 1000, BYTES) as whole, whole.part("a", 1000) as part:
        for amount in (900, -900, 100):
            part.advance(amount)
    assert out.getvalue().startswith("download: 100 B of 1.0 kB (10 %)")


def test_nobody_who_listens_is_no_reason_to_stop() -> None:
    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    for out in (Gone(), closed := io.StringIO()):
        closed.close()
        progress = PlainProgress(out, clock=iter(range(0, 1000, 20)).__next__)
        progress.note("hello")
        with progress.task("work", 3, "things") as task:
            task.advance()


def test_a_restart_is_told_with_its_reason(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    site.faults["mimic-iv-demo/2.2/icu/d_items.csv.gz"] = [Fault("corrupt", 3)]
    out = io.StringIO()
    download(tmp_path, stages=["demo"], network=network, progress=PlainProgress(out))
    assert (
        "icu/d_items.csv.gz: its SHA-256 is not the published one; starting again from its first byte" in out.getvalue()
    )
    assert "(100 %)" in out.getvalue().splitlines()[-1]
    assert out.getvalue().splitlines()[-1].startswith("download of 16 files: ")


def test_bars_count_what_they_are_told(site: PhysioNet, network: Network, tmp_path: Path, monkeypatch) -> None:
    from rich.progress import Progress

    publish_everything(site)
    site.faults["mimic-iv-demo/2.2/icu/d_items.csv.gz"] = [Fault("corrupt", 3), Fault("drop", 5)]
    shown = []
    monkeypatch.setattr(Progress, "stop", lambda self, stop=Progress.stop: (shown.append(self.tasks), stop(self))[1])
    download(tmp_path, stages=["demo"], network=network, progress=RichProgress())
    ((whole,),) = shown  # the bars of the files are gone
    assert (
        whole.completed
        == whole.total
        == sum(
            len(data) for path, data in site.files.items() if path.startswith("mimic-iv-demo") and "SUMS" not in path
        )
    )


def test_no_terminal_no_bars() -> None:
    assert isinstance(make_progress(), PlainProgress)
    assert not isinstance(make_progress(quiet=True), PlainProgress)
