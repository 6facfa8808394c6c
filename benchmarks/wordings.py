"""How varied and how long questions are, beside those of EHRSQL: `python benchmarks/wordings.py OUT [EHRSQL]`.

Distinct-n is the share of different n-grams among all n-grams of the questions (Li et al., 2016); it falls with the
number of questions, so both sets are cut to the same number, by chance with a fixed seed. Words are what blanks divide,
in lower case. EHRSQL is the folder of the published files (`mimic_iii/valid.json`, `mimic_iv/train/data.json`,
`label.json`), by default `../shared/data/ehrsql`; without it only our own figures are printed. Unanswerable questions
are left out.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, median

from ehrxqa.dataset.splits import read_dataset

EHRSQL = Path(__file__).parents[1] / "../shared/data/ehrsql"
NUMBER = 1000


def distinct(questions: Sequence[str], n: int) -> float:
    """Different n-grams of words among all of them."""
    total, seen = 0, set()
    for question in questions:
        words = question.lower().split()
        grams = list(zip(*(words[place:] for place in range(n)), strict=False))
        total += len(grams)
        seen.update(grams)
    return len(seen) / total if total else 0.0


def report(name: str, questions: Sequence[str], number: int = NUMBER) -> None:
    """Print a line."""
    some = random.Random(0).sample(list(questions), number) if len(questions) > number else list(questions)
    lengths = [len(question.split()) for question in some]
    shares = "  ".join(f"{distinct(some, n):.3f}" for n in (1, 2, 3))
    print(f"{name:<34}{len(some):>6}  {shares}  {median(lengths):>6g}  {mean(lengths):5.1f}")


def ehrsql(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The answerable questions of the published files."""
    if (path := folder / "mimic_iii/valid.json").is_file():
        records = json.loads(path.read_text(encoding="utf-8"))
        yield "EHRSQL, MIMIC-III", [record["question"] for record in records if not record["is_impossible"]]
    if (path := folder / "mimic_iv/train/data.json").is_file():
        labels = json.loads(path.with_name("label.json").read_text(encoding="utf-8"))
        records = json.loads(path.read_text(encoding="utf-8"))["data"]
        yield "EHRSQL-2024, MIMIC-IV", [each["question"] for each in records if labels[each["id"]] != "null"]


def main() -> None:
    """Print the table."""
    parsing = argparse.ArgumentParser(description=__doc__)
    parsing.add_argument("out", type=Path, nargs="?")
    parsing.add_argument("ehrsql", type=Path, nargs="?", default=EHRSQL)
    parsing.add_argument("--split", default="test")
    given = parsing.parse_args()
    print(f"{'':<34}{'':>6}  {'distinct-1, -2, -3':<19}  {'median':>6}   mean words")
    for name, questions in ehrsql(given.ehrsql):
        report(name, questions)
    if given.out is None:
        sys.exit("give an output folder with questions")
    dataset = read_dataset(given.out)
    records = [record for record in dataset.splits[given.split] if not record["is_impossible"]]
    report("ours", [record["question"] for record in records])
    scopes: defaultdict[str, list[str]] = defaultdict(list)
    for record in records:
        link = dataset.links.of(record)
        scopes[link.scope if link else "?"].append(record["question"])
    for scope, questions in sorted(scopes.items()):
        report(f"  {scope}", questions)


if __name__ == "__main__":
    main()
