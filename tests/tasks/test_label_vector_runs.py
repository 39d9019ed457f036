"""From the TOML's tables to the rows of the recorded one, on a small paper: runs of one epoch on 200 scenes."""

import copy
import dataclasses
import functools
import json

import numpy as np
import pytest
import torch

from lnlkit import data, papers, records, sweep, tasks
from lnlkit.data import label_vectors
from lnlkit.recorded import making
from lnlkit.tasks import label_vectors as runs

SCALE = {
    "dataset": "digits",
    "sweep": [],
    "multilabel": {
        "n_train": 200, "val_fraction": 0.2, "network": "features_mlp", "epochs": 1, "batch_size": 50,
        "optimizer": {"name": "adam", "lr": 1e-3}, "embedding": 20,
        "hparams": {"quality_embedding": {"alpha": 0.1, "rho_floor": 0.25}, "bootstrap": {"beta": 0.7}},
        "on": {"digits": {"network": "small_cnn", "epochs": 2}},
        "schedules": {"long": {"epochs": 3, "decay_every": 2, "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9},
                               "hparams": {"quality_embedding": {"alpha": 0.5}}}},
        "sweep": [
            {"datasets": ["scenes", "digits"], "noise": "permutation", "noise_rates": [0.0, 0.4], "seeds": [0, 1],
             "rows": ["bce", "can"]},
            {"datasets": ["scenes"], "noise": "permutation", "noise_rates": [0.4], "seeds": [0], "rows": ["can"],
             "lambdas": [0.0, 5.0]},
            {"datasets": ["scenes"], "noise": "permutation", "noise_rates": [0.4], "seeds": [0], "rows": ["bce", "can"],
             "sizes": [0.5, 1.0]},
            {"schedule": "long", "datasets": ["digits"], "noise": "permutation", "noise_rates": [0.4], "seeds": [0],
             "rows": ["bce"]},
        ],
    },
}  # fmt: skip
ROW_KEYS = {
    "row", "dataset", "noise", "noise_rate", "seed", "size", "lambda_mi", "key", "realised_rate", "label_rate",
    "best_val", "last", "gap", "oracle", "best_epoch", "ap", "accuracy", "seconds", "history", "quality",
}  # fmt: skip
QUALITY_KEYS = {
    "trust_auc", "loss_auc", "flagged", "recall", "precision", "corrected", "predicted", "spoiled", "trusted",
    "untrusted", "embedding",
}  # fmt: skip


@functools.cache
def small_paper():
    return dataclasses.replace(papers.load("02"), scales={"smoke": SCALE})


@pytest.fixture
def paper():
    return small_paper()


def config(row="can", dataset="scenes", seed=0, rate=0.4, **changes):
    """A configuration of the small paper; then changes that no table of it makes."""
    paper, studied = small_paper(), ("size", "lambda_mi", "schedule")
    chosen = {name: changes.pop(name) for name in studied if name in changes}
    row = paper.rows[row]
    return runs.configuration(paper, "smoke", row, dataset, "permutation", rate, seed, **chosen) | changes


@functools.cache
def record(row="can", dataset="scenes", seed=0):
    return tasks.record(config(row, dataset, seed))


def as_read(made, folder):
    return records.read(records.write(folder / "run.json", made))


# ---- configurations ----


@pytest.mark.parametrize("scale", papers.SCALES)
def test_every_configuration_of_the_paper_is_json_and_has_its_own_name(scale):
    grid = tasks.grid(papers.load("02"), scale)
    assert grid and all(config["task"] == "multilabel" for config in grid)
    assert json.loads(json.dumps(grid)) == grid
    assert len({sweep.key(config) for config in grid}) == len(grid)


