"""Draws the map of the rooms of the house from their imports: `docs/architecture.md` and its picture.

A room is a package or module right below `ehrxqa`. A room stands above all rooms that it imports; where that cannot
be, because imports run in a circle, the circle is named. `python docs/make_architecture.py --check` exits with 1 if
there is a circle, or if the page is not up to date.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from html import escape
from itertools import pairwise
from pathlib import Path

from made_pages import write_or_check

HERE = Path(__file__).parent
SOURCE = HERE.parent / "src" / "ehrxqa"
PAGE, PICTURE = HERE / "architecture.md", HERE / "images" / "architecture.svg"
NOTE = "<!-- made by docs/make_architecture.py; do not edit -->\n\n"

Imports = dict[str, dict[str, set[str]]]

#: What a change touches: through a door, and in files of the package; tests and documentation apart.
CHANGES = (
    (
        "a table",
        "0 files: an `ExtraTable` of events, or a dictionary",
        "a declaration in `spec`, and `hospital` for its synthetic rows",
    ),
    ("the next MIMIC-IV", "–", "`spec/releases`, `hospital/release_values`; a table of `spec` where columns differ"),
    (
        "a kind of image question",
        "0 files: an `OtherKind`, and a family that asks it",
        "`vqa/question` (value), `vqa/render` (sentence), `vqa/wordings`, `questions/families/images` (templates)",
    ),
    ("an agent", "0 files: MCP, Inspect, OpenEnv, Python", "`agents/policies` for one that is built in"),
    ("a metric", "0 files: a function over scores", "`evaluation/metrics`"),
)


def imports_of_rooms(source: Path = SOURCE) -> Imports:
    """Room → room that it imports → modules that do; also imports inside of functions, but not those of types alone."""
    found: Imports = defaultdict(lambda: defaultdict(set))
    for path in sorted(source.rglob("*.py")):
        name = path.relative_to(source).with_suffix("").parts
        if name in (("__init__",), ("__main__",)):
            continue  # the list of public names points at all rooms
        room = name[0]
        found[room]  # a room that imports nothing is there, too
        for target in _targets(ast.parse(path.read_text(encoding="utf-8"))):
            if target != room and ((source / target).is_dir() or (source / f"{target}.py").is_file()):
                found[room][target].add(".".join(name))
    return found


def _targets(tree: ast.AST) -> set[str]:
    """First names behind `ehrxqa.` of what a module imports."""
    if isinstance(tree, ast.If) and isinstance(tree.test, ast.Name) and tree.test.id == "TYPE_CHECKING":
        return set().union(*(_targets(node) for node in tree.orelse), set())
    found: set[str] = set()
    names: list[str] = []
    if isinstance(tree, ast.ImportFrom) and tree.module:
        names = [f"{tree.module}.{alias.name}" for alias in tree.names]
    elif isinstance(tree, ast.Import):
        names = [alias.name for alias in tree.names]
    found |= {name.split(".")[1] for name in names if name.startswith("ehrxqa.")}
    return found.union(*(_targets(node) for node in ast.iter_child_nodes(tree)))


def circle(imports: Imports) -> list[str]:
    """Rooms whose imports run in a circle, each importing the next; empty if there is none."""
    done: set[str] = set()

    def walk(room: str, way: list[str]) -> list[str]:
        if room in way:
            return [*way[way.index(room) :], room]
        if room in done:
            return []
        for target in sorted(imports.get(room, ())):
            if found := walk(target, [*way, room]):
                return found
        done.add(room)
        return []

    return next((found for room in sorted(imports) if (found := walk(room, []))), [])


def layers(imports: Imports) -> list[list[str]]:
    """Rooms in layers, the lowest first; each room right above the highest that it imports."""
    height: dict[str, int] = {}

    def of(room: str) -> int:
        if room not in height:
            height[room] = 1 + max((of(target) for target in imports.get(room, ())), default=-1)
        return height[room]

    for room in sorted(imports):
        of(room)
    return [sorted(room for room in height if height[room] == level) for level in range(max(height.values()) + 1)]


def _doc(room: str) -> str:
    path = SOURCE / room / "__init__.py" if (SOURCE / room).is_dir() else SOURCE / f"{room}.py"
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]


def page(imports: Imports) -> str:
    """The page: picture, and a table of the rooms with what they import."""
    lines = [
        NOTE + "# Architecture\n",
        "    sources  →  labels  →  database  →  questions  →  answers  →  runs of models  →  scores\n",
        "Each arrow is one command, one Python function and one folder of files on disk; each stage reads only what "
        "the stage before it wrote. The map is drawn from the imports of the code: a room stands above all that it "
        "imports, so that arrows run down, and there is no circle. A test holds it.\n",
        "![Rooms in layers; arrows run down only](images/architecture.svg)\n",
        "| room | what it is | imports |",
        "|---|---|---|",
    ]
    for level in reversed(layers(imports)):
        lines += [f"| `{room}` | {_doc(room)} | {', '.join(sorted(imports[room])) or '–'} |" for room in level]
    lines += [
        "",
        "Facts stand once: paths, splits and the current time in `layout`; tables, columns, releases, scopes and "
        "findings in `spec`. What is not official comes through [doors](extending.md).\n",
        "## What a change touches\n",
        "| change | through a door | in the package |",
        "|---|---|---|",
        *(f"| {change} | {door} | {files} |" for change, door, files in CHANGES),
        "",
    ]
    return "\n".join(lines)


def picture(imports: Imports) -> str:
    """The map as SVG: one row of boxes per layer, a line to each room of the next lower layers that is imported."""
    rows = list(reversed(layers(imports)))
    width, high, box = 1000, 74, 30
    place = {
        room: ((index + 1) * width / (len(row) + 1), 30 + level * high)
        for level, row in enumerate(rows)
        for index, room in enumerate(row)
    }
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {len(rows) * high}" font-family="sans-serif" '
        'font-size="13" role="img" aria-label="Rooms in layers, with lines to the rooms they import">',
        "<style>line{stroke:#8886;stroke-width:1}rect{fill:#eef3f8;stroke:#57789a}text{fill:#1c2a38;text-anchor:middle}"
        "@media (prefers-color-scheme: dark){rect{fill:#22303d}text{fill:#e6edf3}}</style>",
    ]
    for room, targets in sorted(imports.items()):
        for target in sorted(targets):
            (x, y), (to_x, to_y) = place[room], place[target]
            parts.append(f'<line x1="{x:.0f}" y1="{y + box / 2:.0f}" x2="{to_x:.0f}" y2="{to_y - box / 2:.0f}"/>')
    for room, (x, y) in sorted(place.items()):
        wide = 9 * len(room) + 18
        parts.append(f'<rect x="{x - wide / 2:.0f}" y="{y - box / 2:.0f}" width="{wide}" height="{box}" rx="5"/>')
        parts.append(f'<text x="{x:.0f}" y="{y + 4:.0f}">{escape(room)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def main() -> int:
    """Write the page and the picture, or check them."""
    imports = imports_of_rooms()
    if found := circle(imports):
        for one, other in pairwise(found):
            print(f"{one} imports {other}, in {', '.join(sorted(imports[one][other]))}")
        print(f"imports run in a circle: {' → '.join(found)}")
        return 1
    wanted = {PAGE: page(imports), PICTURE: picture(imports)}
    return write_or_check(wanted, "python docs/make_architecture.py")


if __name__ == "__main__":
    sys.exit(main())
