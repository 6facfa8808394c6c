"""Question records made by hand, and what a test needs to know of the build they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


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