def test_grid_crosses_what_a_block_lists_and_leaves_out_what_was_there(paper):
    """16 runs, 2 values of lambda, 2 of half size beside 2 of whole size that are there already, 1 of a schedule."""
    grid = runs.grid(paper, "smoke")
    assert len(grid) == 16 + 2 + 2 + 1 and tasks.grid(paper, "smoke") == grid
    assert len({sweep.key(config) for config in grid}) == len(grid)
    main = [c for c in grid if (c["size"], c["lambda_mi"], c["schedule"]) == (1.0, None, None)]
    assert main == grid[:16]  # most wanted first
    every = {(d, rate, seed, row) for d in ("scenes", "digits") for rate in (0.0, 0.4) for seed in (0, 1)
             for row in ("bce", "can")}  # fmt: skip
    assert {(c["dataset"], c["noise_rate"], c["seed"], c["row"]) for c in main} == every
    assert [(c["row"], c["size"], c["lambda_mi"], c["schedule"]) for c in grid[16:]] == [
        ("can", 1.0, 0.0, None), ("can", 1.0, 5.0, None), ("bce", 0.5, None, None), ("can", 0.5, None, None),
        ("bce", 1.0, None, "long"),
    ]  # fmt: skip


def test_a_paper_without_label_vectors_has_no_such_run():
    assert all("task" not in config for config in tasks.grid(papers.load("01"), "smoke"))
    assert runs.grid(papers.load("01"), "lab") == []


def test_a_data_set_and_then_a_schedule_replace_settings():
    scenes, digits, long = config(), config(dataset="digits"), config(dataset="digits", schedule="long")
    assert [(c["network"], c["epochs"]) for c in (scenes, digits, long)] == [
        ("features_mlp", 1), ("small_cnn", 2), ("small_cnn", 3)]  # fmt: skip
    assert scenes["optimizer"] == digits["optimizer"] == {"name": "adam", "lr": 1e-3}
    assert long["optimizer"]["name"] == "sgd" and long["n_train"] == scenes["n_train"] == 200
    assert (scenes["decay_every"], long["decay_every"], scenes["amp"]) == (None, 2, False)
    assert scenes["hparams"] == {"alpha": 0.1, "rho_floor": 0.25} and long["hparams"] == {"alpha": 0.5}


def test_hyper_parameters_are_those_of_the_method_then_of_the_row_then_lambda():
    before = copy.deepcopy(SCALE)
    assert config(lambda_mi=5.0)["hparams"] == {"alpha": 0.1, "rho_floor": 0.25, "lambda_mi": 5.0}
    assert config(lambda_mi=0.0)["hparams"]["lambda_mi"] == 0.0
    assert "lambda_mi" not in config()["hparams"] and config()["lambda_mi"] is None
    assert config("can_rho1")["hparams"] == {"alpha": 0.1, "rho_floor": 1.0}
    assert config("bootstrap")["hparams"] == {"beta": 0.7}
    assert config("bootstrap_hard")["hparams"] == {"beta": 0.7, "hard": True}
    assert config("bce")["hparams"] == {} and before == SCALE


def test_size_lambda_and_schedule_are_part_of_the_name():
    changed = [config(), config(size=0.5), config(lambda_mi=0.3), config(schedule="long"), config(seed=1)]
    assert len({sweep.key(c) for c in changed}) == len(changed)


# ---- data and recipe ----


def test_size_is_a_share_of_the_training_set_before_validation_is_split_off():
    for size, n in ((1.0, 200), (0.5, 100), (0.33, 66)):
        found = runs.splits(config(size=size))
        assert len(found.train) + len(found.noisy_val) == n and len(found.noisy_val) == round(0.2 * n)
        assert len(found.test) == len(data.load("scenes").x_test)
    for size, share in ((1.0, 1), (0.1, 10)):  # of all there are, where no number is set
        found = runs.splits(config(n_train=None, size=size))
        assert share * (len(found.train) + len(found.noisy_val)) == len(data.load("scenes").x_train)
    with pytest.raises(ValueError, match="`size` must be a fraction"):
        runs.splits(config(size=20))


