"""Figures of Paper 01 draw what they are given, and its explorer offers and draws what was recorded."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import synthetic
from figures import legible, line, words

from lnlkit import papers, recorded, viz, widgets
from lnlkit.viz import cvae_augmentation as paper_01
from lnlkit.viz.cvae_augmentation import MEASURED

pytestmark = pytest.mark.usefixtures("leaves_no_trace")


@pytest.fixture(scope="module")
def table():
    return synthetic.table()


@pytest.fixture(scope="module")
def picture(table):
    return paper_01.pictures(table)["noise"]


def drawn_lines(ax):
    """The data of all lines, rounded, so that they can be looked for."""
    return [tuple(np.asarray(drawn.get_ydata(), float).round(6)) for drawn in ax.lines]


# ---- the noise, the conditional VAE


def test_thresholds_leave_the_wanted_number_of_scores_at_or_above():
    score = np.random.default_rng(1).random(230)
    fig = paper_01.score_thresholds(score, [0.3, 0.0, 0.1])
    (ax,) = fig.axes
    at = [float(drawn.get_xdata()[0]) for drawn in ax.lines]
    assert [int((score >= x).sum()) for x in at] == [23, 69]
    assert sum(patch.get_height() for patch in ax.patches) == 230
    assert f"{at[0]:.3f} at rate 0.1" in viz.description(fig)


def test_the_diagram_reads_its_sizes_off_the_network():
    torch = pytest.importorskip("torch")
    from lnlkit.models import ConditionalVAE

    torch.manual_seed(0)
    drawn = words(paper_01.architecture(ConditionalVAE((1, 8, 8), 10, latent=7, hidden=33)).axes[0])
    told = {"image_shape": (1, 8, 8), "n_classes": 10, "latent": 7, "encoder": [33, 33], "decoder": [33, 33, 64]}
    assert drawn == words(paper_01.architecture(told).axes[0])
    joined = "\n".join(drawn)
    for text in ("74 → 33 → 33", "17 → 33 → 33 → 64", "1 × 8 × 8", "one-hot, 10", "μ\n7"):
        assert text in joined


def test_each_part_of_the_loss_is_a_panel_with_the_mean_over_seeds():
    cells = [(seed, rate, epoch) for seed in (0, 1) for rate in (0.0, 0.4) for epoch in (1, 2, 3)]
    losses = pd.DataFrame(cells, columns=["seed", "noise_rate", "epoch"])
    losses["reconstruction"] = 90 - losses["epoch"] + 4 * losses["noise_rate"] + losses["seed"]
    losses["kl"] = losses["epoch"] + losses["noise_rate"]
    losses["total"] = losses["reconstruction"] + losses["kl"]
    fig = paper_01.loss_split(losses)
    means = losses.groupby(["noise_rate", "epoch"]).mean()
    for ax, part in zip(fig.axes, ("total", "reconstruction", "kl"), strict=True):
        for rate in (0.0, 0.4):
            assert tuple(means.loc[rate, part].round(6)) in drawn_lines(ax)
    assert f"total: {means.loc[(0.0, 3), 'total']:.2f} at rate 0," in viz.description(fig)
    fig = paper_01.loss_split(losses, ["kl", "reconstruction"], "nats more")
    assert [ax.get_title() for ax in fig.axes] == ["KL divergence", "reconstruction"]
    assert fig.axes[0].get_ylabel() == "nats more"


# ---- the experiment


def test_the_best_noisy_validation_epoch_is_marked_and_told(table):
    epochs = table.epochs.query("row == 'seal' and noise == 'symmetric' and noise_rate in [0.1, 0.4]")
    fig = paper_01.train_validation(epochs)
    axes = np.reshape(fig.axes, (2, 2))
    assert [ax.get_title() for ax in axes[0]] == ["10% wrong", "40% wrong"]
    of = epochs.query("noise_rate == 0.4").groupby("epoch").mean(numeric_only=True)
    for ax, keys in ((axes[0, 1], ["train_acc", "val_acc"]), (axes[1, 1], ["loss", "val_loss"])):
        assert drawn_lines(ax)[:2] == [tuple(of[key].round(6)) for key in keys]
    assert [text.get_text() for text in fig.legends[0].get_texts()][:2] == ["training", "validation"]
    best = next(drawn for drawn in axes[0, 1].lines if drawn.get_label() == "best validation epoch")
    assert list(best.get_xdata()) == [of["val_acc"].idxmax()] * 2
    runs = table.runs.query("row == 'seal' and noise == 'symmetric' and noise_rate == 0.4")
    assert f"40% wrong {1 + runs['best_epoch'].mean():.1f}." in viz.description(fig)


def test_paper_and_our_values_stand_on_the_methods_line(table):
    published, runs = papers.load("01").tables["table-1"], table.runs.query("noise == 'model_idn' and row != 'gce'")
    fig = paper_01.paper_against_ours(published, runs)
    ax = fig.axes[0]
    rows = [tick.get_text() for tick in ax.get_yticklabels()]
    assert rows == [row.label for row in papers.load("01").rows.values() if row.id != "ce_long"]
    marks = {(drawn.get_marker(), round(float(x), 6), y) for drawn in ax.lines if drawn.get_markersize() > 6
             for x, y in zip(*drawn.get_data(), strict=True) if np.isfinite(x)}  # fmt: skip
    ours = 100 * runs.query("noise_rate == 0.1 and row == 'ce_affine'")["best_val"]
    assert {("D", 94.07, 0), ("|", round(ours.mean(), 6), 1), ("D", 94.56, rows.index("GCE"))} <= marks
    assert not [mark for mark in marks if mark[0] == "D" and mark[2] == 1]  # our control: nothing is published
    assert not [mark for mark in marks if mark[0] == "|" and mark[2] == rows.index("GCE")]  # not run
    dots = np.concatenate([dot.get_offsets() for dot in ax.collections if dot.get_offsets().shape[1:] == (2,)])
    assert {(round(value, 6), 1) for value in ours} <= {(round(float(x), 6), y) for x, y in dots}
    sds = [ends[:, 0] for bars in ax.collections if hasattr(bars, "get_segments")
           for ends in bars.get_segments() if len(ends)]  # fmt: skip
    assert any(np.allclose(ends, [94.07 - 0.29, 94.07 + 0.29]) for ends in sds)


def test_an_own_run_has_its_star_and_its_title(table):
    epochs = table.epochs.query("row == 'dac' and noise == 'symmetric' and noise_rate == 0.2 and seed == 1")
    fig = paper_01.own_run(epochs, "DAC, rate 0.2")
    run = table.runs.set_index("key").loc[epochs["key"].iloc[0]]
    star = next(drawn for drawn in fig.axes[0].lines if drawn.get_marker() == "*")
    np.testing.assert_allclose(star.get_xydata(), [[run["best_epoch"] + 1, run["best_val"]]])
    assert f"{100 * run['best_val']:.1f} % at the best" in viz.description(fig)
    assert f"{100 * run['last']:.1f} % at the last one" in viz.description(fig)


# ---- the recorded table


def test_the_overview_subtracts_ce_seed_by_seed(table):
    fig = paper_01.overview(table)
    accuracy, more = fig.axes
    assert accuracy.get_title() == "instance-dependent noise"
    runs = table.runs.query("noise == 'model_idn'").assign(value=lambda frame: 100 * frame["best_val"])
    by_seed = runs.pivot(index=["noise_rate", "seed"], columns="row", values="value")
    for row in ("cvae_augmentation", "seal", "gce"):  # strong, strong, pale
        means = by_seed[row].groupby("noise_rate").mean().dropna()
        assert tuple(means.round(6)) in drawn_lines(accuracy), row
        means = by_seed[row].sub(by_seed["ce"]).groupby("noise_rate").mean().dropna()
        assert tuple(means.round(6)) in drawn_lines(more), row
    assert {text.get_text() for text in more.texts} == {
        "CE", "CE + affine", "SEAL", "CVAE augmentation", "CVAE, clean-label oracle"}  # fmt: skip
    assert f"SEAL {by_seed.loc[0.4, 'seal'].mean():.1f} %" in viz.description(fig)
    assert "n\u00a0=\u00a03" in fig.get_supxlabel() and "5 further methods" in fig.get_supxlabel()


def test_the_overview_of_the_shipped_runs_is_legible():
    assert legible(paper_01.overview(recorded.load("01")))


def test_the_overview_tells_unequal_seeds():
    table = synthetic.table(("ce", "seal"), ("symmetric",), (0.1, 0.4), (0, 1))
    table.runs.drop(table.runs.index[-1], inplace=True)
    assert "n\u00a0=\u00a01\u00a0to\u00a02" in paper_01.overview(table).get_supxlabel()


def test_the_explorer_offers_what_was_recorded_in_the_papers_order(table, picture):
    assert list(picture.offered.columns) == ["noise", "noise_rate", "row"]
    offered = set(picture.offered.itertuples(index=False, name=None))
    recorded_too = set(table.runs[["noise", "noise_rate", "row"]].itertuples(index=False, name=None))
    of_all_kinds = {(noise, 0.0, row) for noise in synthetic.KINDS for row in ("ce", "cvae_augmentation")}
    assert offered == recorded_too | of_all_kinds  # without noise all kinds are the same
    explorer = widgets.Explorer(picture)
    assert explorer.choice == {"noise": "model_idn", "noise_rate": 0.2, "row": "cvae_augmentation"}
    assert [value for _, value in explorer.controls["noise"].options] == list(synthetic.KINDS)
    assert [value for _, value in explorer.controls["row"].options] == list(synthetic.ROWS)
    explorer.controls["noise_rate"].value = 0.0
    assert [label for label, _ in explorer.controls["row"].options] == ["CE", "CVAE augmentation"]


def test_the_explorer_draws_means_stars_matrix_and_wrong_labels(table, picture):
    fig = picture.draw(noise="asymmetric", noise_rate=0.4, row="seal")
    runs = table.runs.query("noise == 'asymmetric' and noise_rate == 0.4")
    epochs = table.epochs.query("noise == 'asymmetric' and noise_rate == 0.4")
    means = epochs.groupby(["row", "epoch"]).mean(numeric_only=True)
    for key, (label, *_) in MEASURED.items():
        np.testing.assert_allclose(line(picture.curves, label)[1], means.loc["seal", key])
    np.testing.assert_allclose(line(picture.curves, "CE, clean test (for comparison)")[1], means.loc["ce", "test_acc"])
    seal = runs.query("row == 'seal'")
    star = next(drawn for drawn in picture.curves.lines if drawn.get_marker() == "*")
    assert sorted(map(tuple, star.get_xydata())) == sorted(zip(seal["best_epoch"] + 1, seal["best_val"], strict=True))
    T = np.mean(table.matrices.query("noise == 'asymmetric' and noise_rate == 0.4")["T"].tolist(), axis=0)
    heat = np.ma.masked_array(picture.matrix.collections[0].get_array()).reshape(10, 10)
    np.testing.assert_allclose(heat.filled(0), 100 * T * (1 - np.eye(10)))
    assert len(picture.points.collections[1].get_offsets()) == 24  # 0.4 of 60
    assert picture.points.get_xlabel().startswith("55 %")
    said = viz.description(fig)
    assert f"clean-test accuracy {100 * seal['best_val'].mean():.1f} % at the best" in said
    assert f"CE has {100 * runs.query('''row == 'ce' ''')['best_val'].mean():.1f} %" in said
    assert "SEAL, asymmetric noise, rate 0.4 (realised 0.400; 3 seeds)" in said and said.startswith(fig.get_suptitle())


def test_a_change_of_method_leaves_matrix_and_points_alone(table, monkeypatch):
    drawn, picture = [], paper_01.pictures(table)["noise"]
    for name in ("_curves", "_matrix", "_points"):
        monkeypatch.setattr(picture, name, lambda ax, *_, name=name: drawn.append(name))
    for rate, row in ((0.1, "dac"), (0.1, "dmi"), (0.2, "dmi")):
        picture.draw(noise="symmetric", noise_rate=rate, row=row)
    assert drawn == ["_curves", "_matrix", "_points", "_curves", "_curves", "_matrix", "_points"]


def test_without_noise_every_kind_shows_the_same_runs_and_no_cross(picture):
    said = {viz.description(picture.draw(noise=noise, noise_rate=0.0, row="ce")).split(":")[1]
            for noise in ("model_idn", "symmetric")}  # fmt: skip
    assert len(said) == 1
    assert len(picture.points.collections[1].get_offsets()) == 0
    with pytest.raises(StopIteration):
        line(picture.curves, "CE, clean test (for comparison)")  # it is CE


def test_accuracy_axes_agree_between_settings(picture):
    limits = set()
    for rate in (0.1, 0.2):
        picture.draw(noise="symmetric", noise_rate=rate, row="ce")
        limits.add(picture.curves.get_ylim())
    assert len(limits) == 1


def test_every_value_of_the_shipped_explorer_is_drawn_without_torch(root):
    code = """
import sys
from lnlkit import recorded, viz
from lnlkit.viz import cvae_augmentation

picture = cvae_augmentation.pictures(recorded.load("01"))["noise"]
tour = [picture.offered.drop_duplicates(names) for names in (["noise", "noise_rate"], ["row"])]
print([len(part) for part in tour])
said = {viz.description(picture.draw(**choice)) for part in tour for choice in part.to_dict("records")}
print(len(said), len(viz.bundle(picture.fig)), [name for name in ("torch", "sklearn") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["[11, 11]", "21 2 []"]
