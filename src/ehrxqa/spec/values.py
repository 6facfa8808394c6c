"""Coded values, and what they are in words."""

from __future__ import annotations

from typing import Final

__all__ = ["GENDER_OF_WORD", "GENDER_WORDS", "VIEW_POSITIONS"]

#: `patients.gender` → how questions say it.
GENDER_WORDS: Final = {"m": "male", "f": "female"}
#: The other way round.
GENDER_OF_WORD: Final = {word: gender for gender, word in GENDER_WORDS.items()}
#: `tb_cxr.viewposition`: the views of frontal images, the only ones that the databases hold.
VIEW_POSITIONS: Final = {"ap": "anteroposterior", "pa": "posteroanterior"}