def test_splits_are_noisy_but_for_the_test_set():
    """The seed of the run is that of images, noise and split."""
    scenes = data.load("scenes")
    for seed in (0, 1):
        found = runs.splits(config(rate=0.8, seed=seed))
        train, noisy_val, test = found.train, found.noisy_val, found.test
        assert train.noise_rate_ > 0.5 and noisy_val.noise_rate_ > 0.5
        assert np.array_equal(test.x, scenes.x_test) and np.array_equal(test.y, scenes.y_test)
        noisy = label_vectors.make_noisy(scenes, "permutation", 0.8, seed, n_train=200)
        for part, expected in zip((train, noisy_val), label_vectors.split_validation(noisy, 0.2, seed), strict=True):
            assert np.array_equal(part.x, expected.x) and np.array_equal(part.y, expected.y)


@pytest.mark.parametrize("x, network", [
    (np.zeros((2, 8, 10), np.uint8), "small_cnn"), (np.zeros((2, 8, 10, 3), np.uint8), "small_cnn"),
    (np.zeros((2, 7), np.float32), "features_mlp"), (np.zeros((2, 8, 10, 3), np.uint8), "features_mlp"),
], ids=["grey", "colour", "features", "flattened"])  # fmt: skip
def test_the_network_fits_the_inputs(x, network):
    from lnlkit.training import as_inputs, to_unit

    made = runs.recipe(config(network=network), data.Labelled(x, np.zeros((2, 4)), 4))
    assert made.network()(to_unit(as_inputs(x))).shape == (2, 4)
    assert made.network(9)(to_unit(as_inputs(x))).shape == (2, 9)


def test_optimiser_and_schedule_are_those_of_the_configuration():
    rows = data.Labelled(np.zeros((2, 3), np.float32), np.zeros((2, 4)), 4)
    made = runs.recipe(config(schedule="long", batch_size=7), rows)
    assert (made.epochs, made.batch_size, made.amp) == (3, 7, False)
    optimizer = made.make_optimizer(torch.nn.Linear(1, 1).parameters())
    assert isinstance(optimizer, torch.optim.SGD) and optimizer.defaults["momentum"] == 0.9
    schedule, rates = made.make_schedule(optimizer), []
    for _ in range(5):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])  # divided by 10 every `decay_every` epochs
    plain = runs.recipe(config(), rows)
    assert plain.make_schedule is None
    assert isinstance(plain.make_optimizer(torch.nn.Linear(1, 1).parameters()), torch.optim.Adam)


# ---- records ----


def test_a_record_states_its_noise_sizes_and_hyper_parameters():
    made = record()
    train, test = runs.splits(config()).train, runs.splits(config()).test
    assert made["n"] == {"train": 160, "noisy_val": 40, "test": len(test)} and len(train) == 160
    assert made["realised_rate"] == (train.y != train.y_clean).any(1).mean()
    assert made["label_rate"] == (train.y != train.y_clean).mean() < made["realised_rate"]
    assert made["config"] == config() and made["hparams"]["alpha"] == 0.1 and made["hparams"]["lambda_mi"] == 0.3
    assert tasks.record(config(lambda_mi=5.0, epochs=1))["hparams"]["lambda_mi"] == 5.0
    assert len(made["history"]) == 1
    assert made["summary"]["best_val"] == made["history"][0]["test_map"] > 0
    assert made["summary"]["accuracy"] is None and len(made["summary"]["ap"]) == 10


@pytest.mark.parametrize("row", ["bce", "can"])
def test_same_configuration_twice_gives_the_same_record(row):
    again = tasks.record(config(row))
    assert records.same_result(again, record(row))
    assert not records.same_result(record(row), record(row, seed=1))


