"""The explorer of notebook 02: its picture marks what is chosen, says what is missing, and needs no torch."""

import subprocess
import sys

import numpy as np
import pytest
import quality_table
from figures import legible, words
from test_viz_quality import of, score

from lnlkit import viz, widgets


@pytest.fixture(autouse=True)
def _errors_start_empty():
    widgets.ERRORS.clear()
    yield
    widgets.ERRORS.clear()


@pytest.fixture(scope="module")
def table():
    return quality_table.table(points=60)


def test_choices_and_matching_know_lambda(table):
    offered = viz.quality_choices(table)
    assert offered == {
        "dataset": ["scenes", "mnist", "cifar10n"], "noise_rate": list(quality_table.RATES),
        "lambda_mi": [0, 0.2, 0.3, 0.5, 1, 2, 5, 10], "row": [*quality_table.ROWS, *quality_table.VARIANTS],
    }  # fmt: skip
    entries = table["multilabel"]
    for asked, stored in ((0.3, None), (2.0, 2.0)):
        found = viz.quality_matching(entries, "scenes", 0.4, "can", asked)
        assert [(run["lambda_mi"], run["size"], run["seed"]) for run in found] == [(stored, 1, s) for s in (0, 1, 2)]
        assert len(viz.quality_matching(entries, "scenes", 0.4, "icnm", asked)) == 3  # has no lambda
    assert viz.quality_matching(entries, "scenes", 0.2, "can", 2.0) == []
    assert {run["size"] for run in viz.quality_matching(entries, "mnist", 0.4, size=0.6)} == {0.6}


def test_the_picture_marks_the_setting(table):
    fig = viz.quality_run(table, "scenes", 0.6, "can", 0.3)
    own = of(table, row="can", noise_rate=0.6)
    curves, cloud, trusted, untrusted = fig.axes
    mean, half = score(own)
    ring = curves.lines[-1]
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (0.6, pytest.approx(mean)) and ring.get_markersize() > 10
    assert any(list(drawn.get_xdata()) == [0.6, 0.6] for drawn in curves.lines)  # the rate, as an upright line
    assert fig.get_suptitle() == (f"CAN (λ = 0.3) on scenes, P_noise 0.6: mAP {mean:.1f} ± {half:.1f} % "
                                  "(54 % of the label vectors wrong; 3 seeds)")  # fmt: skip
    quality = own[0]["quality"]
    points = np.concatenate([part.get_offsets() for part in cloud.collections[:2]])
    assert sorted(map(tuple, points)) == sorted(map(tuple, quality["embedding"]["x"]))
    for ax, name in ((trusted, "trusted"), (untrusted, "untrusted")):
        drawn = np.ma.masked_array(ax.collections[0].get_array()).reshape(10, 10).filled(0)
        T = np.array(quality[name])
        np.testing.assert_allclose(drawn, 100 * T * (1 - np.eye(10)), atol=0.1)
        assert ax.get_title() == f"{name} labels, seed 0"
    assert trusted.collections[0].get_clim() == untrusted.collections[0].get_clim()
    assert legible(fig)


def test_one_line_has_the_numbers_of_the_quality(table):
    own = of(table, row="can", noise_rate=0.4, size=1.0, lambda_mi=None)
    fig = viz.quality_run(table, "scenes", 0.4, "can", 0.3)
    (line,) = [sub.get_suptitle() for sub in fig.subfigs if sub.get_suptitle()]
    mean = {key: np.mean([run["quality"][key] for run in own]) for key in own[0]["quality"] if key.endswith("auc")}
    assert f"trust AUC {mean['trust_auc']:.2f} (loss AUC {mean['loss_auc']:.2f})" in line
    assert "40 % of the items, recall 0.82, precision 0.44 (mean of 3 seeds)" in line
    assert line in viz.quality_run_alt(table, "scenes", 0.4, "can", 0.3)


def test_without_noise_there_is_no_auc(table):
    fig = viz.quality_run(table, "mnist", 0.0, "can", 0.3)
    (line,) = [sub.get_suptitle() for sub in fig.subfigs if sub.get_suptitle()]
    assert "10 % of the items" in line and "need right and wrong label vectors" in line and "nan" not in line


def test_another_lambda_is_a_ring_off_the_curve_and_says_where_it_was_run(table):
    fig = viz.quality_run(table, "scenes", 0.4, "can", 5.0)
    curves = fig.axes[0]
    assert curves.lines[-1].get_ydata()[0] == pytest.approx(score(of(table, row="can", lambda_mi=5.0))[0])
    assert words(curves) == ["λ = 5", "Curve: CAN with λ = 0.3. λ = 5 was run on scenes at P_noise 0.4 only."]
    assert fig.get_suptitle().startswith("CAN (λ = 5) on scenes") and legible(fig)
    plain = viz.quality_run(table, "scenes", 0.4, "bce", 5.0)
    assert words(plain.axes[0]) == ["λ was varied for CAN only, not for Plain."]


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (("mnist", 0.6, "learnq", 0.3), "LearnQ has no quality variable"),
        (("scenes", 0.2, "can", 2.0), "CAN with λ = 2 was run\non scenes at P_noise 0.4 only."),
        (("cifar10n", 0.4, "can", 2.0), "CAN with λ = 2 was run\non scenes, MNIST only."),
        (("scenes", 0.3, "bootstrap", 0.3), "No method is recorded."),
        (("scenes", 0.4, "mixup", 0.3), "Recorded: Plain,\nLearnQ,\nICNM,\nBootstrap (soft)"),
        (("mnist", 0.8, "can_rho1", 0.3), "CAN, ρ = 1: not recorded"),
        (("scenes", 0.4, "can_no_quality", 0.3), "CAN, no quality has no quality variable"),
        (("voc2007", 0.4, "can", 0.3), "CAN: not recorded\nfor this data set"),
    ],
)
def test_what_is_not_there_is_said(table, choice, sentence):
    fig = viz.quality_run(table, *choice)
    assert len(fig.axes) == 2 and sentence in words(fig.axes[1])[0] and legible(fig)
    alt = viz.quality_run_alt(table, *choice)
    assert " ".join(sentence.split()) in alt and alt.endswith(".")
    assert ("not recorded" in alt) == ("has no quality variable" not in alt)


