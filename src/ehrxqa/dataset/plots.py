"""Bar charts as SVG, and pages around them, made without any library or request.

Charts are plain text: they look the same in a page, in a README and on paper, and the same numbers give the same
bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

__all__ = ["Bar", "bar_chart", "html_table", "page"]

_WIDTH: Final = 720
_ROW: Final = 22
_LETTER: Final = 6.6  # pixels of an average character at 12 px
_COLOUR: Final = "#2f6f9f"

#: Label, value, and the ends of its interval, if it has one.
Bar = tuple[str, float, tuple[float, float] | None]

_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.5rem 0}
th,td{padding:.2rem .7rem;border-bottom:1px solid #d7dce1;text-align:right;vertical-align:top}
th:first-child,td:first-child{text-align:left}thead th{border-bottom:2px solid #8a949e}
.scroll{overflow-x:auto}svg{max-width:100%;height:auto}
@media(prefers-color-scheme:dark){body{color:#e3e6ea;background:#15191d}th,td{border-color:#39424b}}
"""


def bar_chart(title: str, bars: Sequence[Bar], *, unit: str = "", decimals: int = 0) -> str:
    """A horizontal bar chart.

    Args:
        title: What it shows; read aloud by screen readers.
        bars: At least one; values may be negative.
        unit: Written behind each value.
        decimals: Places of the values.
    """
    names = [label if len(label) <= 42 else label[:41] + "…" for label, _, _ in bars]
    left = 12 + _LETTER * max(map(len, names))
    ends = [end for _, value, interval in bars for end in (value, *(interval or ()))]
    low, high = min(0.0, *ends), max(0.0, *ends)
    values = [f"{value:,.{decimals}f}{unit}" for _, value, _ in bars]
    right = 12 + _LETTER * max(map(len, values))
    span = _WIDTH - left - right
    scale = span / ((high - low) or 1.0)

    def at(value: float) -> float:
        return float(left + (value - low) * scale)

    height = _ROW * len(bars) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(title)}" font-family="system-ui,sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
    ]
    for place, ((_, value, interval), name, text) in enumerate(zip(bars, names, values, strict=True)):
        middle = 4 + _ROW * place + _ROW / 2
        begin, end = sorted((at(0.0), at(value)))
        parts.append(
            f'<text x="{left - 6:.1f}" y="{middle + 4:.1f}" text-anchor="end" fill="currentColor">{escape(name)}</text>'
            f'<rect x="{begin:.1f}" y="{middle - 7:.1f}" width="{end - begin:.1f}" height="14" fill="{_COLOUR}"/>'
        )
        if interval is not None:
            first, last = at(interval[0]), at(interval[1])
            parts.append(
                f'<path d="M{first:.1f} {middle:.1f}H{last:.1f}M{first:.1f} {middle - 4:.1f}v8M{last:.1f} '
                f'{middle - 4:.1f}v8" stroke="#d9822b" stroke-width="2" fill="none"/>'
            )
        parts.append(
            f'<text x="{_WIDTH - right + 6:.1f}" y="{middle + 4:.1f}" fill="currentColor">{escape(text)}</text>'
        )
    parts.append(f'<path d="M{at(0.0):.1f} 2V{height - 2}" stroke="#8a949e" fill="none"/></svg>')
    return "".join(parts)


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of texts."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


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
        f"<body><h1>{escape(title)}</h1>\n{lead}\n{body}</body></html>\n"
    )
