"""Figures draw what they are given: artists and texts are compared with the data, not pixels."""

import base64

import numpy as np
import pytest
import synthetic
from figures import words
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from lnlkit import viz

pytestmark = pytest.mark.usefixtures("leaves_no_trace")

T = np.array([[0.7, 0.2, 0.1], [0.004, 0.996, 0.0], [0.25, 0.15, 0.6]])


@pytest.fixture(scope="module")
def table():
    return synthetic.table()


def line(ax, label):
    """The data of the line with this label."""
    return next(np.asarray(drawn.get_ydata()) for drawn in ax.lines if drawn.get_label() == label)


# ---- showing


# ---- matrices


# ---- embeddings

COORDS = np.array([[0.0, 0], [1, 0], [2, 0], [10, 5], [11, 5], [12, 6]])
CLEAN, NOISY = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 0, 1, 1, 0])


# ---- images and scores


def test_thresholds_leave_the_wanted_number_of_scores_at_or_above(ax):
    score = np.random.default_rng(1).random(230)
    assert viz.score_thresholds(score, [0.3, 0.0, 0.1], ax) is ax
    at = [float(drawn.get_xdata()[0]) for drawn in ax.lines]
    assert [int((score >= x).sum()) for x in at] == [23, 69]
    assert sum(patch.get_height() for patch in ax.patches) == 230


# ---- training


def test_loss_split_adds_the_parts():
    history = [{"reconstruction": 100.0, "kl": 5.0}, {"reconstruction": 80.0, "kl": 9.0}]
    total, reconstruction, kl = viz.loss_split({0.0: history, 0.4: history[::-1]}).axes
    np.testing.assert_allclose(line(total, "0"), [105, 89])
    np.testing.assert_allclose(line(reconstruction, "0.4"), [80, 100])
    np.testing.assert_allclose(line(kl, "0"), [5, 9])


def test_train_validation_marks_the_best_noisy_validation_epoch():
    history = {"train_acc": [0.5, 0.8, 0.9], "val_acc": [[0.4, 0.7, 0.6], [0.4, 0.8, 0.7]],
               "loss": [1.0, 0.5, 0.2], "val_loss": [1.1, 0.9, 1.3]}  # fmt: skip
    above, below = viz.train_validation({"rate 0.1": history}).axes
    np.testing.assert_allclose(line(above, "validation"), [0.4, 0.75, 0.65])
    np.testing.assert_allclose(line(below, "training"), [1.0, 0.5, 0.2])
    best = next(drawn for drawn in above.lines if drawn.get_label() == "best validation epoch")
    assert list(best.get_xdata()) == [2, 2]


def test_train_validation_takes_what_fit_returns():
    epochs = [{"train_acc": 0.5, "val_acc": 0.4, "loss": 1.0, "val_loss": 1.1},
              {"train_acc": 0.8, "val_acc": 0.3, "loss": 0.5, "val_loss": 1.2}]  # fmt: skip
    above, below = viz.train_validation({"rate 0.1": epochs}).axes
    np.testing.assert_allclose(line(above, "training"), [0.5, 0.8])
    np.testing.assert_allclose(line(below, "validation"), [1.1, 1.2])


# ---- results


def test_paper_and_our_values_stand_on_the_methods_line():
    fig = viz.paper_against_ours(
        {"ce": {0.1: (94.07, 0.29), 0.2: 85.6}, "seal": {0.1: (96.75, 0.08)}},
        {"ce": {0.1: [93.0, 95.0]}, "ce_affine": {0.2: [90.0]}},
    )
    left, right = fig.axes
    assert [tick.get_text() for tick in left.get_yticklabels()] == ["CE", "SEAL", "CE + affine"]
    marks = {(drawn.get_marker(), x, y) for drawn in left.lines for x, y in zip(*drawn.get_data(), strict=True)}
    assert {("D", 94.07, 0), ("D", 96.75, 1), ("o", 93.0, 0), ("o", 95.0, 0), ("|", 94.0, 0)} <= marks
    assert not [mark for mark in marks if mark[2] == 2]  # no value at this rate on either side
    assert {drawn.get_marker() for drawn in right.lines} >= {"D", "o"}
    (spread,) = [bars for bars in left.collections if len(bars.get_segments()) and bars.get_segments()[0][0][1] == 0]
    np.testing.assert_allclose(spread.get_segments()[0][:, 0], [94.07 - 0.29, 94.07 + 0.29])


