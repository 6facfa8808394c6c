"""Every answer is that of the second reader, who takes the other reading of each sentence."""

from __future__ import annotations

import json

import pytest
from second_reader import disagreements

import ehrxqa
from ehrxqa.questions.families.catalogue import catalogue


def test_the_second_reader_gives_every_answer(run):
    read = list(disagreements(run.out))
    assert [(record["question"], record["answer"], answer) for _, record, answer in read if answer is not None] == []
    assert len(read) == len(run.pairs)


@pytest.mark.parametrize("modality", ["table", "multimodal"])
def test_it_reads_every_family(fresh, quick, modality):
    """More of those that can be understood in two ways."""
    ehrxqa.generate(fresh, test=220, scopes=[modality], seed=11, workers=1)
    read = list(disagreements(fresh))
    assert [(record["question"], record["answer"], answer) for _, record, answer in read if answer is not None] == []
    families = {template.family for template in catalogue().values() if template.modality == modality}
    # rates and percentiles need more patients than this hospital may have
    assert len(families - {template.family for template, _, _ in read}) <= 6


def test_it_sees_what_is_wrong(fresh, quick):
    """With the rules off, some answers are those of one reading only."""
    ehrxqa.generate(
        fresh, test=80, families=["count studies", "top after", "same period"], seed=2, workers=1, ambiguous=True
    )
    links = [json.loads(line) for line in (fresh / "dataset" / "links.jsonl").read_text().splitlines()]
    doubtful = {each["id"] for each in links if each["alternatives"]}
    seen = {record["id"] for _, record, answer in disagreements(fresh) if answer is not None}
    assert seen
    assert seen <= doubtful
