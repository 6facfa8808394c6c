"""What a file holds steers no terminal, and ends no command that shows it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys


def _on_a_terminal(*arguments: str, cwd) -> bytes:
    """What a command sends to a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "ehrxqa", *arguments], cwd=cwd, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:
            break
        if not data:
            break
        said += data
    process.wait()
    os.close(ours)
    return said


DATABASE = "out/database/test/mimic_iv_cxr.db"


def test_escape_characters_of_results_are_shown_not_sent(built):
    query = "select char(27) || '[31mred' || char(7) || char(155) || '2J' || 'x'"
    for form in ("text", "json", "csv"):
        said = _on_a_terminal("query", DATABASE, query, "--format", form, cwd=built)
        assert b"red" in said
        assert not set(said) & {0x1B, 0x07}
        assert "\x9b" not in said.decode()


def test_escape_characters_in_errors_are_shown_not_sent(built, tmp_path):
    path = tmp_path / "bad\x1b[31m.json"
    path.write_text("[")
    said = _on_a_terminal("evaluate", "--gold", str(path), "--predictions", str(path), cwd=built)
    assert b"bad\\x1b[31m.json" in said
    assert b"\x1b" not in said


def test_a_pipe_gets_the_data_as_it_is(built):
    query = ["query", DATABASE, "select char(27) || 'x' as a", "--format"]
    done = [
        subprocess.run([sys.executable, "-m", "ehrxqa", *query, form], cwd=built, capture_output=True).stdout
        for form in ("json", "csv")
    ]
    assert json.loads(done[0])["rows"] == [["\x1bx"]]
    assert b"\x1bx" in done[1]