def test_the_diagram_reads_its_sizes_off_the_network():
    torch = pytest.importorskip("torch")
    from lnlkit.models import ConditionalVAE

    torch.manual_seed(0)
    drawn = words(viz.architecture(ConditionalVAE((1, 8, 8), 10, latent=7, hidden=33)).axes[0])
    told = {"image_shape": (1, 8, 8), "n_classes": 10, "latent": 7, "encoder": [33, 33], "decoder": [33, 33, 64]}
    assert drawn == words(viz.architecture(told).axes[0])
    joined = "\n".join(drawn)
    for text in ("74 → 33 → 33", "17 → 33 → 33 → 64", "1 × 8 × 8", "one-hot, 10", "μ\n7"):
        assert text in joined


# ---- the recorded table


def test_recorded_run_draws_means_and_stars(table):
    fig = viz.recorded_run(table, "asymmetric", 0.3, "seal")
    runs = [r for r in table["runs"] if (r["noise"], r["noise_rate"], r["row"]) == ("asymmetric", 0.3, "seal")]
    ax = fig.axes[0]
    for key, label in (("train_acc", "training, noisy labels"), ("val_acc", "validation, noisy labels"),
                       ("test_acc", "test, clean labels")):  # fmt: skip
        np.testing.assert_allclose(line(ax, label), np.mean([r["history"][key] for r in runs], axis=0))
    stars = next(drawn for drawn in ax.lines if drawn.get_marker() == "*")
    np.testing.assert_allclose(stars.get_ydata(), [r["best_val"] for r in runs])
    np.testing.assert_allclose(stars.get_xdata(), [r["best_epoch"] + 1 for r in runs])
    title = fig.get_suptitle()
    assert "SEAL" in title and "rate 0.3" in title and "realised 0.300" in title and "3 seeds" in title


def test_recorded_run_keeps_ce_behind_for_comparison(table):
    runs = [r for r in table["runs"] if (r["noise"], r["noise_rate"], r["row"]) == ("symmetric", 0.2, "ce")]
    behind = line(viz.recorded_run(table, "symmetric", 0.2, "gce").axes[0], "CE, clean test (for comparison)")
    np.testing.assert_allclose(behind, np.mean([r["history"]["test_acc"] for r in runs], axis=0))
    with pytest.raises(StopIteration):
        line(viz.recorded_run(table, "symmetric", 0.2, "ce").axes[0], "CE, clean test (for comparison)")


def test_recorded_run_shows_the_mean_matrix_and_the_wrong_labels(table):
    _, heat, points = viz.recorded_run(table, "symmetric", 0.4, "ce").axes
    T = np.mean([m["T"] for m in table["matrices"] if (m["noise"], m["noise_rate"]) == ("symmetric", 0.4)], axis=0)
    drawn = np.ma.masked_array(heat.collections[0].get_array()).reshape(10, 10).filled(0)
    np.testing.assert_allclose(drawn, 100 * T * (1 - np.eye(10)))
    assert len(points.collections[1].get_offsets()) == 24  # 0.4 of 60
    assert points.get_xlabel().startswith("55 %")


def test_accuracy_axes_agree_between_settings(table):
    limits = {viz.recorded_run(table, "symmetric", rate, "ce").axes[0].get_ylim() for rate in (0.1, 0.2)}
    assert len(limits) == 1


