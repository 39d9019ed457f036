"""Figures of Paper 01 draw what they are given, and its explorer offers and draws what was recorded."""

import dataclasses
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import synthetic
from figures import legible, line, words

from lnlkit import recorded, viz, widgets
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


def test_an_own_run_has_its_star_and_its_title(table):
    epochs = table.epochs.query("row == 'dac' and noise == 'symmetric' and noise_rate == 0.2 and seed == 1")
    fig = paper_01.own_run(epochs, "DAC, rate 0.2")
    run = table.runs.set_index("key").loc[epochs["key"].iloc[0]]
    star = next(drawn for drawn in fig.axes[0].lines if drawn.get_marker() == "*")
    np.testing.assert_allclose(star.get_xydata(), [[run["best_epoch"] + 1, run["best_val"]]])
    assert f"{100 * run['best_val']:.1f} % at the best" in viz.description(fig)
    assert f"{100 * run['last']:.1f} % at the last one" in viz.description(fig)


# ---- the recorded table


@pytest.fixture(scope="module")
def with_generators():
    """Runs in which generators say of themselves what they did; class-conditional noise beside that of instances."""
    made = synthetic.table(
        ("ce", "seal", "cvae_augmentation", "cvae_oracle"), ("model_idn", "class_conditional"), (0.2, 0.4)
    )
    runs, rng = made.runs, np.random.default_rng(5)
    noisy = runs["noise_rate"].where(runs["row"] == "cvae_augmentation", 0.0)
    runs["fidelity"] = (0.8 - noisy + 0.02 * rng.random(len(runs))).where(runs["row"].str.startswith("cvae"))
    own = runs["row"] == "cvae_augmentation"
    runs["cvae_reconstruction"] = (80 + 5 * noisy + rng.random(len(runs))).where(own)
    runs["cvae_kl"] = (18 + noisy + rng.random(len(runs))).where(own)
    runs["cvae_total"] = runs["cvae_reconstruction"] + runs["cvae_kl"]
    return made


def test_the_overview_subtracts_ce_seed_by_seed(table):
    fig = paper_01.overview(table)
    more, empty = fig.axes
    runs = table.runs.query("noise == 'model_idn' and noise_rate > 0").assign(value=lambda of: 100 * of["best_val"])
    by_seed = runs.pivot(index=["noise_rate", "seed"], columns="row", values="value")
    for row in ("cvae_augmentation", "ce_affine", "gce"):  # strong, strong, pale
        means = by_seed[row].sub(by_seed["ce"]).groupby("noise_rate").mean().dropna()
        assert tuple(means.round(6)) in drawn_lines(more), row
    assert {text.get_text() for text in more.texts} == {
        "CE", "CE + affine", "CVAE augmentation", "CVAE, clean-label oracle"}  # fmt: skip
    levels = by_seed["ce"].groupby("noise_rate").mean()
    ticks = [tick.get_text() for tick in more.get_xticklabels()]
    assert ticks == [f"{rate:.0%} wrong\nCE {value:.1f} %" for rate, value in levels.items()]
    lead = (by_seed["cvae_augmentation"] - by_seed["ce"]).loc[0.4].mean()
    assert f"CVAE augmentation {lead:+.1f}" in viz.description(fig)
    assert "n\u00a0=\u00a03" in fig.get_supxlabel() and "6 further methods" in fig.get_supxlabel()
    assert words(empty) == ["generated images:\nnot recorded"]


def test_without_ce_there_is_nothing_that_others_have_more():
    with pytest.raises(ValueError, match="`table` must have runs of CE beside the others"):
        paper_01.overview(synthetic.table(("seal",), ("symmetric",), (0.1,), (0, 1)))


def test_fidelity_stands_beside_what_copied_labels_would_give(with_generators):
    fig = paper_01.overview(with_generators)
    ax = fig.axes[1]
    runs = with_generators.runs.query("noise == 'model_idn'")
    own = 100 * runs[runs["row"] == "cvae_augmentation"].groupby("noise_rate")["fidelity"].mean()
    oracle = 100 * runs[runs["row"] == "cvae_oracle"].groupby("noise_rate")["fidelity"].mean()
    assert list(own.index) == [0.0, 0.2, 0.4] and list(oracle.index) == [0.2, 0.4]
    copies = own[0.0] * (1 - own.index.to_numpy())  # the realised rate is the rate in these runs
    assert {tuple(own.round(6)), tuple(oracle.round(6)), tuple(copies.round(6))} <= set(drawn_lines(ax))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "copies its labels", "trained on labels as given", "trained on clean labels"]  # fmt: skip
    assert f"{own[0.4]:.0f} % at rate 0.4" in viz.description(fig)


