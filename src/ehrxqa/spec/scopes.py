"""The nine scopes of questions and the three modalities, by both names that files give them.

Official reports write `IMAGE-SINGLE-2` and `Image+Table`; links, templates and options write `image-single-2` and
`multimodal`. Both names of a scope stand here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["MODALITIES", "MODALITY_KEYS", "SCOPES", "SCOPE_OF_KEY", "Scope"]

#: Key of a modality → how reports name it.
MODALITY_KEYS: Final = {"table": "Table", "image": "Image", "multimodal": "Image+Table"}
#: The three modalities as reports name them.
MODALITIES: Final = tuple(MODALITY_KEYS.values())


@dataclass(frozen=True)
class Scope:
    """One of the nine scopes.

    Attributes:
        name: As official reports write it, e.g. `IMAGE-SINGLE-2`.
        modality_key: table, image or multimodal.
        patients: none, single or group.
        images: Studies a question is about: `` (none needed), 1, 2 or N.
    """

    name: str
    modality_key: str
    patients: str
    images: str

    @property
    def key(self) -> str:
        """Its name in links, templates and options, e.g. `image-single-2`."""
        return self.name.lower()

    @property
    def modality(self) -> str:
        """Table, Image or Image+Table."""
        return MODALITY_KEYS[self.modality_key]


#: Scopes by name, in the order in which reports list them.
SCOPES: Final = {
    scope.name: scope
    for scope in (
        Scope("TABLE-NONE", "table", "none", ""),
        Scope("TABLE-SINGLE", "table", "single", ""),
        Scope("TABLE-GROUP", "table", "group", ""),
        Scope("IMAGE-SINGLE-1", "image", "single", "1"),
        Scope("IMAGE-SINGLE-2", "image", "single", "2"),
        Scope("IMAGE-SINGLE-N", "image", "single", "N"),
        Scope("IMAGE-GROUP", "image", "group", "N"),
        Scope("MULTIMODAL-SINGLE", "multimodal", "single", "N"),
        Scope("MULTIMODAL-GROUP", "multimodal", "group", "N"),
    )
}
#: The same by key.
SCOPE_OF_KEY: Final = {scope.key: scope for scope in SCOPES.values()}
