"""Bar charts as SVG, and pages around them, made without any library or request.

Charts are plain text: they look the same in a page, in a README and on paper, follow the reader's light or dark
colours, and the same numbers give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from ehrxqa.text_table import shortened

__all__ = ["Bar", "Cell", "bar_chart", "html_table", "page"]

_WIDTH: Final = 760
_ROW: Final = 22
_TOP: Final = 6
_AXIS: Final = 42  # height of ticks, their numbers and the name of the axis
#: Label, value, and the ends of its interval, if it has one.
Bar = tuple[str, float, tuple[float, float] | None]
#: Text of a table cell, or a text and what stands smaller below it.
Cell = str | tuple[str, str]

#: Most characters of a label; the whole of it is its tooltip.
_LABEL: Final = 64

# Classes instead of currentColor: a chart shown as an image inherits no colour from the page around it.
_CHART_STYLE: Final = (
    ".et{fill:#1b1f24}.eg{stroke:#d7dce1}.ea{stroke:#6b7680}.eb{fill:#3579a8}.ei{stroke:#c8641a}"
    "@media(prefers-color-scheme:dark){.et{fill:#e3e6ea}.eg{stroke:#39424b}.ea{stroke:#8a949e}.eb{fill:#4c94c6}"
    ".ei{stroke:#f0a35e}}"
)

_STYLE: Final = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.5rem}p{max-width:50rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.5rem 0}
th,td{padding:.25rem .8rem;border-bottom:1px solid #d7dce1;text-align:right;vertical-align:top;white-space:nowrap}
tbody th{font-weight:400}tbody th,.text{text-align:left;white-space:normal;overflow-wrap:anywhere}
tbody th{min-width:9rem}.text{min-width:6rem}thead th:first-child{text-align:left}
thead th{border-bottom:2px solid #6b7680;vertical-align:bottom}tbody tr:hover{background:#f1f4f7}
small{font-size:.8rem;color:#56616b}summary{cursor:pointer;padding:.3rem 0}
.scroll{overflow-x:auto}svg{max-width:100%;height:auto}
@media(prefers-color-scheme:dark){body{color:#e3e6ea;background:#15191d}th,td{border-color:#39424b}
thead th{border-color:#8a949e}tbody tr:hover{background:#20262c}small{color:#a4afb9}}
@media print{body{max-width:none;margin:0}details>*{display:block}}
"""


