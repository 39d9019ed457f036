"""Explorers follow their controls, keep their errors, and work without torch and inside papermill."""

import ast
import base64
import subprocess
import sys
from pathlib import Path

import pytest
import synthetic

from lnlkit import viz, widgets

CONTROLS = {"noise": [("symmetric noise", "symmetric"), ("other", "asymmetric")], "rate": [0.1, 0.2, 0.3]}


@pytest.fixture(autouse=True)
def _errors_start_empty():
    widgets.ERRORS.clear()
    yield
    widgets.ERRORS.clear()


class Recorder:
    """A draw function that remembers its choices and fails on the one it is told to fail on."""

    def __init__(self, fails_on=None):
        self.choices, self.fails_on = [], fails_on

    def __call__(self, table, **choice):
        self.choices.append((table, choice))
        if choice == self.fails_on:
            raise KeyError("no such run")
        return viz.panels(width=2, height=1)[0]


def alt(table, **choice):
    return f"A picture of {choice}."


def explorer(draw, controls=CONTROLS, **options):
    return widgets.Explorer("the table", draw, controls, alt=alt, **options)


def test_drive_visits_every_combination_once():
    draw = Recorder()
    driven = explorer(draw)
    assert driven.drive() == 6
    visited = {(choice["noise"], choice["rate"]) for _, choice in draw.choices}
    assert visited == {(noise, rate) for noise in ("symmetric", "asymmetric") for rate in (0.1, 0.2, 0.3)}
    assert driven.choice == {"noise": "symmetric", "rate": 0.1}  # where it began
    assert {table for table, _ in draw.choices} == {"the table"}


def test_drive_visits_every_value_where_combinations_are_too_many():
    draw = Recorder()
    assert explorer(draw, {"a": list(range(20)), "b": list(range(20))}).drive() == 40
    for name in "ab":
        assert {choice[name] for _, choice in draw.choices} == set(range(20))
    few = Recorder()
    assert explorer(few).drive(most=0) == 5
    assert {choice["rate"] for _, choice in few.choices} == {0.1, 0.2, 0.3}


def test_setting_a_value_redraws_with_the_new_choice():
    draw = Recorder()
    explorer(draw, start={"rate": 0.2}).controls["rate"].value = 0.3
    assert [choice for _, choice in draw.choices] == [{"noise": "symmetric", "rate": 0.3}]


def test_the_picture_on_the_page_is_replaced_with_its_text(monkeypatch):
    class Handle:
        def update(self, data, *, raw, metadata):
            shown.append((data, metadata["image/png"]["alt"]))

    shown = []
    followed = explorer(Recorder())
    followed.handle = Handle()
    followed.controls["noise"].value = "asymmetric"
    ((data, text),) = shown
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert text == "A picture of {'noise': 'asymmetric', 'rate': 0.1}."


def test_a_failing_picture_is_shown_in_red_and_kept():
    followed = explorer(Recorder(fails_on={"noise": "symmetric", "rate": 0.2}))
    followed.controls["rate"].value = 0.2
    (entry,) = widgets.ERRORS
    assert entry["choice"] == {"noise": "symmetric", "rate": 0.2}
    assert "no such run" in entry["error"] and "Traceback" in entry["traceback"]
    assert widgets.ERROR_CLASS in followed.message.value and "no such run" in followed.message.value
    followed.controls["rate"].value = 0.3
    assert followed.message.value == ""


def test_drive_fails_when_a_picture_does_but_visits_the_rest():
    draw = Recorder(fails_on={"noise": "symmetric", "rate": 0.2})
    with pytest.raises(RuntimeError, match="1 choices of the explorer failed, the first with KeyError"):
        explorer(draw).drive()
    assert len(draw.choices) == 7  # all six, and the start again
    assert len(widgets.ERRORS) == 1


def test_the_first_picture_fails_aloud():
    with pytest.raises(KeyError, match="no such run"):
        explorer(Recorder(fails_on={"noise": "symmetric", "rate": 0.1})).show()


def test_controls_are_of_the_subset_that_old_and_new_ipywidgets_share():
    allowed = {"SelectionSlider", "Dropdown", "ToggleButtons", "Button", "HTML", "VBox", "HBox"}
    tree = ast.parse(Path(widgets.__file__).read_text(encoding="utf-8"))
    used = {
        node.attr for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ipywidgets"
    }  # fmt: skip
    assert used <= allowed
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "ipywidgets"]


def test_sliders_move_once_they_are_let_go():
    slider = explorer(Recorder()).controls["rate"]
    assert slider.continuous_update is False
    assert [label for label, _ in slider.options] == ["0.1", "0.2", "0.3"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({"rate": []},), "must list at least one value"),
        ((CONTROLS, {"rat": 0.1}), r"`start` must name controls \(noise, rate\), but got \['rat'\]"),
    ],
)
def test_wrong_controls_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        explorer(Recorder(), arguments[0], start=arguments[1] if len(arguments) > 1 else None)


# ---- the explorer of notebook 01


def test_noise_explorer_offers_what_is_recorded_and_draws_it_all():
    table = synthetic.table(rows=("ce", "seal"), kinds=("symmetric", "asymmetric"), rates=(0.1, 0.4), seeds=(0, 1))
    shown = widgets.noise_explorer(table)
    assert shown.values == {"noise": ["symmetric", "asymmetric"], "noise_rate": [0.0, 0.1, 0.4], "row": ["ce", "seal"]}
    assert shown.drive() == 12
    shown.controls["row"].value = "seal"
    shown.controls["noise_rate"].value = 0.4
    fig, text = shown.figure()
    assert "SEAL, symmetric noise, rate 0.4" in fig.get_suptitle()
    assert text == viz.recorded_run_alt(table, "symmetric", 0.4, "seal")


