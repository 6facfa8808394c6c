"""Official templates that nothing in MIMIC-IV can answer."""

from __future__ import annotations

from typing import Final

__all__ = ["NO_SOURCE"]

#: Official templates of which MIMIC-IV has no data: number → (scope, sentence, what is missing).
NO_SOURCE: Final[dict[int, tuple[str, str, str]]] = {
    21: (
        "table-single",
        "how many [unit_count] have passed since the [e1] time patient {patient_id} stayed in ward {ward_id} on the "
        "current hospital visit?",
        "ward",
    ),
    29: ("table-single", "what was the [e1] ward of patient {patient_id} [g1]?", "ward"),
    46: ("table-single", "what was the name of the allergy that patient {patient_id} had [g1]?", "allergy"),
    47: (
        "table-single",
        "what was the name of the substance that patient {patient_id} was allergic to [g1]?",
        "allergy",
    ),
    85: (
        "table-single",
        "has_verb patient {patient_id} received a {procedure_name} procedure in other than the current hospital [g1]?",
        "other hospital",
    ),
    98: ("table-single", "has_verb patient {patient_id} had any allergy [g1]?", "allergy"),
    137: ("table-group", "count the number of patients who stayed in ward {ward_id} [g1].", "ward"),
}
