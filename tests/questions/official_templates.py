"""The official template of a number, by which the tests name them."""

from __future__ import annotations

from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.template import Template, official_id


def official_template(number: int) -> Template:
    """The official template of that number, if it has a source in MIMIC-IV."""
    return catalogue()[official_id(number)]