def test_a_setting_that_is_not_recorded_says_so(table):
    fig = viz.recorded_run(table, "model_idn", 0.0, "seal")
    assert "SEAL: not recorded" in words(fig.axes[0])[0]
    assert "CE\nCVAE augmentation" in words(fig.axes[0])[0]
    assert len(fig.axes[2].collections[1].get_offsets()) == 0  # the clean labels, none crossed
    nothing = viz.recorded_run(table, "model_idn", 0.77, "seal")
    assert all("not recorded" in words(ax)[0] for ax in nothing.axes)
    assert viz.recorded_run_alt(table, "model_idn", 0.77, "seal").endswith("not recorded.")


def test_rate_zero_belongs_to_every_noise_kind(table):
    assert len(viz.matching(table["runs"], "symmetric", 0.0, "ce")) == 3
    assert viz.matching(table["runs"], "symmetric", 0.0, "seal") == []


def test_alternative_text_of_a_run_has_its_numbers(table):
    runs = viz.matching(table["runs"], "model_idn", 0.2, "dac")
    alt = viz.recorded_run_alt(table, "model_idn", 0.2, "dac")
    assert f"{100 * np.mean([r['best_val'] for r in runs]):.1f} % at the best" in alt
    assert f"{100 * np.mean([r['last'] for r in runs]):.1f} % at the last" in alt
    assert "n = 3" in alt and "instance-dependent" in alt


def test_overview_draws_every_method_against_the_rate(table):
    fig = viz.sweep_overview(table)
    axes = np.reshape(fig.axes, (2, 3))
    assert [ax.get_title() for ax in axes[0]] == ["instance-dependent", "asymmetric", "symmetric"]
    for r, key in enumerate(("best_val", "last")):
        handles, labels = axes[r, 1].get_legend_handles_labels()
        drawn = handles[labels.index("SEAL")].lines[0]
        np.testing.assert_allclose(np.array(drawn.get_xdata(), float), [0.1, 0.2, 0.3, 0.4])
        runs = [viz.matching(table["runs"], "asymmetric", rate, "seal") for rate in (0.1, 0.2, 0.3, 0.4)]
        means = [np.mean([run[key] for run in group]) for group in runs]
        np.testing.assert_allclose(np.array(drawn.get_ydata(), float), means)
    assert len(labels) == 10
    assert len(handles[labels.index("CE")].lines[0].get_xdata()) == 5  # recorded at rate 0, too


def test_overview_of_one_noise_kind_stands_side_by_side_and_tells_unequal_seeds():
    table = synthetic.table(("ce", "seal"), ("symmetric",), (0.1, 0.4), (0, 1))
    del table["runs"][-1]
    fig = viz.sweep_overview(table)
    left, right = fig.axes
    assert left.get_position().y0 == right.get_position().y0
    assert [ax.get_ylabel() for ax in fig.axes] == [
        "accuracy, best noisy-validation epoch", "accuracy, last epoch"]  # fmt: skip
    assert list(left.get_xticks()) == [0.0, 0.1, 0.4]
    assert fig.legends[0].get_title().get_text() == "mean and range over\n1 to 2 seeds"


def test_alternative_text_of_the_overview_names_the_leaders(table):
    best = {}
    for run in table["runs"]:
        if run["noise"] == "symmetric" and run["noise_rate"] == 0.4:
            best.setdefault(run["row"], []).append(run["best_val"])
    row = max(best, key=lambda name: np.mean(best[name]))
    assert f"{viz.row_name(row)} {100 * np.mean(best[row]):.1f} % at 0.4." in viz.sweep_overview_alt(table)


def test_choices_follow_the_papers_order(table):
    offered = viz.choices(table)
    assert offered["noise"] == ["model_idn", "asymmetric", "symmetric"]
    assert offered["noise_rate"] == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert offered["row"] == list(synthetic.ROWS)
