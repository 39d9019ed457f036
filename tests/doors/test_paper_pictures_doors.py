"""Pictures of one paper: tables of another one, columns and rows that are not there, matrices that are none."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import regression_table
import small_echo
import small_features
import small_quality
import synthetic
from refusals import BAD, NAN, Door, check_refusal, standard_tests

from lnlkit import recorded, viz
from lnlkit.data import targets
from lnlkit.viz import choicenet, cvae_augmentation, echoalign, quality_embedding, robust_features
from lnlkit.viz.choicenet.explorers import signed_scores
from lnlkit.viz.choicenet.figures import GRID, correlation_strip
from lnlkit.viz.quality_embedding.figures import quality_map, transition_panel

ONE = synthetic.table(("ce", "seal", "cvae_augmentation"), ("symmetric",), (0.1, 0.4), (0, 1), epochs=3, points=20)
BOTH = synthetic.table(("ce",), ("class_conditional", "model_idn"), (0.4,), (0,), epochs=3, points=20)
TWO = small_quality.table(("scenes", "mnist"), ("bce", "can"), (0.0, 0.4), (0, 1), lambdas=(0.0, 1.0), sizes=(0.5, 1.0),
                          points=8)  # fmt: skip
THREE = small_features.table(rates=(0.0, 0.6), flips=(), seeds=(0, 1), rivals=("ce",), epochs=3, points=20,
                             ablation=("a_b", "robust_features"), schedules=("500 images",))  # fmt: skip
FOUR = small_echo.table(("ce", "coteaching", "bltm", "echoalign", "echoalign_shift"), (("pairflip", 0.45),), (0, 1),
                        tried=("threshold 0.5", "threshold 0.9"))  # fmt: skip
FIVE = regression_table.made_up(datasets=("diabetes", "step"), rows=("l2", "mdn", "choicenet_regression"), seeds=(0, 1),
                                runs=[regression_table.classified("ce", "digits", 0.2, 0, 0.9)])  # fmt: skip
WALKED = regression_table.made_up(datasets=("step",), runs=[
    regression_table.diagnosed("choicenet", "digits", 0.5, seed, 0.9, 0.0) for seed in (0, 1)])  # fmt: skip
PULLS = pd.DataFrame({"ce": [0.9, 0.1]}, index=[0.1, 0.9])


def with_runs(table, runs):
    return dataclasses.replace(table, runs=runs)


def tables(own, other, *columns):
    """What is no recorded table of a notebook; without its columns, in turn."""
    return {"nothing": None, "text": "01", "runs": own.runs, "dict": {"runs": []}, "another paper's": other,
            "no runs": with_runs(own, own.runs[:0]), "no columns": with_runs(own, pd.DataFrame()),
            "a row of nobody": with_runs(own, own.runs.assign(row="mine"))} | {
                f"no {name}": with_runs(own, own.runs.drop(columns=name)) for name in columns}  # fmt: skip


def frames(good, *columns):
    return {"nothing": None, "list": [], "empty": good[:0], "series": good["noise_rate"]} | {
        f"no {name}": good.drop(columns=name) for name in columns} | {
        f"texts in {name}": good.assign(**{name: "high"}) for name in columns if good[name].dtype.kind == "f"
        and name not in ("noise_rate", "loss", "val_loss")}  # fmt: skip


EPOCHS = ONE.epochs.query("row == 'seal' and noise_rate > 0")
OWN = THREE.epochs.query("row == 'ce' and noise_rate > 0 and seed == 0")
RUNS = ONE.runs.query("row == 'seal' and noise_rate > 0")
LOSSES = pd.DataFrame({"noise_rate": [0.0, 0.0], "epoch": [1, 2], "total": [3.0, 2.0], "kl": [1.0, 0.5]})
SIZES = {"image_shape": (1, 8, 8), "n_classes": 10, "latent": 2, "encoder": [9], "decoder": [9]}
MAIN = quality_embedding.main_runs(TWO.runs).query("size == 1 and lambda_mi == 0.3")
PEOPLE = TWO.runs.query("dataset == 'cifar10n'")
MAP = {"x": [[0, 0], [1, 0], [5, 5]], "wrong": [0, 1, 1], "flagged": [0, 0, 1], "disagrees": [1, 0, 1]}
T = np.array([[0.9, 0.1], [0.0, 0.0]])
COSTS = pd.DataFrame({"copy": [2.0, 4.0], "explain": [3.0, 2.0]}, index=[0.6, 0.9])
SHARES = pd.DataFrame({"corrected": [0.0, 1.0], "copied": [1.0, 0.0]}, index=[0.6, 0.9])
SIGNALS = pd.DataFrame({"bce": [0.1, 2.5], "can": [0.2, -0.6]}, index=["cat", "dog"])
POINTS = targets.sample("step", 30, 0.2, 0)
RHO = np.stack([np.ones(61), np.linspace(-1, 1, 61)], 1)
CURVES = {"fit": GRID, "rho": RHO, "pi": np.full((61, 2), 0.5)}
FIT = {"mdn": GRID}


def ax():
    return viz.panels(width=2, height=2)[1]


NO_T = {"nothing": None, "text": "T", "row": T[0], "not square": T[:1], "nan": T * NAN, "counts": 10 * T,
        "negative": -T, "none": np.zeros((0, 0)), "ragged": [[1.0], [0.5, 0.5]]}  # fmt: skip
NO_MAPPING = {"nothing": None, "list": [T], "empty": {}, "text": "T"}
NO_ROWS = {"nothing": None, "text": "ce", "empty": [], "unknown": ["cee"], "number": 3}
NO_GUESSES = {"list": [50], "number": 50, "text": "50"}
NO_CURVE = {"short": GRID[:9], "nan": GRID * NAN, "text": "fit", "nothing": None, "table": RHO}
KINDS = BAD | {
    "ax": {"nothing": None, "figure": ax().figure, "text": "ax"},
    "one": tables(ONE, FIVE, "row", "noise", "noise_rate", "best_val"),
    "two": tables(TWO, ONE, "row", "dataset", "noise_rate", "size", "best_val", "lambda_mi"),
    "three": tables(THREE, TWO, "row", "dataset", "noise", "noise_rate"),
    "three's ends": tables(THREE, TWO, "row", "dataset", "noise", "noise_rate", "oracle", "last"),
    "four": tables(FOUR, THREE, "row", "dataset", "noise", "noise_rate"),
    "four's accuracies": tables(FOUR, THREE, "row", "dataset", "noise", "noise_rate", "best_val"),
    "five": tables(FIVE, ONE, "row", "dataset", "noise", "noise_rate"),
    "score": {"nothing": None, "text": "score", "table": T, "nan": [NAN, 0.5], "negative": [-0.1, 0.5], "none": []},
    "rates": {"number": 0.3, "text": "0.3", "empty": [], "per cent": [10, 30], "texts": ["0.3"], "nothing": None},
    "T": NO_T,
    "matrices": NO_MAPPING | {f"of {what}": {"a": value} for what, value in NO_T.items()},
    "class names": {"three": list("abc"), "text": "abcd", "number": 3, "empty": []},
    "map": NO_MAPPING | {f"no {name}": {key: MAP[key] for key in MAP if key != name} for name in MAP}
    | {"flat": MAP | {"x": [0, 1, 5]}, "short": MAP | {"wrong": [0, 1]}, "texts": MAP | {"x": [["a", "b"]] * 3},
       "nan": MAP | {"x": np.full((3, 2), NAN)}},
    "rho": {"nothing": None, "flat": RHO[:, 0], "short": RHO[:9], "nan": RHO * NAN, "text": "rho", "large": 2 * RHO,
            "no component": RHO[:, :0]},
    "text": {"nothing": None, "number": 3, "list": ["a"]},
}  # fmt: skip

AX = {"ax": "ax"}
DOORS = [
    # paper 01
    Door(cvae_augmentation.score_thresholds, dict(score=[0.1, 0.2, 0.3, 0.4], rates=[0.25]),
         {"score": "score", "rates": "rates"}),
    Door(cvae_augmentation.architecture, dict(cvae=SIZES),
         also={"cvae": {"nothing": None, "empty": {}, "text": "cvae"} | {
             f"no {name}": {key: SIZES[key] for key in SIZES if key != name} for name in SIZES}}),
    Door(cvae_augmentation.loss_split, dict(losses=LOSSES, parts=["total", "kl"]),
         also={"losses": frames(LOSSES, "noise_rate", "epoch", "total"),
               "parts": {"text": "total", "nothing": None, "empty": []}}),
    Door(cvae_augmentation.train_validation, dict(epochs=EPOCHS),
         also={"epochs": frames(EPOCHS, "noise_rate", "epoch", "key", "train_acc", "val_acc", "loss", "val_loss")}),
    Door(cvae_augmentation.own_run, dict(epochs=EPOCHS, title="SEAL"), {"title": "text"},
         {"epochs": frames(EPOCHS, "epoch", "key", "train_acc", "val_acc", "test_acc")}),
    Door(cvae_augmentation.accuracy, dict(ax=ax(), epochs=EPOCHS, plain=EPOCHS), AX,
         {"epochs": frames(EPOCHS, "epoch", "key", "train_acc", "val_acc", "test_acc"),
          "plain": {"list": [], "empty": EPOCHS[:0], "no epoch": EPOCHS.drop(columns="epoch")}}),
    Door(cvae_augmentation.fidelity, dict(ax=ax(), table=ONE), {**AX, "table": "one"}),
    Door(cvae_augmentation.generator_by_rate, dict(table=ONE, guesses={"kl": 50}), {"table": "one"},
         {"guesses": {"list": [50], "number": 50}}),
    Door(cvae_augmentation.same_matrix, dict(table=BOTH, rate=0.4, guesses={"model_idn": 50}),
         {"table": "one", "rate": "fraction"},
         {"rate": {"not recorded": 0.3}, "guesses": {"list": [50], "number": 50}}),
    Door(cvae_augmentation.neighbours, dict(table=ONE, guesses={0.4: 50}), also={
        "guesses": {"list": [50], "number": 50},
        "table": {"nothing": None, "runs alone": ONE.runs, "another paper's": FIVE,
                  "no map": dataclasses.replace(ONE, embedding=None)}}),
    Door(cvae_augmentation.overview, dict(table=ONE), {"table": "one"}),
    Door(cvae_augmentation.pictures, dict(table=ONE), {"table": "one"}),
    Door(cvae_augmentation.Runs, dict(table=ONE), {"table": "one"}),
    # paper 02
    Door(quality_embedding.main_runs, dict(runs=TWO.runs), also={"runs": {
        what: runs for what, runs in frames(TWO.runs, "row", "lambda_mi").items() if "texts" not in what}}),
    Door(quality_embedding.overview, dict(table=TWO), {"table": "two"},
         {"table": {"one noise": with_runs(TWO, PEOPLE)}}),
    Door(quality_embedding.studies, dict(table=TWO), {"table": "two"},
         {"table": {"one size and lambda": with_runs(TWO, PEOPLE)}}),
    Door(quality_embedding.what_acts, dict(table=TWO), {"table": "two"}),
    Door(quality_embedding.what_it_knows, dict(runs=MAIN),
         also={"runs": {what: runs for what, runs in frames(
             MAIN, "row", "dataset", "noise_rate", "realised_rate", "trust_auc", "spoiled").items()
             if "texts" not in what}}),
    Door(quality_embedding.copy_or_explain, dict(costs=COSTS, found=SHARES),
         also={"costs": {"list": [], "empty": COSTS[:0], "no copy": COSTS[["explain"]], "texts": COSTS.astype(str)},
               "found": {"list": [], "empty": SHARES[:0], "no copied": SHARES[["corrected"]]}}),
    Door(quality_embedding.pictures, dict(table=TWO), {"table": "two"}),
    Door(quality_embedding.map_tables, dict(runs=MAIN, datasets=("scenes",), columns="noise_rate"), {"columns": "name"},
         {"runs": frames(MAIN, "row", "dataset", "seed", "noise_rate", "best_val", "last", "realised_rate"),
          "datasets": NO_ROWS, "columns": {"of another study": "lambda_mi"}}),
    Door(quality_map, dict(ax=ax(), embedding=MAP, by="flagged", size=26),
         {"embedding": "map", "by": "name", "size": "positive"} | AX),
    Door(quality_embedding.quality_maps, dict(embeddings={"own": MAP}),
         also={"embeddings": NO_MAPPING | {f"of {what}": {"own": value} for what, value in KINDS["map"].items()}}),
    Door(transition_panel, dict(ax=ax(), T=T, class_names=["a", "b"], vmax=1.0),
         {"T": "T", "class_names": "class names"} | AX),
    Door(quality_embedding.transitions, dict(matrices={"a": T}, class_names=["a", "b"]),
         {"matrices": "matrices", "class_names": "class names"}),
    Door(quality_embedding.diagonal, dict(T=T), {"T": "T"}),
    Door(quality_embedding.error_signals, dict(signals=SIGNALS, wrong=[False, True]),
         also={"signals": {"nothing": None, "list": [], "empty": SIGNALS[:0], "texts": SIGNALS.astype(str),
                           "nobody's": SIGNALS.rename(columns=str.upper), "nan": SIGNALS * NAN},
               "wrong": {"nothing": None, "short": [True], "numbers": [0, 2], "positions": np.array([1]),
                         "text": "no"}}),
    # paper 03
    Door(robust_features.overview, dict(table=THREE), {"table": "three's ends"},
         {"table": {"no wrong labels": with_runs(THREE, THREE.runs.query("noise_rate == 0"))}}),
    Door(robust_features.search, dict(table=THREE), {"table": "three's ends"},
         {"table": {"checks without ends": dataclasses.replace(THREE, checks=THREE.checks.drop(columns="last")),
                    "other rates": small_features.table(rates=(0.3,), flips=())}}),
    Door(robust_features.table_1, dict(table=THREE), {"table": "three's ends"},
         {"table": {"the ablation alone": with_runs(THREE, THREE.runs.query("row == 'a_b'"))}}),
    Door(robust_features.memorisation, dict(table=THREE, noise_rate=0.6, rows=["ce"], guesses={"ce": 50}),
         {"table": "three", "noise_rate": "fraction"},
         {"table": {"no realised rates": with_runs(THREE, THREE.runs.drop(columns="realised_rate"))},
          "guesses": NO_GUESSES, "noise_rate": {"not recorded": 0.5, "none": 0.0},
          "rows": NO_ROWS | {"not run": ["gce"]}}),
    Door(robust_features.maps, dict(table=THREE, noise_rate=0.6, guesses={"corrected": 50}),
         {"table": "three", "noise_rate": "fraction"},
         {"guesses": NO_GUESSES, "noise_rate": {"not recorded": 0.5, "none": 0.0}}),
    Door(robust_features.restored, dict(table=THREE, noise_rate=0.6, row="a_b"),
         {"table": "three", "noise_rate": "fraction", "row": "name"},
         {"noise_rate": {"not recorded": 0.5, "none": 0.0}, "row": {"without a decoder": "ce"}}),
    Door(robust_features.own_run, dict(epochs_by_name={"CE": OWN}, noise_rate=0.6), {"noise_rate": "fraction"},
         {"epochs_by_name": NO_MAPPING | {f"of {what}": {"CE": OWN, "own": value} for what, value in frames(
             OWN, "epoch", "test_acc", "memorised").items()}}),
    Door(robust_features.alphas, dict(curves={"line": [1.0, 0.5, 0.0]}), also={"curves": NO_MAPPING | {
        f"of {what}": {"line": value} for what, value in {
            "one": [1.0], "none": [], "text": "1 0", "per cent": [100, 0], "nan": [1.0, NAN], "nothing": None,
            "table": T}.items()}}),
    Door(robust_features.pictures, dict(table=THREE), {"table": "three's ends"}),
    Door(robust_features.Runs, dict(table=THREE), {"table": "three's ends"}),
    # paper 04
    Door(echoalign.overview, dict(table=FOUR), {"table": "four's accuracies"},
         {"table": {"no wrong labels": with_runs(FOUR, FOUR.runs.assign(noise_rate=0.0))}}),
    Door(echoalign.table_1, dict(table=FOUR, value="last"), {"table": "four", "value": "name"},
         {"table": {"no last": with_runs(FOUR, FOUR.runs.drop(columns="last"))}}),
    Door(echoalign.thresholds, dict(table=FOUR, guesses={0.5: 50}), {"table": "four's accuracies"},
         {"table": {"no checks": dataclasses.replace(FOUR, checks=FOUR.checks[:0])},
          "guesses": {"list": [50], "text": "50", "number": 50}}),
    Door(echoalign.learning, dict(table=FOUR, guesses={"pairflip": 50}), {"table": "four"},
         {"table": {"CE alone": with_runs(FOUR, FOUR.runs.query("row == 'ce'"))}, "rows": NO_ROWS,
          "guesses": {"list": [50], "text": "50", "number": 50, "another kind of noise": {"symmetric": 50}}}),
    *[Door(draw, dict(table=FOUR, noise="pairflip", noise_rate=0.45),
           {"table": "four", "noise": "name", "noise_rate": "fraction"},
           {"noise": {"not recorded": "symmetric"}, "noise_rate": {"not recorded": 0.3, "none": 0.0}})
      for draw in (echoalign.similarities, echoalign.purity, echoalign.gallery, echoalign.alignment, echoalign.maps)],
    Door(echoalign.gallery, dict(table=FOUR, noise="pairflip", noise_rate=0.45, row="echoalign_shift", n=3),
         {"row": "name", "n": "count"}, {"row": {"without images": "ce"}, "schedule": {"not recorded": "mine"}}),
    Door(echoalign.own_run, dict(epochs_by_name={"CE": FOUR.epochs}, noise_rate=0.45), {"noise_rate": "fraction"},
         {"epochs_by_name": NO_MAPPING | {f"of {what}": {"CE": FOUR.epochs, "own": value} for what, value in frames(
             FOUR.epochs, "epoch", "test_acc", "train_acc").items()}}),
    Door(echoalign.pictures, dict(table=FOUR), {"table": "four"},
         {"table": {"no images": with_runs(FOUR, FOUR.runs.query("row == 'ce'"))}}),
    Door(echoalign.Selection, dict(table=FOUR), {"table": "four"}),
    Door(echoalign.Modification, dict(table=FOUR), {"table": "four"}),
    # paper 05
    Door(choicenet.fitted, dict(ax=ax(), data=POINTS, curves=FIT, truth=np.sign), AX,
         {"data": {"nothing": None, "array": GRID, "dict": {"x": GRID}}, "truth": {"array": GRID, "text": "step"},
          "curves": NO_MAPPING | {"nobody's": {"mine": GRID}} | {f"a {what}": {"mdn": value}
                                                                for what, value in NO_CURVE.items()}}),
    Door(correlation_strip, dict(ax=ax(), rho=RHO, pi=RHO), {"rho": "rho"} | AX,
         {"pi": {"flat": RHO[:, 0], "other components": RHO[:, :1], "text": "pi", "nan": RHO * NAN}}),
    Door(choicenet.along_x, dict(columns={"a": (POINTS, "mdn", CURVES, "step")}),
         also={"columns": NO_MAPPING | {
             "short": {"a": (POINTS, "mdn", CURVES)}, "an unknown function": {"a": (POINTS, "mdn", CURVES, "stepp")},
             "no curves": {"a": (POINTS, "mdn", None, "step")}, "no fit": {"a": (POINTS, "mdn", {"rho": RHO}, "step")},
             "one component": {"a": (POINTS, "mdn", CURVES | {"rho": RHO[:, :1]}, "step")}}}),
    Door(choicenet.overview, dict(table=FIVE), {"table": "five"},
         {"table": {"nothing of what is shown": with_runs(FIVE, FIVE.runs.assign(noise="flipped_part"))}}),
    Door(choicenet.walk, dict(table=WALKED, rows=["choicenet"]), {"table": "five"}, {"rows": NO_ROWS}),
    Door(choicenet.per_seed, dict(runs=WALKED.runs.query("task == 'classification'"), caption="c", value="best_val",
                                  across="dataset", unit=1, digits=1),
         {"caption": "text", "unit": "positive", "digits": "count"},
         {"runs": {"nothing": None, "list": [], "empty": FIVE.runs[:0], "no value": FIVE.runs.drop(columns="best_val"),
                   "nobody's": WALKED.runs.assign(row="mine")}}, spared={"digits": {"zero"}}),
    Door(choicenet.pulls, dict(curves=PULLS), also={"curves": {
        "nothing": None, "list": [], "empty": PULLS[:0], "texts": PULLS.astype(str), "nan": PULLS * NAN,
        "classes": SIGNALS}}),
    Door(choicenet.errors, dict(table=FIVE), {"table": "five"},
         {"table": {"no errors": with_runs(FIVE, FIVE.runs.drop(columns="mae")),
                    "no uniform ones": with_runs(FIVE, FIVE.runs.assign(noise="flipped_part"))}}),
    Door(choicenet.fits, dict(table=FIVE, noise_rate=0.6), {"table": "five", "noise_rate": "fraction"},
         {"noise_rate": {"not recorded": 0.5}}),
    Door(choicenet.accuracies, dict(table=FIVE, rows=["ce"]), {"table": "five"},
         {"rows": NO_ROWS}),
    Door(choicenet.points_of, dict(table=FIVE, run=FIVE.runs.query("dataset == 'step'").iloc[0]),
         also={"table": {"nothing": None, "runs": FIVE.runs}, "run": {
             "nothing": None, "key": "a", "number": 0, "a table's": FIVE.runs.query("dataset == 'diabetes'").iloc[0],
             "a classifier": FIVE.runs.query("task == 'classification'").iloc[0]}}),
    Door(choicenet.diagram, dict(K=2), {"K": "count"}, {"K": {"one": 1}}),
    Door(choicenet.pictures, dict(table=FIVE), {"table": "five"}),
    Door(choicenet.Regressions, dict(table=FIVE), {"table": "five"},
         {"table": {"classifiers alone": with_runs(FIVE, FIVE.runs.query("task == 'classification'"))}}),
    Door(signed_scores, dict(rho=0.5, corruption=0.2, n=20), {"corruption": "fraction", "n": "count"},
         {"rho": {"large": 2, "text": "0.5", "nothing": None, "nan": NAN}}),
]  # fmt: skip


test_bad_input_is_refused_in_one_sentence, test_the_call_works_otherwise = standard_tests(DOORS, KINDS)


@pytest.mark.parametrize("module", [cvae_augmentation, quality_embedding, robust_features, choicenet],
                         ids=lambda of: of.__name__)  # fmt: skip
def test_every_function_of_a_paper_has_a_door(module):
    """Diagrams without arguments, and what takes objects of the kit's own, aside."""
    doors = {door.function.__name__ for door in DOORS}
    without = {"graph", "autoencoder_comparison", "TwoClassifiers", "choices"}
    functions = {name for name in module.__all__ if callable(getattr(module, name))}
    assert functions - doors <= without


def test_a_part_that_was_not_measured_is_named():
    assert "Did you mean 'total'?" in check_refusal(lambda: cvae_augmentation.loss_split(LOSSES, ["totl"]), "losses")


def test_a_rate_that_prints_equal_is_the_same_figure():
    table = dataclasses.replace(FIVE, runs=FIVE.runs.replace({"noise_rate": {0.6: 0.30000000000000004}}))
    table = dataclasses.replace(table, runs=recorded.same_rates(table.runs))
    assert viz.description(choicenet.fits(table, 0.1 * 3)) == viz.description(choicenet.fits(table, 0.3))


def test_an_odd_number_of_transitions_leaves_a_place_free():
    fig = quality_embedding.transitions({"a": T, "b": T, "c": T})
    assert [bool(ax.get_title()) for ax in fig.axes[:4]] == [True, True, True, False] and not fig.axes[3].axison
