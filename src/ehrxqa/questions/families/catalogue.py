"""The question space: all templates by their official number."""

from __future__ import annotations

from functools import cache
from itertools import chain
from types import MappingProxyType
from typing import Final

from ehrxqa.questions.families.groups import group_templates
from ehrxqa.questions.families.images import image_templates
from ehrxqa.questions.families.listings import listing_templates
from ehrxqa.questions.families.measurements import sum_templates, value_templates
from ehrxqa.questions.families.moments import moment_templates
from ehrxqa.questions.families.multimodal import multimodal_templates
from ehrxqa.questions.families.names import drug_templates, name_templates
from ehrxqa.questions.families.no_patient import no_patient_templates
from ehrxqa.questions.families.patient import patient_templates
from ehrxqa.questions.families.rankings import ranking_templates
from ehrxqa.questions.families.yes_no import yes_no_templates
from ehrxqa.questions.template import Template

__all__ = ["catalogue"]

_FAMILIES: Final = (
    no_patient_templates, patient_templates, value_templates, sum_templates, name_templates, drug_templates,
    moment_templates, yes_no_templates, listing_templates, group_templates, ranking_templates, image_templates,
    multimodal_templates,
)  # fmt: skip


@cache
def catalogue() -> MappingProxyType[int, Template]:
    """Official number → template, for all templates with a source, in the order of numbers."""
    found: dict[int, Template] = {}
    for template in chain.from_iterable(family() for family in _FAMILIES):
        assert template.number not in found, template.number
        found[template.number] = template
    return MappingProxyType(dict(sorted(found.items())))
