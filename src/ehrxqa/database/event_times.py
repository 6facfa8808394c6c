"""Times of events that the source does not state to the minute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ehrxqa.database.frame import NAT

__all__ = ["AdmissionTimes", "derived_time"]


@dataclass(frozen=True)
class AdmissionTimes:
    """Admission and discharge of all usable admissions of MIMIC-IV, unshifted, in seconds since 1970.

    Attributes:
        hadm_id: Ascending.
        admitted, discharged: Times of each.
    """

    hadm_id: npt.NDArray[np.int64]
    admitted: npt.NDArray[np.int64]
    discharged: npt.NDArray[np.int64]

    def find(self, hadm_id: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Admission and discharge time of each admission; `NAT` where it is not usable."""
        ids = np.where(np.isnan(hadm_id), -1, hadm_id).astype(np.int64) if hadm_id.dtype.kind == "f" else hadm_id
        if not len(self.hadm_id):
            nothing = np.full(len(ids), NAT, dtype=np.int64)
            return nothing, nothing
        place = np.minimum(np.searchsorted(self.hadm_id, ids), len(self.hadm_id) - 1)
        known = self.hadm_id[place] == ids
        return np.where(known, self.admitted[place], NAT), np.where(known, self.discharged[place], NAT)


def derived_time(rule: str, arrays: Mapping[str, npt.NDArray[Any]], times: AdmissionTimes) -> npt.NDArray[np.int64]:
    """Times of the rows of a batch.

    `admission`: a diagnosis is dated to its admission. `procedure_day`: midnight of the day, or discharge where
    that lies outside the admission (as it does on the day of admission itself). `day_if_null`: the time, or
    midnight of the day where there is none.
    """
    if rule == "day_if_null":
        return np.where(arrays["charttime"] == NAT, arrays["chartdate"], arrays["charttime"])
    admitted, discharged = times.find(arrays["hadm_id"])
    if rule == "admission":
        return admitted
    day = arrays["chartdate"]
    outside = (admitted != NAT) & (day != NAT) & ((day < admitted) | (day > discharged))
    return np.where(outside, discharged, day)
