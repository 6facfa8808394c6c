"""The parser `template`, on wordings of its train questions and on others: `python benchmarks/template_parser.py OUT`.

OUT holds a build (the databases are enough). Questions are made twice in a temporary folder: train and test from all
wordings of every template; and test from the first wording of every template, train and valid from the others. Each set
is run with perfect vision. Without OUT, a synthetic hospital is made and built first.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from ehrxqa.building.build import build
from ehrxqa.hospital import synth
from ehrxqa.models.run import run
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.generate import generate

_SAID = {
    (template.q_tag, name): getattr(template, name) for template in catalogue().values() for name in ("said", "said_at")
}


def keep_wordings(kept: Callable[[tuple[str, ...]], tuple[str, ...]]) -> None:
    """Let templates have some of their wordings only; questions are made in this process, so this holds for them."""
    for template in catalogue().values():
        for name in ("said", "said_at"):
            every = _SAID[template.q_tag, name]
            object.__setattr__(template, name, kept(every) if len(every) > 1 else every)


def folder_with(databases: Path, folder: Path) -> Path:
    """An empty output folder over the same databases."""
    folder.mkdir()
    (folder / "database").symlink_to((databases / "database").resolve())
    return folder


def report(name: str, out: Path) -> None:
    """Run and print a line."""
    summary = run(out, parser="template", name="template").scores.summary
    held, never = summary["overall"]["scores"], summary["never_abstaining"]
    print(
        f"{name:<32} EX {never['EX']['value']:5.1f}  RS10 {never['RS10']['value']:7.1f}   with abstention: "
        f"EX {held['EX']['value']:5.1f}  RS10 {held['RS10']['value']:6.1f}"
    )


def main() -> None:
    """Measure."""
    parsing = argparse.ArgumentParser(description=__doc__)
    parsing.add_argument("out", type=Path, nargs="?")
    parsing.add_argument("--train", type=int, default=6000)
    parsing.add_argument("--test", type=int, default=1000)
    given = parsing.parse_args()
    sizes = {"train": given.train, "valid": given.train // 10}
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        if given.out is None:
            given.out = place / "out"
            synth(place / "hospital", subjects=240, gold_subjects=60, images=False)
            build(place / "hospital", given.out)
        seen = folder_with(given.out, place / "seen")
        generate(seen, **sizes, test=given.test, workers=1)
        report("wordings as in train", seen)
        unseen, tests = folder_with(given.out, place / "unseen"), folder_with(given.out, place / "tests")
        keep_wordings(lambda every: every[1:])
        generate(unseen, **sizes, workers=1)
        keep_wordings(lambda every: every[:1])
        generate(tests, test=given.test, workers=1)
        for path in (tests / "dataset").glob("*test.json"):
            path.rename(unseen / "dataset" / path.name)
        with (unseen / "dataset/links.jsonl").open("a") as links:
            links.write((tests / "dataset/links.jsonl").read_text())
        (unseen / "manifest.json").unlink(missing_ok=True)  # its files are those of two runs
        keep_wordings(lambda every: every[1:])  # the parser reads declarations, too: those of train, and no others
        report("wordings that train has not", unseen)


if __name__ == "__main__":
    main()
