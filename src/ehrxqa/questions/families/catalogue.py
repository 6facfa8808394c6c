"""The question space: all templates by id, the official ones and those that other packages bring.

A package brings families as an entry point of the group `ehrxqa.families`: a function without arguments that yields
`Template`s, or an iterable of them. They are asked for by name (`--family`), so that what is installed beside changes no
official question file.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from types import MappingProxyType
from typing import Any, Final
from weakref import WeakKeyDictionary

from ehrxqa.doors import PYTHON, load_named, load_python, names
from ehrxqa.errors import SettingsError
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
from ehrxqa.questions.template import Template, official_id
from ehrxqa.spec.scopes import MODALITY_KEYS, SCOPE_OF_KEY

__all__ = ["FAMILIES_GROUP", "Families", "catalogue", "chosen_templates"]

FAMILIES_GROUP: Final = "ehrxqa.families"
#: What a door gives: templates, or a function that does.
Families = Iterable[Template] | Callable[[], Iterable[Template]]

_OFFICIAL: Final = (
    no_patient_templates,
    patient_templates,
    value_templates,
    sum_templates,
    name_templates,
    drug_templates,
    moment_templates,
    yes_no_templates,
    listing_templates,
    group_templates,
    ranking_templates,
    image_templates,
    multimodal_templates,
)


@cache
def catalogue() -> Mapping[str, Template]:
    """Id → template, for all official templates with a source, in the order of numbers."""
    return MappingProxyType(_by_id(_remembered("official", chain.from_iterable(family() for family in _OFFICIAL))))


def chosen_templates(scopes: Sequence[str] = (), families: Sequence[str | Template] = ()) -> dict[str, Template]:
    """Templates by scope and family, in order.

    Args:
        scopes: Scopes or modalities to keep to; all by default.
        families: What to keep to, all official templates by default. Each is a template, the id of one (of an official one
            its number suffices), a family, `official`, the name of a package's entry point, or `python:MODULE:NAME`.

    Raises:
        SettingsError: A name says nothing, or nothing is left.
    """
    known = {*SCOPE_OF_KEY, *MODALITY_KEYS}
    if unknown := sorted(set(scopes) - known):
        raise SettingsError(f"unknown scope {unknown[0]!r}: one of {', '.join(sorted(known))}")
    found = dict(catalogue()) if not families else _by_id(chain.from_iterable(map(_named, families)))
    kept = {
        id_: template
        for id_, template in found.items()
        if not scopes or {template.scope, template.modality} & set(scopes)
    }
    if not kept:
        raise SettingsError("no template is both in these scopes and in these families")
    return kept


def _named(family: str | Template) -> Iterable[Template]:
    """The templates that one of the `families` stands for."""
    if isinstance(family, Template):
        return (family,)
    every = catalogue()
    if family == "official":
        return every.values()
    if family.startswith(PYTHON):
        return _templates_of(family)
    if template := every.get(official_id(int(family)) if family.isdecimal() else family):
        return (template,)
    if of_family := [template for template in every.values() if template.family == family]:
        return of_family
    package, _, _ = family.partition("/")
    brought = _templates_of(package) if load_named(FAMILIES_GROUP, package) is not None else ()
    if found := [each for each in brought if family in (package, each.id)]:
        return found
    for name in names(FAMILIES_GROUP):
        if found := [each for each in _templates_of(name) if each.family == family]:
            return found
    known = sorted({template.family for template in every.values()} | set(names(FAMILIES_GROUP)))
    raise SettingsError(f"unknown family {family!r}: a template id such as official/28, or one of {', '.join(known)}")


def _templates_of(name: str) -> tuple[Template, ...]:
    """The templates behind a door: an entry point, or `python:MODULE:NAME`.

    Raises:
        SettingsError: They are none.
    """
    families: Any = load_python(name) if name.startswith(PYTHON) else load_named(FAMILIES_GROUP, name)
    given = families() if callable(families) else families
    try:
        templates = tuple(given)
    except TypeError:
        templates = ()
    if not templates or not all(isinstance(template, Template) for template in templates):
        raise SettingsError(
            f'"{name}" must be a function that yields ehrxqa.questions.template.Template, or a list of them'
        )
    return _remembered(name, templates)


#: Template → the door that it came through. Programs are functions, which cannot be sent to worker processes; so these
#: are told where to find a template instead.
_DOORS: WeakKeyDictionary[Template, str] = WeakKeyDictionary()


def _remembered(door: str, templates: Iterable[Template]) -> tuple[Template, ...]:
    found = tuple(templates)
    _DOORS.update((template, door) for template in found)
    return found


def _reduced(template: Template) -> Any:
    if door := _DOORS.get(template):
        return _from_door, (door, template.id)
    return template.__reduce_ex__(2)


copyreg.pickle(Template, _reduced)


def _from_door(door: str, id_: str) -> Template:
    return _behind(door)[id_]


@cache
def _behind(door: str) -> Mapping[str, Template]:
    return catalogue() if door == "official" else _by_id(_templates_of(door))


def _by_id(templates: Iterable[Template]) -> dict[str, Template]:
    found: dict[str, Template] = {}
    for template in templates:
        if found.setdefault(template.id, template) is not template:
            raise SettingsError(f"two templates are called {template.id}")
    return dict(sorted(found.items(), key=lambda pair: pair[1].order))
