"""Made-up prices: one per diagnosis, lab item, procedure and drug; one cost row per event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ehrxqa.database.draws import Draws
from ehrxqa.database.frame import ColumnKind, Frame, FrameColumn

__all__ = ["cost_table"]

#: Charged tables in order, with the column that names the item and the time of the charge.
CHARGED: Final = (
    ("diagnoses_icd", "icd_code", "charttime"),
    ("labevents", "itemid", "charttime"),
    ("procedures_icd", "icd_code", "charttime"),
    ("prescriptions", "drug", "starttime"),
)


def cost_table(tables: Mapping[str, Frame], draws: Draws) -> Frame:
    """The cost table of finished tables; prices are drawn per distinct item, items in ascending order."""
    means = draws.mean_costs()
    parts: dict[str, list[npt.NDArray[Any]]] = {
        name: [] for name in ("subject_id", "hadm_id", "event_id", "time", "cost")
    }
    kinds = []
    sizes = []
    for mean, (name, item, time) in zip(means, CHARGED, strict=True):
        table = tables[name]
        parts["cost"].append(_prices(table[item], mean, draws))
        parts["subject_id"].append(table.data("subject_id"))
        parts["hadm_id"].append(table.data("hadm_id"))
        parts["event_id"].append(np.arange(len(table)))
        parts["time"].append(table.data(time))
        if len(table):
            kinds.append(table["hadm_id"].kind)
        sizes.append(len(table))
    joined = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    kind = ColumnKind.REAL if ColumnKind.REAL in kinds else ColumnKind.INT
    return Frame(
        {
            "subject_id": FrameColumn(ColumnKind.INT, joined["subject_id"].astype(np.int64)),
            "hadm_id": FrameColumn(kind, joined["hadm_id"].astype(np.float64 if kind is ColumnKind.REAL else np.int64)),
            "event_type": FrameColumn(
                ColumnKind.TEXT, np.repeat(np.arange(len(CHARGED)), sizes), tuple(row[0] for row in CHARGED)
            ),
            "event_id": FrameColumn(ColumnKind.INT, joined["event_id"]),
            "chargetime": FrameColumn(ColumnKind.TIME, joined["time"].astype(np.int64)),
            "cost": FrameColumn(ColumnKind.REAL, joined["cost"]),
        }
    )


def _prices(item: FrameColumn, mean: int, draws: Draws) -> npt.NDArray[np.float64]:
    """The price of each row's item; a missing item has none."""
    values, place = np.unique(item.data, return_inverse=True)
    if item.kind is ColumnKind.TEXT:
        order = sorted((code for code in values.tolist() if code >= 0), key=lambda code: item.texts[code])
        rank = {code: number for number, code in enumerate(order)}
    else:
        rank = {value: number for number, value in enumerate(values.tolist())}
    prices = [*draws.prices(mean, len(rank)), float("nan")]
    table = np.array([prices[rank.get(value, -1)] for value in values.tolist()])
    result: npt.NDArray[np.float64] = table[place] if len(values) else np.empty(0)
    return result
