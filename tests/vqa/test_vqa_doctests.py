"""The examples in the docstrings hold."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import ehrxqa.vqa

MODULES = [module.name for module in pkgutil.iter_modules(ehrxqa.vqa.__path__, "ehrxqa.vqa.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_reading_and_writing_questions_needs_no_heavy_library():

    code = "import sys, ehrxqa.vqa; sys.exit(bool({'numpy', 'pyarrow', 'torch', 'apsw'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_examples_in_the_documentation():
    page = Path(__file__).parents[2] / "docs" / "vqa.md"
    text = "\n".join("" if line.startswith("```") else line for line in page.read_text(encoding="utf-8").splitlines())
    examples = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert len(examples.examples) == 5
    assert doctest.DocTestRunner().run(examples).failed == 0
