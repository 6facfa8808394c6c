"""Questions that cannot be answered: about what the database has no source for."""

from __future__ import annotations

import random
from typing import Any

from ehrxqa.questions.families.no_source import NO_SOURCE
from ehrxqa.questions.template import official

__all__ = ["impossible_record"]

_SAID = {
    21: "how many days have passed since the first time patient {p} stayed in ward {n} on the current hospital visit?",
    29: "what was the last ward of patient {p}?",
    46: "what was the name of the allergy that patient {p} had?",
    47: "which substance is patient {p} allergic to?",
    98: "has patient {p} had any allergy?",
    137: "how many patients stayed in ward {n}?",
}


def impossible_record(beside: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """An unanswerable record about the patient of another question, or a patient number nobody has.

    Its query and gold program are `null`, and so is its answer, as in EHRSQL.
    """
    number = rng.choice(sorted(_SAID))
    patient = beside["value"].get("patient_id") or rng.randrange(90000000, 99999999)
    values: dict[str, Any] = {} if number == 137 else {"patient_id": patient}
    if number in (21, 137):
        values["ward_id"] = rng.randrange(1, 60)
    text = _SAID[number].format(p=patient, n=values.get("ward_id"))
    tag = official(NO_SOURCE[number][0])
    return {
        **beside, "question": text, "template": text, "query": "null", "value": values, "q_tag": tag, "t_tag": [""] * 5,
        "o_tag": {}, "v_tag": {"object": [], "category": [], "attribute": []}, "tag": tag, "para_type": "machine",
        "is_impossible": True, "_gold_program": "null",
    }  # fmt: skip