def test_the_rise_of_the_loss_is_that_over_clean_labels_seed_by_seed(with_generators):
    fig = paper_01.generator_by_rate(with_generators)
    runs = with_generators.runs.query("noise == 'model_idn' and row == 'cvae_augmentation'")
    for column in ("cvae_total", "cvae_reconstruction", "cvae_kl"):
        by_seed = runs.pivot(index="seed", columns="noise_rate", values=column)
        assert tuple(by_seed.sub(by_seed[0.0], axis=0).mean().round(6)) in drawn_lines(fig.axes[0])
    by_seed = runs.pivot(index="seed", columns="noise_rate", values="cvae_total")
    assert f"{(by_seed[0.4] - by_seed[0.0]).mean():+.1f} at rate 0.4" in viz.description(fig)


def test_what_no_run_says_of_its_generator_is_said_to_be_missing(table):
    fig = paper_01.generator_by_rate(table)
    assert [words(ax) for ax in fig.axes] == [
        ["loss of the generator:\nnot recorded"], ["generated images:\nnot recorded"]]  # fmt: skip
    assert "not recorded" in viz.description(fig)


def test_the_same_matrix_stands_over_other_wrong_labels(with_generators):
    fig = paper_01.same_matrix(with_generators, 0.4)
    runs = with_generators.runs.query("row == 'ce' and noise_rate == 0.4").groupby("noise")["best_val"].mean()
    matrices = with_generators.matrices.query("noise_rate == 0.4")
    drawn = {each["noise"]: each for each in with_generators.embedding["noisy"] if each["noise_rate"] == 0.4}
    for kind, heat, points in zip(("class_conditional", "model_idn"), fig.axes[:2], fig.axes[2:], strict=True):
        T = np.mean(matrices[matrices["noise"] == kind]["T"].tolist(), axis=0)
        cells = np.ma.masked_array(heat.collections[0].get_array()).reshape(10, 10)
        np.testing.assert_allclose(cells.filled(0), 100 * T * (1 - np.eye(10)))
        wrong = np.array(drawn[kind]["y"]) != with_generators.embedding["y_clean"]
        crosses = np.array(with_generators.embedding["x"])[wrong]
        np.testing.assert_allclose(np.asarray(points.collections[1].get_offsets()), crosses)
        assert points.get_xlabel() == f"CE: {100 * runs[kind]:.1f} %" and points.get_xlabel()[4:] in viz.description(
            fig
        )
        assert heat.collections[0].norm.vmax == fig.axes[0].collections[0].norm.vmax


def test_the_same_matrix_is_shown_of_seeds_and_rates_that_both_kinds_have(with_generators):
    table = dataclasses.replace(
        with_generators, runs=with_generators.runs.copy(),
        matrices=with_generators.matrices.query("noise == 'model_idn' or seed == 1"))  # fmt: skip
    one = table.runs.query("row == 'ce' and noise_rate == 0.2 and noise == 'model_idn' and seed == 1")[
        "best_val"
    ].item()
    assert f"instance-dependent noise {100 * one:.1f} %" in viz.description(paper_01.same_matrix(table, 0.1 * 2))
    without = dataclasses.replace(with_generators, embedding=None)
    assert [words(ax) for ax in paper_01.same_matrix(without, 0.4).axes[2:]] == [["labels:\nnot recorded"]] * 2
    with pytest.raises(ValueError, match="`rate` must be one at which class_conditional and model_idn"):
        paper_01.same_matrix(table, 0.3)


GUESSES = {"class_conditional": 33, "model_idn": 44}


