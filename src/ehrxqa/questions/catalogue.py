"""The question space: all templates by their official number."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType

from ehrxqa.questions.group import group_templates
from ehrxqa.questions.image import image_templates
from ehrxqa.questions.multimodal import multimodal_templates
from ehrxqa.questions.table import table_templates
from ehrxqa.questions.template import Template

__all__ = ["catalogue"]


@cache
def catalogue() -> MappingProxyType[int, Template]:
    """Official number → template, for all templates with a source, in the order of numbers."""
    found: dict[int, Template] = {}
    for template in (*table_templates(), *group_templates(), *image_templates(), *multimodal_templates()):
        assert template.number not in found, template.number
        found[template.number] = template
    return MappingProxyType(dict(sorted(found.items())))