@pytest.mark.parametrize("row, dataset, seed", [("bce", "scenes", 0), ("can", "scenes", 0), ("can", "digits", 1)])
def test_a_record_becomes_a_row_of_the_agreed_structure(row, dataset, seed, tmp_path):
    flat = runs.row(as_read(record(row, dataset, seed), tmp_path), "the key")
    assert set(flat) == ROW_KEYS | {"schedule"} and flat["key"] == "the key"
    assert json.loads(json.dumps(flat)) == flat
    epochs = 1 if dataset == "scenes" else 2
    assert set(flat["history"]) == {"val_map", "test_map"}
    assert all(len(curve) == epochs for curve in flat["history"].values())
    assert len(flat["ap"]) == 10 and flat["best_val"] == pytest.approx(np.mean(flat["ap"]), abs=1e-4)
    assert flat["history"]["test_map"][flat["best_epoch"]] == flat["best_val"]
    assert (flat["accuracy"] is None) == (dataset == "scenes")


@pytest.mark.parametrize("changes, kept", [({}, True), ({"size": 0.5}, False), ({"schedule": "long"}, False)])
def test_pictures_are_kept_of_whole_sets_alone(changes, kept, tmp_path):
    made = copy.deepcopy(as_read(record(), tmp_path))
    made["config"].update(changes)
    found = runs.row(made, "name")["quality"]
    assert [found[name] is not None for name in runs.PICTURES] == [kept] * 3
    assert found["trust_auc"] == round(made["quality"]["trust_auc"], 4)


def test_only_can_has_a_quality_and_only_seed_0_an_embedding(tmp_path):
    assert runs.row(record("bce"), "")["quality"] is None
    for seed in (0, 1):
        found = runs.row(as_read(record("can", seed=seed), tmp_path), "")["quality"]
        assert set(found) == QUALITY_KEYS | {"distance_auc", "mu_sd", "sigma", "latent_right", "prior_right",
                                             "given_right", "trusted_diagonal", "untrusted_diagonal"}  # fmt: skip
        assert (found["embedding"] is None) == (seed != 0)
        for name in ("trusted", "untrusted"):
            T = np.array(found[name])
            assert T.shape == (10, 10) and np.isin(T.sum(1).round(2), (0, 1)).all()
        if seed == 0:
            lengths = {name: np.shape(value) for name, value in found["embedding"].items()}
            assert lengths == {"x": (20, 2)} | dict.fromkeys(("label", "wrong", "flagged", "disagrees"), (20,))
    assert tasks.record(config("can", embedding=0))["quality"]["embedding"] is None
    assert tasks.record(config("can_no_quality"))["quality"] is None


def test_quality_is_that_of_the_trained_method_on_its_training_set():
    from lnlkit.methods import label_quality

    trained = tasks.train(config())
    method, noisy = trained.method, trained.splits.train
    judged = label_quality.judge(method.explain(noisy.x, noisy.y), noisy.y, noisy.y_clean)
    assert records.same_result({**judged, "embedding": record()["quality"]["embedding"]}, record()["quality"])


