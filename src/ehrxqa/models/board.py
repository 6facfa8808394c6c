"""`ehrxqa board`: all runs of an output folder side by side, best first, with the floors.

Runs stand in one table if they asked the same questions under the same rules; others stand in a table of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

from ehrxqa import html_repr
from ehrxqa.arguments import checked
from ehrxqa.counting import counted
from ehrxqa.errors import MissingError, RecordError
from ehrxqa.layout import RUNS_FOLDER
from ehrxqa.models.floors import FLOOR_PARSERS
from ehrxqa.models.run_folder import list_runs, read_scores
from ehrxqa.models.run_records import FAULTS, Run
from ehrxqa.plots import Cell, bar_chart, html_table, page
from ehrxqa.text_table import columns, shortened

__all__ = ["Board", "BoardRow", "Boards", "board", "board_html", "board_json", "board_text"]

_METRICS: Final = ("EX", "RS10")
_LONGEST: Final = 48
#: Signs of a name in a terminal.
_LONGEST_IN_TEXT: Final = 26
#: Heads of columns in a terminal.
_SHORT: Final = {"Image+Table": "Both", "abstained-rightly": "held right", "abstained-wrongly": "held wrong"}


@dataclass(frozen=True)
class BoardRow:
    """A finished run.

    Of equal ones, the first by name stands on a board.

    Attributes:
        run: What made its numbers.
        summary: Its scores, as `models.summary` makes them.
    """

    run: Run
    summary: Mapping[str, Any]

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for runs of the same systems with the same numbers."""
        run = self.run
        return run.parser, run.vision, run.seed, run.trials, repr(self.summary["overall"]["scores"])

    @property
    def is_floor(self) -> bool:
        """Whether it understands no question, sees no picture, or reads no table."""
        return self.run.parser.spec in FLOOR_PARSERS or (
            self.run.parser.spec == "gold" and self.run.vision.spec.partition(":")[0] in ("prior", "constant")
        )


@dataclass(frozen=True)
class Board:
    """Runs that can be compared: the same questions, database and rules.

    Attributes:
        title: Split, subset and rules.
        rows: The best first.
    """

    title: str
    rows: tuple[BoardRow, ...]


class Boards(tuple[Board, ...]):
    """The boards of an output folder; printed, the tables that `ehrxqa board` shows."""

    __slots__ = ()

    def __repr__(self) -> str:
        titles = (f"{found.title}: {counted(len(found.rows), 'run')}" for found in self)
        return f"Boards({'; '.join(titles)})"

    def __str__(self) -> str:
        return board_text(self)

    def _repr_html_(self) -> str:
        tables = [(found.title, _scores_table(found)) for found in self]
        return "".join(html_repr.screen(title, html_repr.table(head, rows)) for title, (head, *rows) in tables)


@checked
def board(out: Path | str) -> Boards:
    """The boards of an output folder, the one with most questions first.

    Raises:
        MissingError: There is no such folder.
        RecordError: There is no finished run, or a file is damaged.
    """
    if not Path(out).is_dir():
        raise MissingError(f"{out}: no such folder")
    groups: dict[tuple[str, ...], list[BoardRow]] = {}
    for run in list_runs(out):
        scores = read_scores(Path(out) / RUNS_FOLDER / run.id) if run.status == "done" else None
        if scores is None:
            continue
        digests = (run.subset.ids_sha256, run.digests.get("dataset", ""), run.digests.get("database", ""))
        key = (run.split, run.subset.name, scores.profile, *digests)
        row = BoardRow(run, scores.summary)
        if all(row.key != other.key for other in groups.setdefault(key, [])):  # the same run under another name
            groups[key].append(row)
    if not groups:
        raise RecordError(f"{out}: has no finished run; make one: ehrxqa run {out} --parser gold --vision oracle")
    boards = []
    for (split, subset, profile, *_), rows in groups.items():
        questions = rows[0].run.subset.questions
        title = f"{split}, {subset}, {counted(questions, 'question')}, profile {profile}"
        boards.append(Board(title, tuple(sorted(rows, key=lambda row: (-_value(row, "EX"), row.run.id)))))
    return Boards(sorted(boards, key=lambda each: (-each.rows[0].run.subset.questions, each.title)))


def _value(row: BoardRow, metric: str) -> float:
    return float(row.summary["overall"]["scores"][metric]["value"])


def _cells(row: BoardRow, modalities: Sequence[str]) -> list[Cell]:
    """The cells of a row behind its name."""
    overall = row.summary["overall"]
    cells: list[Cell] = []
    for metric in _METRICS:
        score = overall["scores"][metric]
        ends = "" if score["low"] is None else f"[{score['low']:,.1f}, {score['high']:,.1f}]"
        cells.append((f"{score['value']:,.1f}", ends))
    soft = overall["measures"].get("soft_f1")
    cells.append("" if soft is None else f"{soft:.1f}")
    for modality in modalities:
        group = row.summary["modality"].get(modality)
        cells.append("" if group is None else f"{group['scores']['EX']['value']:.1f}")
    cells += [f"{overall['faults'][fault]:,}" for fault in FAULTS]
    tokens = row.run.used.tokens_in + row.run.used.tokens_out
    return [*cells, f"{row.run.used.images:,}", f"{tokens:,}" if tokens else ""]


