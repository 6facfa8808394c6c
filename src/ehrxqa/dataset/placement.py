"""Where a question belongs: scope, modality and family, from the links or, without them, from the template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ehrxqa.dataset.links import LinkTable
from ehrxqa.dataset.scopes import scope_of
from ehrxqa.spec.scopes import SCOPE_OF_KEY

__all__ = ["Placement", "placement_of"]


@dataclass(frozen=True)
class Placement:
    """Where a question belongs.

    Attributes:
        modality: Table, Image or Image+Table.
        scope: Name of its scope.
        family: Family of its template; the template itself where no links name families.
        needs: What a question about an event and a finding of one patient needs, see `links`; else empty.
    """

    modality: str
    scope: str
    family: str
    needs: str = ""


def placement_of(record: Mapping[str, Any], links: LinkTable) -> Placement:
    """Where a record with `q_tag` belongs.

    >>> placement_of({"q_tag": "what is the gender of patient {patient_id}?"}, LinkTable({})).scope
    'TABLE-SINGLE'
    """
    link = links.of(record)
    if link is not None:
        scope = SCOPE_OF_KEY[link.scope]
        needs = link.needs if link.scope == "multimodal-single" else ""
        return Placement(scope.modality, scope.name, link.family, needs)
    scope = scope_of(record["q_tag"])
    return Placement(scope.modality, scope.name, record["q_tag"])
