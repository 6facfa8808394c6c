"""The synthetic hospital: a seed and a size in, the complete tree of source files out.

Everything is made up: subjects, illnesses, tables, reports, scene graphs and X-rays. The forms, column
names, item ids and codes are those of the real sources, so that everything else in this package runs on
it unchanged.
"""

from __future__ import annotations

from ehrxqa.hospital.around import synth_around
from ehrxqa.hospital.plan import MAX_SUBJECTS, MIN_SUBJECTS
from ehrxqa.hospital.tree import DEFAULT_SUBJECTS, MARKER, SynthReport, synth

__all__ = ["DEFAULT_SUBJECTS", "MARKER", "MAX_SUBJECTS", "MIN_SUBJECTS", "SynthReport", "synth", "synth_around"]