def _header(modalities: Sequence[str]) -> list[str]:
    return [*_METRICS, "soft F1", *(f"EX {name}" for name in modalities), *FAULTS, "images asked", "tokens"]


def _modalities(found: Board) -> list[str]:
    return list(dict.fromkeys(name for row in found.rows for name in row.summary["modality"]))


def _full_name(row: BoardRow) -> str:
    return f"{row.run.parser.spec} × {row.run.vision.spec}" + (" (floor)" if row.is_floor else "")


def _name(row: BoardRow) -> str:
    return shortened(_full_name(row), _LONGEST)


def board_text(boards: Sequence[Board]) -> str:
    """The boards for a terminal, in lines of 100 signs at most: a table of scores, and one of whose fault it is.

    Intervals are left to `board_html` and `board_json`, and what is 0 in every run is left out.
    """
    return "\n\n".join(
        "\n".join([found.title, "", *columns(_scores_table(found)), "", *columns(_faults_table(found))])
        for found in boards
    )


def _scores_table(found: Board) -> list[list[str]]:
    modalities = _modalities(found)
    table = [["", *_METRICS, *(_SHORT.get(name, name) for name in modalities), "soft F1", "images"]]
    for row in found.rows:
        overall = row.summary["overall"]
        groups = [row.summary["modality"].get(name) for name in modalities]
        shown = [
            *(overall["scores"][metric]["value"] for metric in _METRICS),
            *(group and group["scores"]["EX"]["value"] for group in groups),
            overall["measures"].get("soft_f1"),
        ]
        table.append(
            [
                _short_name(row),
                *("" if value is None else f"{value:,.1f}" for value in shown),
                f"{row.run.used.images:,}",
            ]
        )
    return table


def _faults_table(found: Board) -> list[list[str]]:
    table = [["", *(_SHORT.get(name, name) for name in FAULTS), "tokens"]]
    for row in found.rows:
        used = row.run.used
        faults = row.summary["overall"]["faults"]
        counts = [*(faults[name] for name in FAULTS), used.tokens_in + used.tokens_out]
        table.append([_short_name(row), *(f"{count:,}" for count in counts)])
    kept = [
        place
        for place, head in enumerate(table[0])
        if head not in ("luck", "tokens") or any(line[place] != "0" for line in table[1:])
    ]
    return [[line[place] for place in kept] for line in table]


def _short_name(row: BoardRow) -> str:
    """The end of a long name says more than its beginning: the model behind an endpoint, and the vision model."""
    name = _full_name(row)
    return name if len(name) <= _LONGEST_IN_TEXT else "…" + name[1 - _LONGEST_IN_TEXT :]


def board_json(boards: Sequence[Board]) -> list[dict[str, Any]]:
    """The boards as JSON can hold them."""
    return [
        {
            "title": found.title,
            "runs": [
                {
                    "id": row.run.id,
                    "parser": row.run.parser.spec,
                    "vision": row.run.vision.spec,
                    "floor": row.is_floor,
                    "summary": row.summary,
                }
                for row in found.rows
            ],
        }
        for found in boards
    ]


def board_html(boards: Sequence[Board], title: str = "Board") -> str:
    """A page that needs nothing but itself: tables, charts, and faults per scope and family."""
    sections = []
    for found in boards:
        modalities = _modalities(found)
        rows: list[list[Cell]] = [[(_name(row), row.run.id), *_cells(row, modalities)] for row in found.rows]
        bars = []
        for row in found.rows:
            score = row.summary["overall"]["scores"]["EX"]
            ends = None if score["low"] is None else (score["low"], score["high"])
            bars.append((_name(row), float(score["value"]), ends))
        chart = bar_chart(
            f"Execution accuracy: {found.title}",
            bars,
            axis="execution accuracy (%)",
            unit=" %",
            decimals=1,
            limits=(0.0, 100.0),
        )
        details = "".join(_details(row) for row in found.rows)
        sections.append((found.title, chart + html_table(["", *_header(modalities)], rows) + details))
    return page(title, sections, f"<p>{escape(_LEAD)}</p>")


_LEAD: Final = (
    "Scores in percent with 95 % bootstrap intervals. Every query is also run with perfect vision, and every gold "
    "query with the model, which tells whose fault a wrong answer is. Floors understand no question, see no picture, "
    "or read no table."
)


def _details(row: BoardRow) -> str:
    blocks = []
    for grouping in ("scope", "family"):
        header = [grouping, "n", *_METRICS, *FAULTS]
        rows: list[list[Cell]] = [
            [
                name,
                f"{group['questions']:,}",
                *(f"{group['scores'][metric]['value']:,.1f}" for metric in _METRICS),
                *(f"{group['faults'][fault]:,}" for fault in FAULTS),
            ]
            for name, group in row.summary[grouping].items()
        ]
        blocks.append(html_table(header, rows))
    return f"<details><summary>{escape(_name(row))}: per scope and family</summary>{''.join(blocks)}</details>"
