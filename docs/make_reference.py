"""Writes the reference pages that are made from the code.

`docs/sources.md`, `docs/database.md` (what is read, what is built), `docs/reference/commands.md` (from the commands
themselves), `docs/reference/functions.md` (from the docstrings of the public functions).
`python docs/make_reference.py --check` exits with 1 if a page is not up to date.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from made_pages import write_or_check

import ehrxqa
from ehrxqa.cli.commands import COMMANDS
from ehrxqa.cli.main import main as ehrxqa_command
from ehrxqa.sources.catalogue import FILES, PROJECTS
from ehrxqa.spec.tables import TABLES, column_help

NOTE = "<!-- made by docs/make_reference.py; do not edit -->\n\n"
#: Columns of a help text, as on a narrow terminal.
WIDTH = 80


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


COMPLETION = """\
## Completion

A shell completes commands and options with Tab once its start file says so. In `~/.bashrc`:

```sh
eval "$(_EHRXQA_COMPLETE=bash_source ehrxqa)"
```

In `~/.zshrc`:

```sh
eval "$(_EHRXQA_COMPLETE=zsh_source ehrxqa)"
```

In `~/.config/fish/completions/ehrxqa.fish`:

```sh
_EHRXQA_COMPLETE=fish_source ehrxqa | source
```

## All commands
"""


def commands() -> str:
    """The page of all commands: what each says with `--help`."""
    lines = [
        NOTE + "# Commands\n",
        "What each command says with `--help`. Exit status: 0 done, 1 something is wrong with files or data, 2 wrong "
        "usage, 130 interrupted (run it again to go on); `leak-scan` ends with 3 if something could not be read. "
        "`--debug`, anywhere on the line, shows the traceback of an error.\n",
        COMPLETION,
        *_block(_help(ehrxqa_command, "ehrxqa")),
    ]
    context = click.Context(ehrxqa_command)
    for name in COMMANDS:
        command = ehrxqa_command.get_command(context, name)
        assert command is not None, name
        lines += [f"## {name}\n", *_block(_help(command, f"ehrxqa {name}"))]
        if isinstance(command, click.Group):
            for leaf in command.list_commands(context):
                lines += [f"### {name} {leaf}\n", *_block(_help(command.commands[leaf], f"ehrxqa {name} {leaf}"))]
    return "\n".join(lines)


def _help(command: click.Command, name: str) -> str:
    """What a command says with `--help`, on a terminal of `WIDTH` columns."""
    settings = {**ehrxqa_command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    return command.get_help(click.Context(command, info_name=name, **settings))


def _block(text: str) -> list[str]:
    return ["```text", *(line.rstrip() for line in text.splitlines()), "```", ""]


def functions() -> str:
    """The page of the public functions: signature, docstring, and what the result holds."""
    lines = [
        NOTE + "# Functions\n",
        "The names of `import ehrxqa`. Each function is named like its command and does the same. What a user can "
        "mend is raised as [`EhrxqaError`](#ehrxqaerror).\n",
        "| function | does |",
        "|---|---|",
    ]
    names = [name for name in ehrxqa.__all__ if name != "__version__"]
    lines += [f"| [`{name}`](#{name.lower()}) | {_summary(getattr(ehrxqa, name))} |" for name in names]
    for name in names:
        value = getattr(ehrxqa, name)
        lines += [f"\n## {name}\n"]
        if inspect.isfunction(value):
            lines += ["```text", *_signature(name, value), "```\n"]
        lines += _docstring(inspect.getdoc(value) or "")
        if value is ehrxqa.EhrxqaError:
            lines += ["", *_errors(value)]
    return "\n".join(lines) + "\n"


def _summary(value: object) -> str:
    return (inspect.getdoc(value) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def _signature(name: str, function: Callable[..., object]) -> list[str]:
    """The signature over as many lines as it has parameters, if it is long."""
    signature = inspect.signature(function)
    parts: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        parts.append(_parameter(parameter))
    result = f" -> {signature.return_annotation}"
    short = f"ehrxqa.{name}({', '.join(parts)}){result}"
    return [short] if len(short) <= WIDTH else [f"ehrxqa.{name}(", *(f"    {part}," for part in parts), f"){result}"]


def _parameter(parameter: inspect.Parameter) -> str:
    """Name, type and default; a default that is an object of ours is only hinted at."""
    text = f"{parameter.name}: {parameter.annotation}"
    if parameter.default is parameter.empty:
        return text
    return f"{text} = {'…' if ' at 0x' in repr(parameter.default) else repr(parameter.default)}"


#: Sections of a docstring, as Google's style has them.
SECTION = re.compile(r"^(Args|Returns|Raises|Yields|Attributes|Example|Examples):$")


def _docstring(text: str) -> Iterator[str]:
    """A docstring in Google's style as Markdown: its sections become lists, its examples blocks."""
    section = ""
    block: list[str] = []
    for line in [*text.splitlines(), "End:"]:
        found = SECTION.match(line)
        if found or line == "End:":
            yield from _section(section, block)
            section, block = (found[1] if found else ""), []
        else:
            block.append(line)


def _section(name: str, lines: list[str]) -> Iterator[str]:
    body = inspect.cleandoc("\n".join(lines))
    if not name:
        yield from (body, "") if body else ()
        return
    yield from (f"**{name}**", "")
    if name.startswith("Example"):
        yield from ("```python", body, "```", "")
        return
    items = re.split(r"\n(?=\S)", body)
    for item in items:
        word, colon, rest = " ".join(item.split()).partition(": ")
        named = colon and re.fullmatch(r"[\w*., ()|\[\]]+", word) and name != "Returns"
        yield f"- `{word}`: {rest}" if named else f"- {word}{colon}{rest}"
    yield ""


def _errors(base: type) -> Iterator[str]:
    """The tree of errors below `base`."""
    yield from ("| error | when |", "|---|---|")
    seen: list[type] = []
    below = list(base.__subclasses__())
    while below:
        one = below.pop(0)
        if one not in seen and one.__module__ == "ehrxqa.errors":
            seen.append(one)
            below += one.__subclasses__()
    yield from (f"| `{one.__name__}` | {_summary(one)} |" for one in sorted(seen, key=lambda one: one.__name__))


PAGES = {
    "sources.md": sources,
    "database.md": database,
    "reference/commands.md": commands,
    "reference/functions.md": functions,
}


def main() -> int:
    """Write the pages, or check them."""
    folder = Path(__file__).parent
    wanted = {folder / name: page() for name, page in PAGES.items()}
    return write_or_check(wanted, "make reference")


if __name__ == "__main__":
    sys.exit(main())