def bar_chart(
    title: str,
    bars: Sequence[Bar],
    *,
    axis: str,
    unit: str = "",
    decimals: int = 0,
    limits: tuple[float, float] | None = None,
) -> str:
    """A horizontal bar chart.

    Args:
        title: What it shows; read aloud by screen readers, with the values.
        bars: At least one; values may be negative.
        axis: Name of the axis of the values.
        unit: Written behind each value.
        decimals: Places of the values.
        limits: Ends of the axis (default: those of the values, and 0).
    """
    names = [shortened(label, _LABEL) for label, _, _ in bars]
    ends = [end for _, value, interval in bars for end in (value, *(interval or ()))]
    low, high = limits or (min(0.0, *ends), max(0.0, *ends))
    ticks = list(_ticks(low, high))
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    values = [f"{value:,.{decimals}f}{unit}" for _, value, _ in bars]
    left = 14 + max(map(_text_width, names))
    right = 14 + max(map(_text_width, values))
    scale = (_WIDTH - left - right) / (high - low)

    def at(value: float) -> float:
        return float(left + (value - low) * scale)

    bottom = _TOP + _ROW * len(bars) + 2
    height = bottom + _AXIS
    spoken = "; ".join(f"{label}: {value}" for (label, _, _), value in zip(bars, values, strict=True))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(f"{title}. {spoken}")}" font-family="system-ui,sans-serif" font-size="12">',
        f"<title>{escape(title)}</title><style>{_CHART_STYLE}</style>",
    ]
    for tick in ticks:
        parts.append(
            f'<path class="eg" d="M{at(tick):.1f} {_TOP}V{bottom}"/>'
            f'<text class="et" x="{at(tick):.1f}" y="{bottom + 15}" text-anchor="middle">{_number(tick)}</text>'
        )
    parts.append(
        f'<text class="et" x="{left + (_WIDTH - left - right) / 2:.1f}" y="{bottom + 34}" text-anchor="middle">'
        f"{escape(axis)}</text>"
    )
    for place, ((label, value, interval), name, text) in enumerate(zip(bars, names, values, strict=True)):
        middle = _TOP + _ROW * place + _ROW / 2
        begin, end = sorted((at(0.0), at(value)))
        parts.append(
            f"<g><title>{escape(f'{label}: {text}')}</title>"
            f'<text class="et" x="{left - 8:.1f}" y="{middle + 4:.1f}" text-anchor="end">{escape(name)}</text>'
            f'<rect class="eb" x="{begin:.1f}" y="{middle - 7:.1f}" width="{end - begin:.1f}" height="14"/>'
        )
        if interval is not None:
            first, last = at(interval[0]), at(interval[1])
            parts.append(
                f'<path class="ei" d="M{first:.1f} {middle:.1f}H{last:.1f}M{first:.1f} {middle - 4:.1f}v8M{last:.1f} '
                f'{middle - 4:.1f}v8" stroke-width="2" fill="none"/>'
            )
        parts.append(f'<text class="et" x="{_WIDTH - right + 8:.1f}" y="{middle + 4:.1f}">{escape(text)}</text></g>')
    parts.append(f'<path class="ea" d="M{at(0.0):.1f} {_TOP}V{bottom}" fill="none"/></svg>')
    return "".join(parts)


def _text_width(text: str) -> float:
    """Pixels that a text of 12 px takes at most, in the wider of the usual fonts."""
    return sum(9.2 if character.isupper() or character in "mw%+…" else 7.2 for character in text)


def _ticks(low: float, high: float) -> Iterator[float]:
    """Four to seven round numbers, the first at most `low` and the last at least `high`.

    >>> list(_ticks(0, 437))
    [0.0, 100.0, 200.0, 300.0, 400.0, 500.0]
    """
    if high <= low:
        high = low + 1.0
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * (1 - 1e-9))
    for number in range(math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9) + 1):
        yield number * step


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def html_table(header: Sequence[str], rows: Sequence[Sequence[Cell]], *, texts: Sequence[int] = ()) -> str:
    """A table whose first column names its rows.

    Args:
        header: Names of the columns.
        rows: Cells; a pair has its second text, smaller, below the first.
        texts: Numbers of further columns that hold texts; all others are aligned as numbers.
    """
    heading = "".join(
        f'<th scope="col"{_class(place, texts)}>{escape(cell) or "<span></span>"}</th>'
        for place, cell in enumerate(header)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{_cell(cell)}</th>' if place == 0 else f"<td{_class(place, texts)}>{_cell(cell)}</td>"
            for place, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    head = f"<thead><tr>{heading}</tr></thead>" if any(header) else ""
    return f'<div class="scroll" tabindex="0"><table>{head}<tbody>{body}</tbody></table></div>'


def _class(place: int, texts: Sequence[int]) -> str:
    return ' class="text"' if place in texts else ""


def _cell(cell: Cell) -> str:
    return escape(cell) if isinstance(cell, str) else f"{escape(cell[0])}<br><small>{escape(cell[1])}</small>"


def page(title: str, sections: Sequence[tuple[str, str]], lead: str = "") -> str:
    """A page that needs nothing but itself.

    Args:
        title: Of the page.
        sections: Heading and HTML of each.
        lead: HTML before the sections.
    """
    body = "".join(f"<section><h2>{escape(heading)}</h2>{html}</section>\n" for heading, html in sections)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><main><h1>{escape(title)}</h1>\n{lead}\n{body}</main></body></html>\n"
    )
