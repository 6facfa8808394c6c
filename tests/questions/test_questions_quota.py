"""How many questions of which template each split gets."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from official_templates import official_template

from ehrxqa.layout import SPLITS
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.quota import again, first_quota, wanted_of

TEMPLATES = list(catalogue().values())
OFFICIAL = {"table": 16529, "image": 16366, "multimodal": 13257}


def by_modality(quota, split):
    held = Counter()
    for (each, number), count in quota.items():
        if each == split:
            held[catalogue()[number].modality] += count
    return held


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.fixed_dictionaries(dict.fromkeys(SPLITS, st.integers(0, 5000))), st.integers(0, 9))
def test_modalities_have_their_official_shares(wanted, seed):
    quota = first_quota(TEMPLATES, wanted, seed)
    for split, number in wanted.items():
        held = by_modality(quota, split)
        assert held.total() == number
        for modality, share in OFFICIAL.items():
            assert abs(held[modality] - number * share / 46152) <= 1


def test_of_the_official_number_every_modality_gets_the_official_count():
    assert by_modality(first_quota(TEMPLATES, {"train": 46152}, 1), "train") == OFFICIAL


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 3000), st.integers(0, 99))
def test_templates_of_a_modality_are_asked_alike(number, seed):
    quota = first_quota(TEMPLATES, {"test": number}, seed)
    for modality in OFFICIAL:
        counts = [quota.get(("test", each.id), 0) for each in TEMPLATES if each.modality == modality]
        assert max(counts) - min(counts) <= 1


def test_of_some_scopes_the_shares_are_those_among_them():
    some = [template for template in TEMPLATES if template.modality != "table"]
    held = by_modality(first_quota(some, {"test": 16366 + 13257}, 0), "test")
    assert held == {"image": 16366, "multimodal": 13257}


def test_who_gives_one_more_depends_on_seed_and_split():
    one, other = (first_quota(TEMPLATES, {"train": 50, "test": 50}, seed) for seed in (1, 2))
    assert one != other
    assert {number for split, number in one if split == "train"} != {number for split, number in one if split == "test"}
    assert first_quota(TEMPLATES, {"train": 50, "test": 50}, 1) == one


def test_what_is_missing_is_asked_of_the_same_modality_and_database():
    able = [
        (base, official_template(number))
        for base, number in (("train", 6), ("train", 1100), ("test", 1101), ("test", 7))
    ]
    quota = again({("train", "image"): 5, ("test", "table"): 4, ("valid", "table"): 3}, able, 0)
    assert quota == {("train", "official/1100"): 5, ("test", "official/7"): 4, ("valid", "official/6"): 3}


def test_if_no_template_of_the_modality_is_left_others_are_asked_and_if_none_is_nothing():
    assert again({("train", "image"): 5}, [("train", official_template(6))], 0) == {("train", "official/6"): 5}
    assert again({("train", "image"): 5}, [("test", official_template(1100))], 0) == {}


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.5])
def test_at_most_a_share_of_those_that_may_be_is_empty(share):
    templates = catalogue()
    quota = first_quota(TEMPLATES, {"train": 900, "valid": 300, "test": 400}, 3)
    wanted = wanted_of(quota, templates, share, "0/0")
    made = Counter((split, number) for (_, number), held in wanted.items() for split, _ in held)
    assert made == quota
    for split in SPLITS:
        held = [
            each.empty for (_, number), some in wanted.items() for each in some
            if each.split == split and templates[number].may_be_empty
        ]  # fmt: skip
        assert sum(held) == int(len(held) * share)
        assert len(held) > 50
    assert not any(
        each.empty for (_, number), held in wanted.items() for each in held if not templates[number].may_be_empty
    )


def test_questions_are_wanted_of_the_database_of_their_split():
    wanted = wanted_of(
        {("train", "official/6"): 2, ("valid", "official/6"): 3, ("test", "official/6"): 4}, catalogue(), 0.0, "0"
    )
    assert {key: Counter(split for split, _ in held) for key, held in wanted.items()} == {
        ("train", "official/6"): {"train": 2, "valid": 3}, ("test", "official/6"): {"test": 4},
    }  # fmt: skip


def test_only_lists_and_counts_about_images_may_be_empty():
    assert {template.answer for template in TEMPLATES if template.may_be_empty} == {"list", "count"}
    assert {template.modality for template in TEMPLATES if template.may_be_empty} == {"image", "multimodal"}
