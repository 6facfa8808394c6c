"""Families about no patient: what drugs are given by, what things cost, what abbreviations mean."""

from __future__ import annotations

from collections.abc import Iterator

from ehrxqa.questions.events import EVENTS
from ehrxqa.questions.template import Template

__all__ = ["no_patient_templates"]


def no_patient_templates() -> Iterator[Template]:
    """Its templates."""

    def none(number: int, family: str, text: str, said: tuple[str, ...], sql: str, kind: str, answer: str) -> Template:
        slots = (EVENTS[kind].slot if kind else "",)
        return Template(number, family, "table-none", text, said, sql, "names", answer, (kind,) if kind else (), slots)

    yield none(
        0, "intake method", "what is the intake method of {drug_name}?",
        ("by which routes is {drug_name} given?", "how is {drug_name} administered?", "list all routes of administration of {drug_name}.",
         "by which routes has {drug_name} been prescribed?"),
        "select distinct prescriptions.route from prescriptions where <nm>", "rx", "list",
    )  # fmt: skip
    for number, kind, text, said in (
        (1, "px", "a procedure named {procedure_name}", "the procedure {procedure_name}"),
        (2, "lab", "a {lab_name} lab test", "the lab test {lab_name}"),
        (3, "rx", "a drug named {drug_name}", "a prescription of {drug_name}"),
        (4, "dx", "diagnosing {diagnosis_name}", "a diagnosis of {diagnosis_name}"),
    ):
        yield none(
            number, "cost", f"what is the cost of {text}?",
            (f"how much does {said} cost?", f"how much is charged for {said}?", f"what is the price of {said}?",
             f"tell me the cost of {said}."),
            "select distinct cost.cost from cost where cost.event_type = '<T>' and cost.event_id in "
            "( select <T>.row_id from <T> where <nm> )", kind, "value",
        )  # fmt: skip
    yield Template(
        5, "abbreviation", "table-none", "what does {abbreviation} stand for?",
        ("what is the meaning of the abbreviation {abbreviation}?", "what is {abbreviation} short for?",
         "which term is abbreviated as {abbreviation}?"),
        "select distinct d_items.label from d_items where d_items.abbreviation = '{abbreviation}'", "abbreviation", "value",
    )  # fmt: skip
