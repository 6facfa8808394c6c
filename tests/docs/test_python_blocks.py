"""Every Python block of the documentation, run as a file in an empty folder in which a demo has run."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in sorted((TOP / "docs").rglob("*.md"))
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]
#: Blocks that need a package whose pins clash with ours; `make adapters` tests those in environments of their own.
ELSEWHERE = ("ehrxqa_verifiers", "openenv_app")


def test_there_are_blocks():
    assert len(BLOCKS) >= 10


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_runs_as_it_stands(block: str, reader: Path) -> None:
    if any(name in block for name in ELSEWHERE):
        compile(block, "block", "exec")
        return
    if block.startswith(">>>"):
        parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
        assert runner.run(parser.get_doctest(block, {}, "block", None, 0)).failed == 0
        return
    sources = "\n".join(path.read_text() for path in (TOP / "examples").rglob("*.py"))
    if block in sources:  # an excerpt of an example, which has tests of its own
        return
    script = reader / "block.py"
    script.write_text(block.replace("subjects=600", "subjects=60, images=False"))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=reader, timeout=900)
    assert done.returncode == 0, done.stderr
