"""Writes the reference pages that are made from the code: `docs/sources.md` and `docs/database.md`.

`python docs/make_reference.py --check` exits with 1 if a page is not up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ehrxqa.sources.catalogue import FILES, PROJECTS
from ehrxqa.spec.tables import TABLES, column_help

NOTE = "<!-- made by docs/make_reference.py; do not edit -->\n\n"


def sources() -> str:
    """The page about source files."""
    lines = [NOTE + "# The sources\n", "Every file that is read, and the columns that are used.\n"]
    for project in PROJECTS:
        lines += [f"## {project.title} {project.version}\n", f"Folder `{project.folder}`; option `{project.option}`.\n"]
        for file in FILES:
            if file.project is project:
                lines += [f"### {file.path}\n", f"{file.doc} Form: {file.form.value}.\n"]
                if file.used:
                    lines += ["| column | kind | may be empty |", "|---|---|---|"]
                    lines += [f"| `{c.name}` | {c.kind.value} | {'yes' if c.nullable else 'no'} |" for c in file.used]
                    lines.append("")
    return "\n".join(lines)


def database() -> str:
    """The page about the integrated database."""
    lines = [
        NOTE + "# The database\n",
        "The 19 tables, in the order in which they are created. Names of tables are stored in upper case. There is no "
        "index and no key, and types follow the data as in the official database: an identifier whose source had "
        "a null anywhere is REAL, a column without any value is REAL. Rows are stored in the order in which "
        "queries without ORDER BY return them. `ehrxqa schema OUT [TABLE]` says the same of a build.\n",
    ]
    for table in TABLES.values():
        lines += [f"## {table.name.upper()}\n", f"{table.doc}\n", "| column | type | meaning |", "|---|---|---|"]
        for column in table.columns:
            lines.append(f"| `{column.name}` | {column.type} | {column_help(table, column)} |")
        lines.append("")
    return "\n".join(lines)


PAGES = {"sources.md": sources, "database.md": database}


def main() -> int:
    """Write the pages, or check them."""
    folder = Path(__file__).parent
    stale = [
        name for name, page in PAGES.items() if not (folder / name).is_file() or (folder / name).read_text() != page()
    ]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/{name} is not up to date; run: python docs/make_reference.py")
        return 1 if stale else 0
    for name in stale:
        (folder / name).write_text(PAGES[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main())
