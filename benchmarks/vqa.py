"""How fast image questions are answered, beside plain JSON reading and writing of the same file.

Makes a split of the size of the real one (images, labels, 377,000 questions) from a seed, writes its question file,
answers it, and prints
seconds of processor time. Run with the package installed:

    python benchmarks/vqa.py [--images 160000] [--questions 377000]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from ehrxqa.vqa.answering import answer_files
from ehrxqa.vqa.image_labels import Finding, ImageLabels, bits_of_rows
from ehrxqa.vqa.models import VqaRequest
from ehrxqa.vqa.oracle import OracleModel
from ehrxqa.vqa.parse import parse
from ehrxqa.vqa.question import KINDS, VqaQuestion
from ehrxqa.vqa.records import arguments_of, write_records
from ehrxqa.vqa.render import TEMPLATES, render, render_mimic_cxr_vqa
from ehrxqa.vqa.vocabulary import ATTRIBUTES, OBJECTS


def made_up_labels(images: int, rng: np.random.Generator) -> ImageLabels:
    """About 25 of 609 findings per image."""
    every = [Finding(place, name, kind) for kind, names in ATTRIBUTES.items() for name in names for place in OBJECTS]
    findings = sorted(every[number] for number in rng.choice(len(every), 609, replace=False))
    rows = np.repeat(np.arange(images), 25)
    return ImageLabels(
        image_ids=[f"{number:08x}-{number:08x}-{number:08x}-{number:08x}-{number:08x}" for number in range(images)],
        study_ids=list(range(50_000_000, 50_000_000 + images)),
        subject_ids=[10_000_000 + number // 3 for number in range(images)],
        findings=findings,
        present=bits_of_rows(images, len(findings), rows, rng.integers(0, len(findings), len(rows))),
        views=["ap" if bit else "pa" for bit in rng.integers(0, 2, images)],
        genders=["m" if bit else "f" for bit in rng.integers(0, 2, images)],
        shares={name: rng.random(images).tolist() for name in ("cardiac silhouette", "upper mediastinum")},
        possible=findings,
    )


def made_up_question(rng: random.Random, labels: ImageLabels) -> VqaQuestion:
    """A question of a random kind about possible findings."""
    kind = KINDS[rng.randint(1, 48)]
    while True:
        first, second = rng.sample(labels.findings, 2)
        if first.object != second.object and first.attribute != second.attribute and first.category != second.category:
            break
    pair = (first, second)
    return VqaQuestion.of_kind(
        kind.number,
        objects=() if kind.measured else tuple(finding.object for finding in pair[: kind.objects]),
        attributes=tuple(finding.attribute for finding in pair[: kind.attributes]),
        categories=tuple(finding.category for finding in pair[: kind.categories]),
        view=rng.choice(("ap", "pa")) if kind.views else None,
        gender=rng.choice(("m", "f")) if kind.genders else None,
    )


def made_up_records(labels: ImageLabels, count: int, rng: random.Random):
    """Pre-release records."""
    for idx in range(count):
        question = made_up_question(rng, labels)
        yield {
            "split": "train",
            "idx": idx,
            "image_id": rng.choice(labels.image_ids),
            "question": render_mimic_cxr_vqa(question),
            "content_type": question.kind.content_type,
            "semantic_type": question.kind.form.value,
            "template": TEMPLATES[question.kind.number],
            "template_program": question.kind.program,
            "template_arguments": arguments_of(question),
        }


def seconds(name: str, work, note=lambda result: "") -> float:
    """Run, print the processor time it took, and return it."""
    started = time.process_time()
    result = work()
    taken = time.process_time() - started
    print(f"{name:58} {taken:8.2f} s  {note(result)}", flush=True)
    return taken


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=160_000)
    parser.add_argument("--questions", type=int, default=377_000)
    options = parser.parse_args()
    labels = made_up_labels(options.images, np.random.default_rng(0))
    with tempfile.TemporaryDirectory() as folder:
        questions, answers, copy = (Path(folder) / name for name in ("_train.json", "train.json", "copy.json"))
        write_records(questions, made_up_records(labels, options.questions, random.Random(0)))
        size = questions.stat().st_size / 1e6
        print(f"{options.questions:,} questions ({size:.0f} MB) on {options.images:,} images")
        answering = seconds(
            "answer_files (read, answer, write)",
            lambda: answer_files(labels, [questions], "train", answers),
            lambda report: f"{report.questions:,} answered",
        )
        print(f"{'largest memory so far':58} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:8.0f} MB")
        loaded = []
        reading = seconds(
            "yardstick: json.load of the questions",
            lambda: loaded.append(json.loads(questions.read_bytes())),
        )
        writing = seconds(
            "yardstick: json.dump of the questions, indented",
            lambda: copy.write_text(json.dumps(loaded.pop(), indent=4)),
        )
        print(f"{'ratio of answer_files to json.load + json.dump':58} {answering / (reading + writing):8.2f}")

    rng = random.Random(1)
    asked = [made_up_question(rng, labels) for _ in range(500)]
    studies = list(labels.study_ids[:2000])
    oracle = OracleModel(labels)
    requests = [VqaRequest(study, "", question, "") for question in asked[:100] for study in studies]
    taken = seconds("oracle, 100 questions × 2,000 studies, by answer", lambda: oracle.answer(requests))
    print(f"{'':58} {len(requests) / taken:12,.0f} answers/s")
    texts = list({render(question) for question in asked})
    taken = seconds("parse, each text new", lambda: [parse(text) for text in texts])
    print(f"{'':58} {len(texts) / taken:12,.0f} texts/s")


if __name__ == "__main__":
    main()
