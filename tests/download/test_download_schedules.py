"""Five hundred and more days on which everything goes wrong: the right bytes, or one clear error."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest
from fake_clock import FakeClock
from physionet_server import Fault, PhysioNet

from ehrxqa.downloading import DownloadError, Network
from ehrxqa.errors import EhrxqaError
from ehrxqa.net.pacing import Retries
from ehrxqa.sources.download.fetch_list import Item
from ehrxqa.sources.download.releases import Release
from ehrxqa.sources.download.run import session

SCHEDULES = 560
BATCH = 40

#: Faults that another try mends; at most seven in a row without a new byte.
PASSING = ["drop", "drop", "drop", "no_answer", "garbage", "429", "503", "500", "encoded", "unasked_206", "truncated"]
#: Faults after which a file starts again; at most three.
RESTARTING = ["shifted_206", "unsaid_206", "wrong_total_206", "other_bytes_206", "bad_416", "corrupt", "ignore_range"]
#: Faults that end the file.
FATAL = ["redirect", "always_corrupt", "gone", "always_500", "changed_for_good"]
LEFTOVERS = ["nothing", "good_part", "bad_part", "part_without_sidecar", "torn_sidecar", "other_part", "whole_part"]
PRESENT = ["nothing"] * 6 + ["right", "wget_interrupted", "foreign"]


@pytest.fixture(scope="module")
def shared_site() -> Iterator[PhysioNet]:
    server = PhysioNet().start()
    yield server
    server.stop()


def _plan_faults(rng: random.Random, elsewhere: str) -> tuple[list[Fault], str | None]:
    """Faults of one file, and the fatal one among them."""
    faults = []
    for _ in range(rng.choice([0, 1, 2, 3, 5])):
        kind = rng.choice(PASSING)
        value = rng.choice(["", "3", "Tue, 14 Nov 2023 22:31:00 GMT"]) if kind in ("429", "503") else ""
        faults.append(Fault(kind, rng.randrange(4000), value))
    for _ in range(rng.choice([0, 0, 1, 2])):
        faults.insert(rng.randint(0, len(faults)), Fault(rng.choice(RESTARTING), rng.randrange(4000)))
    if rng.random() < 0.05:
        faults.insert(rng.randint(0, len(faults)), Fault("stall", rng.randrange(4000)))
    if rng.random() < 0.8:
        return faults, None
    fatal = rng.choice(FATAL)
    if fatal == "redirect":
        faults.append(Fault("redirect", 0, elsewhere))
    elif fatal == "always_corrupt":
        faults = [Fault("corrupt", 5 + i) for i in range(40)]
    elif fatal == "always_500":
        faults += [Fault("500") for _ in range(60)]
    elif fatal == "changed_for_good":
        faults.append(Fault("change", 0, "another content " * rng.randint(1, 200)))
    return faults, fatal


def _leave_behind(rng: random.Random, target: Path, url: str, data: bytes, site: PhysioNet) -> str:
    """What an earlier run, another program or an accident left; returns which."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part, sidecar = target.with_name(target.name + ".part"), target.with_name(target.name + ".part.json")
    facts = {
        "url": url,
        "size": len(data),
        "etag": site.etag(data),
        "last_modified": formatdate(site.modified(data), usegmt=True),
    }
    cut = rng.randint(0, len(data))
    match left := rng.choice(LEFTOVERS):
        case "good_part":
            part.write_bytes(data[:cut])
            sidecar.write_text(json.dumps(facts))
        case "bad_part":
            part.write_bytes(rng.randbytes(cut))
            sidecar.write_text(json.dumps(facts))
        case "part_without_sidecar":
            part.write_bytes(data[:cut])
        case "torn_sidecar":
            part.write_bytes(data[:cut])
            sidecar.write_text(json.dumps(facts)[: rng.randrange(20)])
        case "other_part":
            part.write_bytes(rng.randbytes(cut + 5))
            sidecar.write_text(json.dumps(facts | {"etag": '"other"', "size": len(data) + 50}))
        case "whole_part":
            part.write_bytes(data)
            sidecar.write_text(json.dumps(facts))
    match there := rng.choice(PRESENT):
        case "right":
            target.write_bytes(data)
        case "wget_interrupted" if cut not in (0, len(data)):
            target.write_bytes(data[:cut])
        case "foreign":
            target.write_bytes(b"my own notes, longer or shorter " * rng.randint(1, 3))
        case _:
            there = "nothing"
    return there if there != "nothing" else left


