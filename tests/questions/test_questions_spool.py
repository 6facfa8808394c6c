"""What has been made lies safe on disk: cut anywhere, a spool goes on behind its last finished batch."""

from __future__ import annotations

import resource
from collections import Counter
from pathlib import Path

import pytest
from official_templates import official_template

from ehrxqa.errors import BuildError
from ehrxqa.questions.batch import BatchResult, BatchTask, Wanted
from ehrxqa.questions.copies import Copies
from ehrxqa.questions.held_out import HeldOut
from ehrxqa.questions.spool import Spool

COPIES = Copies("train", Path("a"), Path("b"), Path("c"))


def task_of(number, **more):
    return BatchTask(
        COPIES, official_template(number), (Wanted("train"), Wanted("valid", True)), f"0/train/{number}/0", **more
    )


def result_of(number):
    text = f'[{{"template": "q{number} \\u2603 \\t"}}, [{number}], {{}}]'
    return BatchResult(
        [("train", text), ("valid", text), ("train", text)], [bytes([number]) * 12], Counter(valid=number),
        Counter({"empty": number}), [f"fault {number}"], 3, Counter({"train yes": number}),
    )  # fmt: skip


def written(path, batches=5):
    with Spool(path, "key") as spool:
        for number in range(1, batches + 1):
            spool.add(task_of(number), result_of(number))
    return path.read_bytes()


def read(path, key="key"):
    """The numbers of the finished batches, and all entries of train."""
    with Spool(path, key) as spool:
        finished = [number for number in range(1, 9) if spool.finished(task_of(number)) is not None]
        order = list(range(len(spool.offsets.get("train", ()))))
        return finished, [answer for _, answer, _ in spool.entries("train", order)]


def test_what_was_added_is_there_again(tmp_path):
    written(tmp_path / "s")
    with Spool(tmp_path / "s", "key") as spool:
        found = spool.finished(task_of(3))
        given = result_of(3)
        assert found == BatchResult([], given.keys, given.missing, given.rejected, given.faults, 3, given.truths)
        assert [answer for _, answer, _ in spool.entries("train", [4, 0, 5])] == [[3], [1], [3]]
        assert {split: len(places) for split, places in spool.offsets.items()} == {"train": 10, "valid": 5}


def test_cut_anywhere_it_goes_on_behind_the_last_finished_cell(tmp_path):
    whole = written(tmp_path / "s", 3)
    ends = [place + 1 for place, line in enumerated(whole) if line.startswith(b"=")]
    for length in sorted({*range(0, len(whole), 7), *(end + more for end in ends for more in (-1, 0, 1)), len(whole)}):
        (tmp_path / "s").write_bytes(whole[:length])
        done = sum(end <= length for end in ends)
        finished, answers = read(tmp_path / "s")
        assert finished == list(range(1, done + 1)), length
        assert answers == [[number] for number in finished for _ in range(2)]
        with Spool(tmp_path / "s", "key") as spool:
            for number in range(1, 4):
                if spool.finished(task_of(number)) is None:
                    spool.add(task_of(number), result_of(number))
        assert (tmp_path / "s").read_bytes() == whole, length


def enumerated(content):
    """Where each line ends, with the line."""
    place = -1
    for line in content.splitlines(keepends=True):
        place += len(line)
        yield place, line


def test_another_key_starts_anew(tmp_path):
    written(tmp_path / "s")
    assert read(tmp_path / "s", "other") == ([], [])
    assert (tmp_path / "s").read_bytes() == b"other\n"


def test_a_file_that_is_no_spool_is_overwritten(tmp_path):
    (tmp_path / "s").write_bytes(b"\xff\x00 something else entirely")
    assert read(tmp_path / "s") == ([], [])


@pytest.mark.parametrize(
    "other",
    [
        BatchTask(Copies("test", *[Path()] * 3), official_template(1), task_of(1).wanted, task_of(1).seed),
        BatchTask(COPIES, official_template(2), task_of(1).wanted, task_of(1).seed),
        BatchTask(COPIES, official_template(1), task_of(1).wanted[::-1], task_of(1).seed),
        BatchTask(COPIES, official_template(1), task_of(1).wanted, "1/train/1/0"),
        task_of(1, seen=frozenset([b"x"])),
        task_of(1, held_out=HeldOut(subjects=True)),
        task_of(1, held_out=HeldOut(questions=True)),
        task_of(1, truths=(("train yes", 1),)),
    ],
    ids=("database", "template", "wanted", "seed", "seen", "subjects", "questions", "truths"),
)
def test_a_batch_is_finished_for_the_same_task_only(tmp_path, other):
    written(tmp_path / "s", 1)
    with Spool(tmp_path / "s", "key") as spool:
        assert spool.finished(task_of(1)) is not None
        assert spool.finished(other) is None


def test_where_the_copies_lie_does_not_matter(tmp_path):
    written(tmp_path / "s", 1)
    moved = BatchTask(
        Copies("train", *[Path("elsewhere")] * 3), official_template(1), task_of(1).wanted, task_of(1).seed
    )
    with Spool(tmp_path / "s", "key") as spool:
        assert spool.finished(moved) is not None


def add_batches(path):
    with Spool(path, "key") as spool:
        for number in range(4, 9):
            spool.add(task_of(number), result_of(number))


def test_a_full_disk_is_said_in_one_line_and_nothing_finished_is_lost(tmp_path):
    """A limit on the size of files stands for the disk."""
    whole = written(tmp_path / "s", 3)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 100, hard))
    try:
        with pytest.raises(BuildError, match="too large") as error:
            add_batches(tmp_path / "s")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(error.value)
    assert read(tmp_path / "s")[0] == [1, 2, 3]
