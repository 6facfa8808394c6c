"""The tutorial notebook runs from top to bottom in an empty folder, and shows what it promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "tutorial.ipynb"
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):  # nothing in the home of who runs this
            patch.setenv(name, str(folder / name.lower()))
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def shown(notebook, words: str) -> str:
    """What the cell with some words showed, as HTML and text."""
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code" and words in cell.source)
    data = [output.get("data", {}) for output in cell.outputs]
    assert not any(output.output_type == "stream" and output.name == "stderr" for output in cell.outputs)
    return "\n".join(str(one.get("text/html", one.get("text/plain", ""))) for one in data)


def test_long_work_shows_how_far_it_is_and_ends_with_a_line(executed):
    for words in ("synth(", "build(", "generate("):
        assert "<progress" not in shown(executed, words)
    assert "synthetic hospital: done (" in shown(executed, "synth(")


def test_results_are_tables(executed):
    assert "<th" in shown(executed, "info(") and "synthetic" in shown(executed, "info(")
    assert "40 test" in shown(executed, "load(")
    assert "viewposition" in shown(executed, "group by 1") and "<table>" in shown(executed, "group by 1")
    assert "RS10" in shown(executed, "evaluate(")
    assert "func_vqa" in shown(executed, "why(") or "tb_cxr" in shown(executed, "why(")
    assert "parquet/test.parquet" in shown(executed, "export(") or "entries" in shown(executed, "export(")


def test_a_question_shows_its_x_ray(executed):
    html = shown(executed, "question.show()")
    assert "data:image/png;base64," in html and "func_vqa" in html


def test_what_sees_nothing_answers_tables_and_not_all_x_rays(executed):
    html = shown(executed, "groupby")
    assert "Table" in html and "Image" in html


def test_it_is_kept_without_outputs():
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 8 and all(not cell["outputs"] and cell["execution_count"] is None for cell in cells)