def test_noise_explorer_starts_with_the_papers_method():
    start = widgets.noise_explorer(synthetic.table(seeds=(0,), points=20)).choice
    assert start == {"noise": "model_idn", "noise_rate": 0.2, "row": "cvae_augmentation"}


def test_exploring_needs_no_torch(root):
    code = (
        "import sys; sys.path.insert(0, 'tests'); import synthetic; from lnlkit import viz, widgets; "
        "table = synthetic.table(('ce', 'seal'), ('symmetric',), (0.1,), (0,)); "
        "widgets.noise_explorer(table).drive(most=0); "
        "viz.bundle(viz.sweep_overview(table), viz.sweep_overview_alt(table)); "
        "print([name for name in ('torch', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


# ---- live training


def test_train_button_reports_and_keeps_the_result(monkeypatch):
    lines = []

    def run(report):
        report("epoch 1/2")
        assert button.button.disabled
        return "Test accuracy 0.91."

    button = widgets.TrainButton("Train CE", run, seconds=20)
    monkeypatch.setattr(button, "report", lines.append)
    assert button.button.description == "Train CE (about 20 s)"
    button.button.click()
    assert lines[:2] == ["Training ...", "epoch 1/2"] and lines[2].startswith("Test accuracy 0.91. (")
    assert button.result == "Test accuracy 0.91." and not button.button.disabled


def test_train_button_shows_a_returned_figure():
    class Handle:
        def update(self, data, *, raw, metadata=None):
            shown.append((data, metadata))

    shown = []
    button = widgets.TrainButton("Train", lambda report: (viz.panels(width=2, height=1)[0], "The curve just trained."))
    button.handle = Handle()
    button.button.click()
    assert shown[-1][1] == {"image/png": {"alt": "The curve just trained."}}


def test_train_button_keeps_errors_and_can_be_pressed_again():
    def run(report):
        raise ValueError("no data")

    button = widgets.TrainButton("Train CE", run)
    button.button.click()
    button.button.click()
    assert [entry["error"] for entry in widgets.ERRORS] == ["ValueError('no data')"] * 2
    assert widgets.ERROR_CLASS in button.message.value and "no data" in button.message.value
    assert not button.button.disabled


# ---- papermill


@pytest.fixture(scope="module")
def executed(tmp_path_factory, root):
    """A small notebook, run by papermill: an explorer is shown, moved, driven; a button is pressed; code is shown."""
    nbformat = pytest.importorskip("nbformat")
    papermill = pytest.importorskip("papermill")
    setup = f"import sys; sys.path[:0] = [{str(root)!r}, {str(root / 'tests')!r}]\n"
    cells = [
        setup + "import synthetic\nfrom lnlkit import lab, viz, widgets\n"
        "table = synthetic.table(rows=('ce', 'seal'), kinds=('symmetric',), rates=(0.1, 0.4), seeds=(0,))",
        "explorer = widgets.noise_explorer(table)\nexplorer",
        "explorer.controls['noise_rate'].value = 0.4\nexplorer.controls['row'].value = 'seal'\nprint(explorer.drive())",
        "def run(report):\n    report('half way')\n    return 'Trained.'\n"
        "button = widgets.TrainButton('Train', run)\nbutton.show()\nbutton.button.click()",
        "lab.show(viz.show)",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    folder = tmp_path_factory.mktemp("notebook")
    nbformat.write(notebook, folder / "in.ipynb")
    papermill.execute_notebook(
        str(folder / "in.ipynb"), str(folder / "out.ipynb"), kernel_name="python3", progress_bar=False,
        cwd=str(folder), timeout_func=lambda cell: 120,
    )  # fmt: skip
    return nbformat.read(folder / "out.ipynb", as_version=4)


def test_the_executed_notebook_holds_the_picture_chosen_last(executed):
    pictures = [output for output in executed.cells[1].outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 1
    table = synthetic.table(rows=("ce", "seal"), kinds=("symmetric",), rates=(0.1, 0.4), seeds=(0,))
    text = viz.recorded_run_alt(table, "symmetric", 0.4, "seal")
    assert pictures[0].metadata["image/png"]["alt"] == text == pictures[0].data["text/plain"]
    assert base64.b64decode(pictures[0].data["image/png"]).startswith(b"\x89PNG")
    assert executed.cells[2].outputs[0].text == "6\n"


def test_a_reader_without_a_kernel_is_told_about_the_controls(executed):
    (controls,) = [out for out in executed.cells[1].outputs if "application/vnd.jupyter.widget-view+json" in out.data]
    sentence = controls.data["text/plain"]
    assert sentence.startswith("Controls for noise kind, noise rate, method: they need a running kernel.")


def test_the_button_leaves_its_last_line_in_the_notebook(executed):
    texts = [output.data["text/plain"] for output in executed.cells[3].outputs]
    assert texts[0] == "Button: Train. It needs a running kernel."
    assert texts[1].startswith("Trained. (")


def test_source_shown_in_a_notebook_is_highlighted_and_readable_as_text(executed):
    place, code = executed.cells[4].outputs
    assert place.text.startswith("lnlkit/viz/_show.py, line ")
    assert code.data["text/plain"].startswith("def show(fig, alt") and "<span" in code.data["text/html"]