def test_the_neighbours_stand_beside_their_guesses(table):
    fig = paper_01.neighbours(table, guesses={0.4: 21})
    of = {each["noise_rate"]: each for each in table.embedding["noisy"] if each["noise"] == "model_idn"}
    titles = ["clean", *(f"{rate:.0%} wrong" + " (guess 21 %)" * (rate == 0.4) for rate in of if rate)]
    assert [ax.get_title() for ax in fig.axes][: len(titles)] == titles
    for ax, each in zip(fig.axes[1:], (of[rate] for rate in of if rate), strict=False):
        assert ax.get_xlabel().startswith(f"{100 * each['knn_agreement']:.1f} %")
        assert len(ax.collections[1].get_offsets()) == np.sum(np.array(each["y"]) != table.embedding["y_clean"])
    hidden = paper_01.neighbours(table, guesses={0.4: 21, 0.1: 87}, revealed=False)
    assert [words(ax) for ax in hidden.axes[1:3]] == [["your guess:\n21 %"], ["your guess:\n87 %"]]
    assert not any(ax.collections for ax in hidden.axes[1:]) and legible(hidden)
    assert "21 % at 40% wrong, 87 % at 10% wrong" in viz.description(hidden)
    with pytest.raises(ValueError, match="`table` must hold a t-SNE map"):
        paper_01.neighbours(dataclasses.replace(table, embedding=None))


def test_before_it_is_revealed_the_same_matrix_stands_beside_the_guesses_alone(with_generators):
    fig = paper_01.same_matrix(with_generators, 0.4, guesses=GUESSES, revealed=False)
    assert [len(ax.collections) for ax in fig.axes[:4]] == [1, 1, 0, 0] and legible(fig)
    assert [words(ax) for ax in fig.axes[2:]] == [["your guess:\n33 %"], ["your guess:\n44 %"]]
    assert "CE reaches" not in viz.description(fig) and "instance-dependent noise 44 %" in viz.description(fig)
    shown = paper_01.same_matrix(with_generators, 0.4, guesses=GUESSES)
    assert [ax.get_xlabel().partition(" (")[2] for ax in shown.axes[2:4]] == ["guess 33 %)", "guess 44 %)"]


def test_before_it_is_revealed_the_rise_of_the_loss_has_no_parts(with_generators):
    hidden, shown = (paper_01.generator_by_rate(with_generators, guesses={"kl": 25}, revealed=revealed).axes[0]
                     for revealed in (False, True))  # fmt: skip
    runs = with_generators.runs.query("noise == 'model_idn' and row == 'cvae_augmentation'")
    by_seed = runs.pivot(index="seed", columns="noise_rate", values="cvae_total")
    rise = (by_seed[0.4] - by_seed[0.0]).mean()
    for ax in (hidden, shown):
        (mark,) = [drawn for drawn in ax.lines if drawn.get_marker() == "D"]
        np.testing.assert_allclose(mark.get_xydata(), [[0.4, rise / 4]])
    labels = [[text.get_text() for text in ax.get_legend().get_texts()] for ax in (hidden, shown)]
    assert set(labels[1]) - set(labels[0]) == {"reconstruction", "KL divergence"}
    assert len(hidden.lines) == len(shown.lines) - 2


def test_the_pictures_of_the_shipped_runs_are_legible():
    table = recorded.load("01")
    drawn = [paper_01.overview(table), *(
        fig for revealed in (False, True) for fig in (
            paper_01.same_matrix(table, 0.4, guesses=GUESSES, revealed=revealed),
            paper_01.neighbours(table, guesses={0.1: 100, 0.4: 100}, revealed=revealed),
            paper_01.generator_by_rate(table, guesses={"kl": 90}, revealed=revealed)))]  # fmt: skip
    assert all(map(legible, drawn))


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


def test_labels_that_were_not_kept_leave_the_map_empty():
    table = synthetic.table(("ce",), ("model_idn", "symmetric"), (0.2,), (0,), epochs=2)
    table.embedding["noisy"] = [each for each in table.embedding["noisy"] if each["noise"] == "model_idn"]
    picture = paper_01.pictures(table)["noise"]
    picture.draw(noise="symmetric", noise_rate=0.2, row="ce")
    assert words(picture.points) == ["labels:\nnot recorded"]
    picture.draw(noise="model_idn", noise_rate=0.2, row="ce")
    assert "not recorded" not in "".join(words(picture.points))


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
    runs = recorded.load("01").runs
    kinds = runs.loc[runs["noise_rate"] > 0, ["noise", "noise_rate"]].drop_duplicates()
    tour = [len(kinds) + kinds["noise"].nunique(), runs["row"].nunique()]  # without noise every kind is offered
    assert done.stdout.split("\n")[:2] == [str(tour), f"{sum(tour) - 1} 2 []"]  # where both begin they say the same