def crowd_file(folder, **changes):
    """A user's own features, labelled by two people an image."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 6)).astype(np.float32)
    y = (x[:, :3] > 0).astype(np.uint8)
    y_noisy = np.stack([y, np.roll(y, 1, axis=1)], axis=1)[:40]
    arrays = dict(x_train=x[:40], y_train=y[:40], y_noisy=y_noisy, x_test=x[40:], y_test=y[40:]) | changes
    np.savez(folder / "own.npz", **{name: value for name, value in arrays.items() if value is not None})
    return {"dataset": str(folder / "own.npz"), "noise": "human", "noise_rate": 0.0, "n_train": None}


def test_labels_by_people_come_one_item_an_annotation(tmp_path):
    made = tasks.record(config() | crowd_file(tmp_path))
    assert made["n"] == {"train": 64, "noisy_val": 16, "test": 20}
    assert 0 < made["realised_rate"] <= 0.5 and made["quality"]["flagged"] is not None
    half = tasks.record(config(size=0.5) | crowd_file(tmp_path))
    assert half["n"] == {"train": 32, "noisy_val": 8, "test": 20}  # a share of the images, with all their labels


def test_items_of_one_image_are_counted_as_one(tmp_path):
    """40 annotations of 20 images by group numbers: half the size are 10 images, of which 2 are for validation."""
    group = np.repeat(np.arange(20), 2)
    y_noisy = np.eye(3, dtype=np.uint8)[np.arange(40) % 3]
    changed = crowd_file(tmp_path, y_noisy=y_noisy, group=group)
    for size, n in ((1.0, (32, 8)), (0.5, (16, 4))):
        found = runs.splits(config(size=size) | changed)
        train, noisy_val = found.train, found.noisy_val
        assert (len(train), len(noisy_val)) == n and not set(train.group) & set(noisy_val.group)


def test_without_clean_labels_there_is_no_rate_and_no_verdict(tmp_path):
    made = tasks.record(config() | crowd_file(tmp_path, y_train=None))
    assert made["realised_rate"] is made["label_rate"] is made["quality"] is None
    assert made["summary"]["best_val"] > 0
    assert runs.row(as_read(made, tmp_path), "")["realised_rate"] is None


# ---- the table ----


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The recorded table of the small paper, five runs of it."""
    paper, folder = small_paper(), tmp_path_factory.mktemp("runs")
    configs = [c for c in runs.grid(paper, "smoke") if c["noise_rate"] == 0.4 and c["seed"] == 0]
    chosen = [c for c in configs if c["row"] == "bce" or c["lambda_mi"]]
    sweep.sweep(tasks.record, chosen, folder)
    return making.collect(paper, "smoke", folder), chosen


def test_collect_keeps_checks_apart_and_says_what_runs_share(table):
    found, chosen = table
    assert found["runs"] == [] and (found["made"]["runs"], found["made"]["planned"]) == (5, 21)
    assert [run["key"] for run in found["multilabel"]] == [sweep.key(c) for c in chosen if not c["schedule"]]
    assert [run["key"] for run in found["checks"]] == [sweep.key(c) for c in chosen if c["schedule"] == "long"]
    made = found["made"]["multilabel"]
    assert set(made["datasets"]) == {"scenes", "digits"}
    assert made["datasets"]["scenes"]["n"] == {"train": 160, "noisy_val": 40, "test": 1500}  # not those of half size
    assert made["datasets"]["digits"]["optimizer"]["name"] == "adam"  # not those of the schedule
    assert set(made["datasets"]["scenes"]) == {"n", *runs.PER_DATASET}
    assert made["rows"] == {"bce": {"method": "bce", "hparams": {}}}  # can ran in the lambda study only
    (check,) = (c for c in chosen if c["schedule"])
    stated = made["schedules"]["long"][check["dataset"]]
    assert stated["epochs"] == check["epochs"] and stated["optimizer"] == check["optimizer"]
    assert set(stated["hparams"]) == {check["row"]}


def test_an_unknown_schedule_is_named():
    with pytest.raises(ValueError, match="`schedule` must be one of .*'long'.*, but got 'lnog'. Did you mean 'long'"):
        config(schedule="lnog")


def test_a_table_whose_settings_changed_is_refused(table, paper, monkeypatch, tmp_path):
    found, _ = table
    monkeypatch.setattr(making, "load_raw", lambda notebook: found)
    assert making.obtain(paper, "smoke", tmp_path).made == found["made"]
    for change in ({"epochs": 9}, {"schedules": {"long": {"epochs": 9}}}):
        other = dataclasses.replace(paper, scales={"smoke": SCALE | {"multilabel": SCALE["multilabel"] | change}})
        with pytest.raises(ValueError, match="of its runs have others: make it again with `lnlkit sweep 02"):
            making.obtain(other, "smoke", tmp_path)