def test_a_row_run_at_one_rate_is_drawn_when_chosen(table):
    for row, there in (("can", False), ("can_rho1", True)):
        fig = viz.quality_run(table, "scenes", 0.4, row, 0.3)
        names = fig.axes[0].get_legend_handles_labels()[1]
        assert ("CAN, ρ = 1" in names) is there and "CAN, no quality" not in names
        assert len(fig.axes) == 4 and legible(fig)  # both have a quality


def test_quality_that_was_not_recorded_is_said(table):
    runs = [{**run, "quality": None} for run in of(table, row="can", noise_rate=0.4)]
    fig = viz.quality_run({"multilabel": runs}, "scenes", 0.4, "can", 0.3)
    assert "its quality is not recorded" in words(fig.axes[1])[0]
    later = [run for run in of(table, row="can", noise_rate=0.4) if run["seed"] > 0]
    fig = viz.quality_run({"multilabel": later}, "scenes", 0.4, "can", 0.3)
    assert "t-SNE of the quality:\nnot recorded" in words(fig.axes[1])[0]
    assert fig.axes[2].get_title() == "trusted labels, seed 1"


def test_labels_by_people_have_dots_and_no_noise_rate(table):
    fig, same = (viz.quality_run(table, "cifar10n", rate, "can", 0.3) for rate in (0.4, 0.0))
    dots = fig.axes[0]
    assert [tick.get_text() for tick in dots.get_yticklabels()] == [viz.row_name(row) for row in quality_table.ROWS]
    (icnm,) = [found.lines[0] for found in dots.containers if found.get_label() == "ICNM"]
    assert icnm.get_xdata()[0] == pytest.approx(score(of(table, "cifar10n", row="icnm"))[0])
    assert fig.get_suptitle() == same.get_suptitle() and "P_noise" not in fig.get_suptitle()
    assert "on CIFAR-10N, labels by people" in fig.get_suptitle()
    names = [tick.get_text() for tick in fig.axes[2].get_xticklabels()]
    assert names[0] == "airplane" and legible(fig)


def test_words_of_a_run_name_the_highest(table):
    best = score(of(table, row="can", noise_rate=0.6))[0]
    alt = viz.quality_run_alt(table, "scenes", 0.6, "learnq", 0.3)
    assert f"the highest is {best:.1f} %, of CAN" in alt
    assert "the highest of 6 methods" in viz.quality_run_alt(table, "scenes", 0.6, "can", 0.3)


# ---- the widget


def test_quality_explorer_offers_what_is_recorded(table):
    shown = widgets.quality_explorer(table)
    assert shown.values == viz.quality_choices(table)
    assert shown.choice == {"dataset": "scenes", "noise_rate": 0.4, "lambda_mi": 0.3, "row": "can"}
    assert [label for label, _ in shown.controls["dataset"].options] == ["scenes", "MNIST", "CIFAR-10N"]
    assert [label for label, _ in shown.controls["row"].options][4:6] == ["Bootstrap (hard)", "CAN"]
    assert [control.description for control in shown.controls.values()] == ["data", "P_noise", "λ of CAN", "method"]


def test_quality_explorer_follows_its_controls():
    small = quality_table.table(("scenes",), ("bce", "can"), (0.0, 0.4), (0,), lambdas=(2.0,), sizes=(), variants=(),
                                points=20)  # fmt: skip
    shown = widgets.quality_explorer(small)
    shown.controls["lambda_mi"].value = 2.0
    fig, text = shown.figure()
    assert fig.get_suptitle().startswith("CAN (λ = 2) on scenes, P_noise 0.4: mAP") and "1 seed)" in fig.get_suptitle()
    assert text == viz.quality_run_alt(small, "scenes", 0.4, "can", 2.0)
    assert shown.drive(most=0) == 8  # every value of each control: 2 + 2 + 2 + 2
    assert widgets.ERRORS == []


def test_exploring_qualities_needs_no_torch(root):
    code = (
        "import sys; sys.path.insert(0, 'tests'); import quality_table; from lnlkit import widgets; "
        "small = quality_table.table(('scenes',), ('bce', 'can'), (0.4,), (0,), lambdas=(), sizes=(), points=20); "
        "widgets.quality_explorer(small).redraw(); "
        "print(widgets.ERRORS, [name for name in ('torch', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[] []"
