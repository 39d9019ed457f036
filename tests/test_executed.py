"""What is looked for in an executed notebook before its numbers count."""

import json
import shutil

import pytest
import stub_notebook
from nbformat.v4 import new_code_cell, new_notebook, new_output

from lnlkit import widgets
from lnlkit.run import executed, runner

NAME = stub_notebook.NAME
RECORD = runner.root() / "results" / NAME / "smoke.json"


def changed(tmp_path, change) -> list[str]:
    """Problems of the executed notebook after a change."""
    cells = [new_code_cell(f"cell {i}") for i in range(1, 5)]
    picture = {"metadata": {"image/png": {"alt": "empty axes"}}, "data": {"image/png": "iVBORw0KGgo="}}
    cells[2].outputs = [new_output("display_data", **picture)]
    notebook = json.loads(json.dumps(new_notebook(cells=cells)))
    change(notebook)
    path = tmp_path / "changed.ipynb"
    path.write_text(json.dumps(notebook))
    shutil.copy(RECORD, tmp_path / f"{NAME}.json")
    return executed.problems(path, tmp_path, NAME, "smoke")


def with_widget(notebook, model, state):
    states = {"abc": {"model_name": model, "state": state}, "def": {"state": {}}}
    notebook["metadata"]["widgets"] = {executed.WIDGET_STATE: {"state": states, "version_major": 2, "version_minor": 0}}


def failed_callback(notebook):
    error = {"output_type": "error", "ename": "KeyError", "evalue": "'rate'", "traceback": []}
    with_widget(notebook, "OutputModel", {"outputs": [error]})


def failed_explorer(notebook):
    red = f'<div class="{widgets.ERROR_CLASS}" role="alert">ValueError: no such rate</div>'
    with_widget(notebook, "HTMLModel", {"value": red})


def without_alt(notebook):
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            output["metadata"] = {}


def with_handle(notebook):
    handle = "<DisplayHandle display_id=6f3a>"
    notebook["cells"][2]["outputs"].append({"output_type": "execute_result", "data": {"text/plain": handle}})


def too_large(notebook):
    notebook["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 2**22}]


def test_a_clean_executed_notebook_has_no_problem(tmp_path):
    assert changed(tmp_path, lambda notebook: None) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (failed_callback, "A widget's callback failed: KeyError: 'rate'."),
        (failed_explorer, "A widget's callback failed: ValueError: no such rate"),
        (without_alt, 'Cell 3 shows a figure without a description: `viz.show(fig, "what is seen")`.'),
        (with_handle, "Cell 3 shows a <DisplayHandle>: end the cell with another line."),
        (too_large, "The outputs hold 4.0 MB, more than 2 MB: most of it in cell 2 (4.0 MB)."),
    ],
)
def test_what_papermill_does_not_see_is_a_problem(tmp_path, change, sentence):
    assert changed(tmp_path, change) == [sentence]


def test_a_run_has_one_record_of_its_notebook_and_scale(tmp_path):
    def problems(name, scale="smoke"):
        return executed._record(tmp_path, name, scale)

    assert problems(NAME)[0].startswith("The notebook has written no record: `records.write(Path(OUT_DIR) / ")
    shutil.copy(RECORD, tmp_path / f"{NAME}.json")
    assert problems(NAME) == problems(f"{NAME}-Copy1") == []  # a copy has its paper's record
    assert problems(NAME, "lab") == ["The record says scale 'smoke', but it is the one of 'lab'."]
    shutil.copy(RECORD, tmp_path / "own.json")
    assert problems("own") == [f"The notebook has written 2 records, own.json, {NAME}.json: one is due."]
    (tmp_path / f"{NAME}.json").unlink()
    assert problems("own") == [f"The record says notebook {NAME!r}, but it is the one of 'own'."]
    (tmp_path / "own.json").write_text(RECORD.read_text().replace('"claims"', '"claim"'))
    assert problems("own") == [f"`{tmp_path / 'own.json'}` is not the record of a notebook: it has no 'claims'."]


def test_a_red_message_of_a_widget_is_known_by_its_class():
    assert executed.ERROR_CLASS == widgets.ERROR_CLASS


def test_a_cell_that_ends_the_notebook_is_named(tmp_path):
    def ended(notebook, counts=(1, 2, None, None)):
        for cell, count in zip(notebook["cells"], counts, strict=True):
            cell["execution_count"] = count
        notebook["cells"][1]["outputs"] = [new_output("error", ename="SystemExit", evalue="", traceback=[])]

    assert changed(tmp_path, ended) == ["Cell 2 ended the notebook (SystemExit): 2 after it were not run."]
    assert changed(tmp_path, lambda notebook: ended(notebook, (1, 2, 3, 4))) == []
