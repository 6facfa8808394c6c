"""Families about no patient: what drugs are given by, what things cost, what abbreviations mean."""

from __future__ import annotations

from collections.abc import Iterator

from ehrxqa.questions.events import EVENTS
from ehrxqa.questions.program_parts import Parts, where, words
from ehrxqa.questions.template import Answer, Program, Template

__all__ = ["no_patient_templates"]


def no_patient_templates() -> Iterator[Template]:
    """Its templates."""

    def none(
        *, official: int, family: str, text: str, said: tuple[str, ...], sql: Program, kind: str, answer: Answer
    ) -> Template:
        return Template(
            official=official,
            family=family,
            scope="table-none",
            text=text,
            said=said,
            sql=sql,
            draw="names",
            answer=answer,
            kinds=(kind,),
            slots=(EVENTS[kind].slot,),
        )

    yield none(
        official=0,
        family="intake method",
        text="what is the intake method of {drug_name}?",
        said=(
            "by which routes is {drug_name} given?",
            "how is {drug_name} administered?",
            "list all routes of administration of {drug_name}.",
            "by which routes has {drug_name} been prescribed?",
            "{drug_name}: which routes?",
            "[tell] how {drug_name} is given.",
            "routes of administration for {drug_name}?",
            "[can] by which routes {drug_name} is prescribed?",
            "[give] all routes by which {drug_name} has been prescribed.",
        ),
        sql=lambda q: words("select distinct prescriptions.route from prescriptions", where(q.a.name)),
        kind="rx",
        answer="list",
    )
    for number, kind, text, said in (
        (1, "px", "a procedure named {procedure_name}", "the procedure {procedure_name}"),
        (2, "lab", "a {lab_name} lab test", "the lab test {lab_name}"),
        (3, "rx", "a drug named {drug_name}", "a prescription of {drug_name}"),
        (4, "dx", "diagnosing {diagnosis_name}", "a diagnosis of {diagnosis_name}"),
    ):
        yield none(
            official=number,
            family="cost",
            text=f"what is the cost of {text}?",
            said=(
                f"how much does {said} cost?",
                f"how much is charged for {said}?",
                f"what is the price of {said}?",
                f"[tell] the cost of {said}.",
                f"cost of {said}?",
                f"what does {said} cost?",
                f"[can] how much {said} costs?",
                f"[give] the price of {said}.",
                f"{said}: what does it cost?",
            ),
            sql=_cost,
            kind=kind,
            answer="value",
        )
    yield Template(
        official=5,
        family="abbreviation",
        scope="table-none",
        text="what does {abbreviation} stand for?",
        said=(
            "what is the meaning of the abbreviation {abbreviation}?",
            "what is {abbreviation} short for?",
            "which term is abbreviated as {abbreviation}?",
            "what does {abbreviation} mean?",
            "[tell] what {abbreviation} stands for.",
            "{abbreviation}: what is that in full?",
            "spell out the abbreviation {abbreviation}.",
            "[can] what {abbreviation} is short for?",
        ),
        sql=lambda q: (
            f"select distinct d_items.label from d_items where d_items.abbreviation = '{q.value('abbreviation')}'"
        ),
        draw="abbreviation",
        answer="value",
    )


def _cost(q: Parts) -> str:
    table = q.a.table
    events = words(f"select {table}.row_id from {table}", where(q.a.name))
    return f"select distinct cost.cost from cost where cost.event_type = '{table}' and cost.event_id in ( {events} )"
