"""The explorer of notebook 02 offers what was recorded, marks what is chosen, redraws what changed, needs no torch."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import small_quality
from figures import legible, words

from lnlkit import widgets
from lnlkit.viz import quality_embedding as paper_02
from lnlkit.viz.lines import t_interval
from lnlkit.viz.quality_embedding import explorer

START = {"dataset": "scenes", "noise_rate": 0.4, "row": "can", "lambda_mi": 0.3}


@pytest.fixture(scope="module")
def table():
    return small_quality.table(points=20)


@pytest.fixture(scope="module")
def picture(table):
    return paper_02.pictures(table)["quality"]


def drawn(picture, **choice):
    """The figure of the first choice with some of its values changed, and its description."""
    fig = picture.draw(**(START | choice))
    return fig, fig.get_label()


def score(runs):
    low, high = t_interval(100 * runs["best_val"])
    return 100 * runs["best_val"].mean(), (high - low) / 2


def of(table, **fields):
    runs = table.runs
    for name, value in fields.items():
        runs = runs[runs[name].isna() if value is None else runs[name] == value]
    return runs


def test_every_choice_offered_was_recorded_and_every_one_recorded_is_offered(table, picture):
    offered = picture.offered
    assert list(offered.columns) == list(picture.labels) and len(offered) == len(offered.drop_duplicates())
    rows, lambdas = len(small_quality.ROWS), len(small_quality.LAMBDAS)
    assert len(offered) == 2 * (6 * rows + lambdas + len(small_quality.VARIANTS)) + rows
    people, plain = offered[offered["dataset"] == "cifar10n"], offered[offered["row"] == "bce"]
    assert people["noise_rate"].isna().all() and plain["lambda_mi"].isna().all()
    assert set(offered[offered["row"] == "can"]["lambda_mi"]) == {0, 0.2, 0.3, 0.5, 1, 2, 5, 10}
    assert offered["dataset"].unique().tolist() == ["scenes", "mnist", "cifar10n"]
    assert picture.names["row"]("bootstrap_hard") == "Bootstrap (hard)" and picture.names["dataset"]("mnist") == "MNIST"


def test_the_picture_marks_the_setting(table, picture):
    drawn(picture)  # another one before
    fig, said = drawn(picture, noise_rate=0.6)
    own = of(table, dataset="scenes", row="can", noise_rate=0.6)
    mean, half = score(own)
    assert tuple(*picture.marks["ring"].get_xydata()) == (0.6, pytest.approx(mean))
    assert list(picture.marks["line"].get_xdata()) == [0.6, 0.6] and len(picture.marks) == 2
    heading = (f"CAN (λ = 0.3) on scenes, P_noise 0.6: mAP {mean:.1f} ± {half:.1f} % "
               "(54 % of the label vectors wrong; 3 seeds)")  # fmt: skip
    assert fig.get_suptitle() == heading and said.startswith(heading) and "the highest of 6 methods" in said
    details = table.details[own["key"].iloc[0]]  # of seed 0
    np.testing.assert_allclose(picture.points.collections[0].get_offsets(), details["embedding"]["x"])
    for ax, name in ((picture.trusted, "trusted"), (picture.untrusted, "untrusted")):
        cells = np.ma.masked_array(ax.collections[0].get_array()).reshape(10, 10).filled(0)
        np.testing.assert_allclose(cells, 100 * np.array(details[name]))
        assert ax.get_title() == f"{name} labels"
    assert picture.trusted.collections[0].get_clim() == picture.untrusted.collections[0].get_clim()
    assert not picture.instead.get_visible() and legible(fig)


def test_lines_have_the_numbers_of_the_quality_and_say_where_there_are_none(table, picture):
    drawn(picture)
    own = of(table, dataset="scenes", row="can", noise_rate=0.4, size=1.0, lambda_mi=None)
    mean = own[["trust_auc", "distance_auc", "loss_auc"]].mean()
    text = "\n".join(words(picture.numbers))
    assert f"two clusters {mean['trust_auc']:.2f},\nof the distance {mean['distance_auc']:.2f}, of the loss" in text
    for sentence in ("untrusted: 40 %", "wrong labels 82 % are flagged", "flagged 44 % are wrong", "mean of 3 seeds",
                     "44 % of the wrong corrected", "6 % of the right spoiled"):  # fmt: skip
        assert sentence in text
    _, said = drawn(picture, dataset="mnist", noise_rate=0.0)
    assert "10 % of the items. No AUC and no recall" in said and "nan" not in said


def test_another_lambda_and_an_ablation_are_dots_with_their_names(table, picture):
    fig, _ = drawn(picture, lambda_mi=5.0)
    mean = score(of(table, dataset="scenes", row="can", lambda_mi=5.0))[0]
    assert [picture.marks[name].get_ydata()[0] for name in ("ring", "dot")] == [pytest.approx(mean)] * 2
    assert picture.marks["name"].get_text() == "λ = 5"
    assert fig.get_suptitle().startswith("CAN (λ = 5) on scenes") and legible(fig)
    fig, _ = drawn(picture, row="can_rho1")
    assert picture.marks["name"].get_text() == "CAN, ρ = 1" and picture.trusted.get_visible() and legible(fig)
    drawn(picture)
    assert len(picture.marks) == 2


def test_a_method_without_quality_says_so_and_what_is_highest(table, picture):
    best = score(of(table, dataset="mnist", row="can", noise_rate=0.6))[0]
    fig, said = drawn(picture, dataset="mnist", noise_rate=0.6, row="learnq", lambda_mi=None)
    assert f"the highest is {best:.1f} %, of CAN" in said and said.endswith("CAN has one.")
    assert "LearnQ: no quality variable is recorded" in words(picture.instead)[0] and legible(fig)
    assert not any(ax.get_visible() for ax in (picture.points, picture.numbers, picture.trusted, picture.scale))
    assert "CAN, no quality: no quality variable" in drawn(picture, row="can_no_quality")[1]


def test_quality_that_was_not_recorded_is_said(table):
    few = of(table, dataset="scenes", row="can", noise_rate=0.4, size=1.0)
    bare = {key: {"ap": table.details[key]["ap"]} for key in few["key"]}
    _, said = drawn(paper_02.pictures(replace(table, runs=few, details=bare))["quality"])
    assert "CAN: no quality variable is recorded" in said
    later = paper_02.pictures(replace(table, runs=few[few["seed"] > 0]))["quality"]
    drawn(later)
    assert "t-SNE of the quality:\nnot recorded" in words(later.points)[0]


def test_labels_by_people_have_dots_and_no_noise_rate(table, picture):
    fig, _ = drawn(picture, dataset="cifar10n", noise_rate=None, row="icnm", lambda_mi=None)
    assert words(picture.curves)[:6] == [picture.names["row"](row) for row in small_quality.ROWS]
    own = score(of(table, dataset="cifar10n", row="icnm"))[0]
    assert tuple(*picture.marks["ring"].get_xydata()) == (pytest.approx(own), 2)
    low, high = picture.curves.get_xlim()
    assert low < own < high and low > 20 and "line" not in picture.marks
    assert "on CIFAR-10N, labels by people" in fig.get_suptitle() and "P_noise" not in fig.get_suptitle()
    fig, _ = drawn(picture, dataset="cifar10n", noise_rate=None)
    assert [tick.get_text() for tick in picture.trusted.get_xticklabels()][0] == "airplane" and legible(fig)


def test_a_step_redraws_what_depends_on_it_alone(table, monkeypatch):
    calls = []
    of = {"quality_map": explorer.figures, "transition_panel": explorer, "by_row": explorer}
    for name, module in of.items():
        original = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, name=name, f=original, **k: calls.append(name) or f(*a, **k))
    picture = paper_02.pictures(table)["quality"]
    drawn(picture)
    assert sorted(calls) == ["by_row", "quality_map", "transition_panel", "transition_panel"]
    calls.clear()
    drawn(picture, lambda_mi=2.0)
    assert calls == ["quality_map"]  # the matrices change their colours
    calls.clear()
    drawn(picture, row="bce", lambda_mi=None)
    drawn(picture, lambda_mi=2.0)
    assert calls == []
    drawn(picture, dataset="mnist")
    assert calls == ["by_row", "quality_map"]


def test_the_tour_draws_every_offered_choice_without_torch(root):
    small = "small_quality.table(('scenes',), ('bce', 'can'), (0.4,), (0,), lambdas=(2.0,), sizes=(), points=20)"
    code = (
        "import sys; sys.path.insert(0, 'tests'); import small_quality; from lnlkit import widgets; "
        "from lnlkit.viz import quality_embedding; "
        f"shown = widgets.Explorer(quality_embedding.pictures({small})['quality']); print(shown.choice, shown.drive(), "
        "widgets.ERRORS, [name for name in ('torch', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{START} 7 [] []"  # one noise only: dots, the ablations among them


def test_controls_return_to_the_usual_value_where_they_matter_again(picture):
    shown = widgets.Explorer(picture)
    assert shown.choice == START
    shown.controls["dataset"].value = "cifar10n"
    assert shown.controls["noise_rate"].disabled and shown.choice["noise_rate"] == widgets.explorer.NOTHING
    shown.controls["dataset"].value = "mnist"
    assert shown.choice == START | {"dataset": "mnist"} and widgets.ERRORS == []