@pytest.mark.parametrize("batch", range(SCHEDULES // BATCH))
def test_ends_with_the_right_bytes_or_one_clear_error(batch: int, shared_site: PhysioNet, tmp_path: Path) -> None:
    for number in range(batch * BATCH, (batch + 1) * BATCH):
        _one_schedule(number, shared_site, tmp_path / str(number))


def _one_schedule(number: int, site: PhysioNet, root: Path) -> None:
    rng = random.Random(number)
    release = Release("schedule", str(number), "Schedule", open_access=True)
    contents = {f"d/file{i}.csv.gz": rng.randbytes(rng.choice([0, 1, 7, 300, 3000])) for i in range(rng.randint(1, 3))}
    site.etags, site.weak_etags = rng.random() < 0.85, rng.random() < 0.2
    site.publish(release.folder, contents)
    if rng.random() < 0.2:
        site.faults[f"{release.folder}/SHA256SUMS.txt"] = [Fault("drop", rng.randrange(200)), Fault("503", 0, "2")]
    fatal: dict[str, str | None] = {}
    restarting = set()
    present: dict[str, str] = {}
    for path, data in contents.items():
        full = f"{release.folder}/{path}"
        site.faults[full], fatal[path] = _plan_faults(rng, "http://127.0.0.1:9/elsewhere")
        if any(fault.kind in RESTARTING for fault in site.faults[full]):
            restarting.add(path)
        present[path] = _leave_behind(rng, root / full, f"/files/{full}", data, site)
        if fatal[path] == "gone":
            del site.files[full]
    before = {path: _bytes(root / release.folder / path) for path in contents}
    clock = FakeClock()
    network = Network(
        address=site.address, clock=lambda: clock, stall_seconds=0.05, retries=Retries(random=random.Random(number))
    )
    error = _attempt(release, contents, root, network)

    if error is not None:
        message = str(error)
        assert isinstance(error, DownloadError), (number, error)
        assert "\n" not in message, number
        assert release.folder in message or "127.0.0.1" in message, (number, message)
    for path, data in contents.items():
        now = _bytes(root / release.folder / path)
        # never a wrong or half file under the final name: the right bytes, what was there before, or nothing
        assert now in (data, before[path], None), (number, path, present[path])
        if present[path] in ("foreign", "right"):
            assert now == before[path], (number, path)
    trouble = {path for path in contents if fatal[path] and present[path] != "right"}
    foreign = {path for path in contents if present[path] == "foreign"}
    # the end of an interrupted wget is compared with the host's bytes: when those are wrong too, it is left alone
    doubtful = {path for path in contents if present[path] == "wget_interrupted" and path in restarting}
    if not trouble and not foreign and not doubtful:
        assert error is None, (number, error)
        assert all(_bytes(root / release.folder / path) == data for path, data in contents.items()), number
    if foreign:
        assert error is not None, number

    # the next day all is well: what is left behind does not stand in the way
    site.faults.clear()
    site.publish(release.folder, contents)
    for path in foreign | doubtful:
        (root / release.folder / path).unlink(missing_ok=True)
    clock = FakeClock()
    assert _attempt(release, contents, root, network) is None, number
    assert all(_bytes(root / release.folder / path) == data for path, data in contents.items()), number
    untouched = tuple(Path(path).name for path in contents if present[path] == "right")
    leftovers = [path for path in root.rglob("*.part*") if not path.name.startswith(untouched or ("-",))]
    assert leftovers == [], (number, leftovers)


def _attempt(release: Release, contents: dict[str, bytes], root: Path, network: Network) -> EhrxqaError | None:
    def items(sums: dict[str, str], _: str) -> list[Item]:
        return [
            Item(release, path, root / release.folder / path, f"{release.folder}/{path}", sums[path])
            for path in contents
        ]

    network = Network(
        address=network.address,
        clock=FakeClock,
        stall_seconds=network.stall_seconds,
        retries=network.retries,
    )
    try:
        with session(root, network) as run:
            planned, total, _ = run.with_sizes(run.plan(release, items, contents.__contains__))
            planned = run.settle_different(planned)
            run.check_space(planned, total)
            reports = run.fetch_all(planned, total)
    except EhrxqaError as error:
        return error
    assert [report.outcome for report in reports].count("to fetch") == 0
    return None


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def test_the_oracle_itself_tells_right_from_wrong(tmp_path: Path) -> None:
    """The comparison above is by bytes; a flipped byte is seen."""
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert _bytes(path) != b"abd"
    assert hashlib.sha256(b"abc").hexdigest() != hashlib.sha256(b"abd").hexdigest()
