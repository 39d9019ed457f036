"""The explorers of notebook 05 offer what is recorded, follow their controls, and need no torch."""

import subprocess
import sys

import pytest
from test_viz_regression import made_up

from lnlkit import viz, widgets


@pytest.fixture(autouse=True)
def _errors_start_empty():
    widgets.ERRORS.clear()
    yield
    widgets.ERRORS.clear()


def test_regression_explorer_offers_what_is_recorded():
    shown = widgets.regression_explorer(made_up())
    assert shown.values == {
        "dataset": ["cosexp", "step", "diabetes"], "noise": ["uniform", "flipped_part"], "noise_rate": [0.0, 0.2, 0.6],
        "row": ["l2", "mdn", "choicenet_regression", "choicenet_regression_k2"],
    }  # fmt: skip
    assert shown.choice == {"dataset": "cosexp", "noise": "uniform", "noise_rate": 0.6, "row": "choicenet_regression"}
    labels = [label for label, _ in shown.controls["noise"].options]
    assert labels == ["uniform outliers", "flipped outliers for x in [0, 2]"]
    assert [label for label, _ in shown.controls["row"].options][2:] == ["ChoiceNet", "ChoiceNet, K = 2"]


def test_regression_explorer_follows_its_controls():
    table = made_up(("cosexp",), ("uniform",), (0,), ("mdn", "choicenet_regression"), (0.6,))
    shown = widgets.regression_explorer(table)
    shown.controls["row"].value = "mdn"
    fig, text = shown.figure()
    assert fig.get_suptitle().startswith("MDN on cosexp, uniform outliers, rate 0.6")
    assert text == viz.regression_run_alt(table, "cosexp", "uniform", 0.6, "mdn")
    assert shown.drive(most=0) == 5  # every value of each control: 1 + 1 + 1 + 2
    assert widgets.ERRORS == []


def test_correlation_explorer_walks_from_minus_one_to_one():
    shown = widgets.correlation_explorer()
    assert shown.values["rho"] == [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1]
    assert shown.values["corruption"] == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert shown.choice == {"rho": -1.0, "corruption": 0.3}
    shown.controls["rho"].value = 0.5
    fig, text = shown.figure()
    assert fig.get_suptitle().startswith("correlation 0.5, 30 % of the labels flipped")
    assert text == viz.two_classifiers_alt(0.5, 0.3)
    assert widgets.ERRORS == []


def test_exploring_regressions_needs_no_torch(root):
    code = (
        "import sys; sys.path.insert(0, 'tests'); from test_viz_regression import made_up; from lnlkit import widgets; "
        "table = made_up(('cosexp',), ('uniform',), (0,)); "
        "widgets.regression_explorer(table).redraw(); widgets.correlation_explorer().redraw(); "
        "print(widgets.ERRORS, [name for name in ('torch', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[] []"
