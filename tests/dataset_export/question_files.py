"""Question records made by hand, and what a test needs to know of the build they belong to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ehrxqa.dataset.links import LINKS_FILE
from ehrxqa.dataset.scopes import scope_of
from ehrxqa.spec.scopes import SCOPE_OF_KEY


@dataclass(frozen=True)
class Built:
    sources: Path
    out: Path
    subject: int
    studies: tuple[int, int]
    image: str
    finding: tuple[str, str]


def record(split: str, number: int, q_tag: str, question: str, program: str, **more: Any) -> dict[str, Any]:
    empty: dict[str, list[str]] = {"object": [], "category": [], "attribute": []}
    return {
        "db_id": "mimic_iv_cxr",
        "split": split,
        "id": number,
        "question": question,
        "template": question,
        "query": more.get("query", program),
        "value": more.get("value", {}),
        "q_tag": q_tag,
        "t_tag": ["", "", "", "", ""],
        "o_tag": more.get("o_tag", {}),
        "v_tag": more.get("v_tag", empty),
        "tag": q_tag,
        "para_type": "machine",
        "is_impossible": False,
        "_gold_program": program,
    }


def write_links(folder: Path, *links: Mapping[str, Any]) -> None:
    """Write links beside the question files of a folder: of all other questions only what their q_tag says."""
    given = {(link["split"], link["id"]) for link in links}
    others = {}
    for split in ("train", "valid", "test"):
        for file in (folder / f"_{split}.json", folder / f"{split}.json"):
            for each in json.loads(file.read_text()) if file.is_file() else ():
                if (split, each["id"]) not in given:
                    others[split, each["id"]] = {"split": split, "id": each["id"], **_plain(each["q_tag"])}
    lines = [*links, *others.values()]
    (folder / LINKS_FILE).write_text("".join(json.dumps(line) + "\n" for line in lines))


def _plain(q_tag: str) -> dict[str, Any]:
    scope = scope_of(q_tag)
    key = next(key for key, each in SCOPE_OF_KEY.items() if each == scope)
    found = {"modality": "table", "scope": key, "family": q_tag, "template": "none", "study_ids": [], "image_ids": []}
    return found | {"image_paths": [], "studies_total": 0, "rows": [], "bounded": False}
