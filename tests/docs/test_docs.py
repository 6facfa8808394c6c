"""The documentation says what is true: commands, examples, reference pages, public names."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import ehrxqa
from ehrxqa.cli.commands import COMMANDS
from ehrxqa.cli.groups import LazyGroup
from ehrxqa.cli.main import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
MODULES = [module.name for module in pkgutil.walk_packages(ehrxqa.__path__, "ehrxqa.")]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_examples_in_docstrings(name):
    results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0


def test_reference_pages_are_up_to_date():
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "make_reference.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_an_example_and_a_place_in_the_documentation(name):
    context = click.Context(main)
    command = main.get_command(context, name)
    assert command is not None
    leaves = [command]
    if isinstance(command, click.Group):
        leaves = [command.commands[leaf] for leaf in command.list_commands(context)]
    for leaf in leaves:
        text = leaf.get_help(click.Context(leaf, info_name=name))
        assert "Example:" in text, name
        assert "--quiet" in text, name
        assert all(isinstance(option, click.Argument) or getattr(option, "help", None) for option in leaf.params), name
    assert any(f"ehrxqa {name}" in page.read_text() for page in PAGES), name


def test_help_lists_all_commands_without_importing_them():
    code = "import sys; from ehrxqa.cli.main import run\ntry: run(['--help'])\nexcept SystemExit: pass\n"
    code += "print([m for m in sys.modules if m.split('.')[0] in ('numpy', 'pyarrow', 'sqlglot', 'apsw', 'PIL')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip().endswith("[]"), done.stdout[-300:]
    assert all(name in done.stdout for name in COMMANDS)


def test_unknown_command():
    assert LazyGroup().get_command(click.Context(main), "fly") is None


def test_public_names():
    assert sorted(ehrxqa.__all__) == dir(ehrxqa)
    for name in ehrxqa.__all__:
        value = getattr(ehrxqa, name)
        assert value.__doc__ or name == "__version__", name
    with pytest.raises(AttributeError, match="no attribute 'fly'"):
        _ = ehrxqa.fly


def test_no_module_hides_a_public_name():
    for name in MODULES:
        importlib.import_module(name)
    for name in ehrxqa.__all__:
        value = getattr(ehrxqa, name)
        assert callable(value) or name in ("SILENT", "__version__"), name
        assert not hasattr(value, "__path__"), name


def shell_commands(page: Path) -> list[str]:
    """The `ehrxqa …` commands in a page's shell blocks, continued lines joined."""
    text = page.read_text()
    blocks = re.findall(r"```(?:sh|bash|console)?\n(.*?)```", text, re.DOTALL)
    blocks += re.findall(r"(?:^|\n\n)((?:    [^\n]+\n?)+)", text)  # blocks that are indented
    lines = "\n".join(blocks).replace("\\\n", " ").split("\n")
    lines = [line.split("#")[0].strip().removeprefix("$ ") for line in lines]
    return [line for line in lines if line.startswith("ehrxqa ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_in_the_documentation_exist(page):
    for line in shell_commands(page):
        words = line.split()
        command = main.get_command(click.Context(main), words[1])
        assert command is not None, line
        if isinstance(command, click.Group):
            command = command.commands[words[2]]
        known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        used = {word.strip("[]").split("=")[0] for word in words if word.strip("[]").startswith("--")}
        assert used <= known | {"--help", "--debug"}, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_in_the_documentation_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
