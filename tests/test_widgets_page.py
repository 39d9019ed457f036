"""Explorers, buttons and figures in a notebook that papermill runs: what is left on the page, without torch."""

import base64

import pytest


@pytest.fixture(scope="module")
def executed(tmp_path_factory, root):
    """A small notebook, run by papermill: an explorer is shown, moved, driven; a button is pressed; code is shown."""
    nbformat = pytest.importorskip("nbformat")
    papermill = pytest.importorskip("papermill")
    cells = [
        f"import sys; sys.path[:0] = [{str(root)!r}, {str(root / 'tests')!r}]\n"
        "import small_picture\nfrom lnlkit import lab, recorded, viz, widgets\nrecorded.load('05');",
        "explorer = widgets.Explorer(small_picture.picture())\nexplorer",
        "explorer.controls['rate'].value = 0.4\nprint(explorer.drive(), 'torch' in sys.modules)",
        "def run(report):\n    report('half way')\n    return 'Trained.'\n"
        "button = widgets.TrainButton('Train', run)\nbutton.show()\nbutton.button.click()",
        "lab.show(viz.show)",
        "viz.show(viz.transition_row({'one': [[1, 0], [0.25, 0.75]]}))",
        "explorer",
        "button.show()\nexplorer.controls['rate'].value = 0.1",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    folder = tmp_path_factory.mktemp("notebook")
    nbformat.write(notebook, folder / "in.ipynb")
    papermill.execute_notebook(
        str(folder / "in.ipynb"), str(folder / "out.ipynb"), kernel_name="python3", progress_bar=False,
        cwd=str(folder), timeout_func=lambda cell: 3600,
    )  # fmt: skip
    return nbformat.read(folder / "out.ipynb", as_version=4)


@pytest.mark.parametrize("cell", [1, 6])
def test_every_cell_with_the_explorer_holds_the_picture_chosen_last(executed, cell):
    (picture,) = [output for output in executed.cells[cell].outputs if "image/png" in output.get("data", {})]
    assert picture.metadata["image/png"]["alt"] == picture.data["text/plain"] == "Matrix at rate 0.1 and curve of ce."
    assert base64.b64decode(picture.data["image/png"]).startswith(b"\x89PNG")
    assert executed.cells[2].outputs[0].text == "3 False\n"  # torch stays out


def test_a_reader_without_a_kernel_is_told_about_the_controls(executed):
    (controls,) = [out for out in executed.cells[1].outputs if "application/vnd.jupyter.widget-view+json" in out.data]
    sentence = controls.data["text/plain"]
    assert sentence.startswith("Controls for noise rate, method: they need a running kernel.")


def test_a_figure_leaves_nothing_but_itself(executed):
    (shown,) = executed.cells[5].outputs
    assert shown.output_type == "display_data" and "25 % from 1 to 0" in shown.metadata["image/png"]["alt"]
    assert shown.metadata["image/png"]["width"] < 960


def test_the_button_leaves_its_last_line_in_the_notebook(executed):
    texts = [output.data["text/plain"] for output in executed.cells[3].outputs]
    assert texts[0] == "Button: Train. It needs a running kernel."
    assert texts[1].startswith("Trained. (")
    assert executed.cells[7].outputs[1].data["text/plain"] == texts[1]  # shown again, it says what it did


def test_source_shown_in_a_notebook_is_highlighted_and_readable_as_text(executed):
    place, code = executed.cells[4].outputs
    assert place.text.startswith("lnlkit/viz/show.py, line ")
    assert code.data["text/plain"].startswith("def show(fig, text") and "<span" in code.data["text/html"]
    assert "white-space: pre" in code.data["text/html"]  # else lines of 120 characters break within words
