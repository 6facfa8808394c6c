"""The examples in the docstrings hold."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import ehrxqa.vqa

MODULES = [module.name for module in pkgutil.iter_modules(ehrxqa.vqa.__path__, "ehrxqa.vqa.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_reading_and_writing_questions_needs_no_heavy_library():
    import subprocess
    import sys

    code = "import sys, ehrxqa.vqa; sys.exit(bool({'numpy', 'pyarrow', 'torch', 'apsw'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
