"""Runs on image sets: configurations, records, and what only an oracle sees."""

import json

import numpy as np
import pytest

from lnlkit import data, papers, records, sweep, tasks
from lnlkit.methods.cvae_augmentation import CVAEAugmentation
from lnlkit.tasks import classification


@pytest.fixture(scope="module")
def paper():
    return papers.load("01")


@pytest.fixture
def quick(paper):
    """A configuration of the smoke scale that trains for a second."""
    config = tasks.grid(paper, "smoke")[0]
    return config | {"epochs": 2, "n_train": 200, "generator": {"epochs": 2}}


@pytest.mark.parametrize("scale", papers.SCALES)
def test_every_configuration_is_json_and_has_its_own_name(paper, scale):
    grid = tasks.grid(paper, scale)
    assert json.loads(json.dumps(grid)) == grid
    assert len({sweep.key(config) for config in grid}) == len(grid)


def test_lab_holds_every_row_of_table_1_at_every_rate_for_three_seeds(paper):
    grid, rows = tasks.grid(paper, "lab"), [*paper.tables["table-1"].mean, "ce_long", "ce_affine"]
    have = {(c["row"], c["noise_rate"], c["seed"]) for c in grid if c["noise"] == "model_idn" and "schedule" not in c}
    assert have >= {(row, rate, seed) for row in rows for rate in (0.1, 0.2, 0.3, 0.4) for seed in (0, 1, 2)}


def test_a_schedule_replaces_settings_and_names_itself_and_other_runs_keep_their_names(paper):
    plain = classification.configuration(paper, "lab", paper.rows["ce"], "model_idn", 0.2, 10)
    other = classification.configuration(paper, "lab", paper.rows["ce"], "model_idn", 0.2, 10,
                                         schedule="learning rate 0.003")  # fmt: skip
    assert "schedule" not in plain and other.pop("schedule") == "learning rate 0.003"
    assert other | {"optimizer": plain["optimizer"]} == plain and other["optimizer"]["lr"] == 3e-3


NAMED = [  # a recorded run, and the name that was written down when it was made
    ("01", {"row": "ce", "noise": "model_idn", "noise_rate": 0.1, "seed": 0}, "27c590a2dcf19dbc"),
    ("05", {"row": "ce", "noise": "asymmetric", "noise_rate": 0.4, "seed": 0, "schedule": "zeros and ones"},
     "ca597db5b615f8fe"),
]  # fmt: skip


@pytest.mark.parametrize("number, of, name", NAMED)
def test_what_only_some_scales_say_renames_no_other_run(number, of, name):
    """Neither `decay`, `n_test`, `half` nor `classes` is in a configuration whose scale has none."""
    config = next(c for c in tasks.grid(papers.load(number), "lab") if of == {key: c.get(key) for key in of}
                  and ("schedule" in c) == ("schedule" in of) and c["dataset"] == "mnist")  # fmt: skip
    assert sweep.key(config) == name
    assert {key for key in classification.SOMETIMES if key in config} == ({"classes"} if "schedule" in of else set())
    others = {"decay": {"at": [0.5], "factor": 0.1}, "n_test": 5, "classes": [0, 1, 2], "half": "first"}
    for key, value in others.items():
        assert sweep.key(config | {key: value}) != name


def test_a_scale_that_says_so_names_decay_and_number_of_test_images():
    paper = papers.load("03")
    lab, whole = (classification.configuration(paper, scale, paper.rows["ce"], "symmetric", 0.6, 0)
                  for scale in ("lab", "paper"))  # fmt: skip
    assert lab["n_test"] == 2000 and lab["decay"] == whole["decay"] == {"at": [0.5, 0.75], "factor": 0.1}
    assert "n_test" not in whole and json.loads(json.dumps(lab)) == lab


def test_every_seed_is_tested_on_the_same_images(quick):
    """Part of them, with the shares of the classes; training data stay what they are without it."""
    quick |= {"noise": "symmetric"}
    found = [classification.splits(quick | {"n_test": 90, "seed": seed}) for seed in (0, 1)]
    whole = classification.splits(quick)
    assert all(np.array_equal(split.test.x, found[0].test.x) and len(split.test) == 90 for split in found)
    assert np.array_equal(found[0].test.y, found[1].test.y) and np.array_equal(found[0].train.x, whole.train.x)
    assert not np.array_equal(found[0].train.x, found[1].train.x)
    images = {x.tobytes(): y for x, y in zip(whole.test.x, whole.test.y, strict=True)}
    assert [images[x.tobytes()] for x in found[0].test.x] == found[0].test.y.tolist()
    assert np.abs(np.bincount(found[0].test.y) - np.bincount(whole.test.y) / 4).max() <= 1
    assert tasks.record(quick | {"n_test": 90, "epochs": 1})["n"]["test"] == 90


def test_a_decay_lowers_the_learning_rate_of_a_run(quick):
    """From the second of two epochs on: the first is the same."""
    decay = {"at": [0.5], "factor": 1e-6}
    quick |= {"noise": "symmetric"}
    plain, slow = tasks.train(quick), tasks.train(quick | {"decay": decay})
    assert plain.history[0] == slow.history[0] and plain.history[1] != slow.history[1]
    assert slow.history[1]["test_acc"] == slow.history[0]["test_acc"]  # it hardly moves
    assert slow.method.optimizer_.param_groups[0]["lr"] == pytest.approx(1e-6 * quick["optimizer"]["lr"])


def test_the_table_says_what_its_runs_were_made_with(quick):
    more = {"n_test": 90, "decay": {"at": [0.5], "factor": 0.1}}
    plain, other = ({"config": quick | own, "n": {"test": 1}, "hparams": {}} for own in ({}, more))
    assert not {"n_test", "decay", "classes"} & set(classification.shared([plain])["datasets"]["digits"])
    assert more.items() <= classification.shared([other])["datasets"]["digits"].items()


@pytest.fixture
def pictured():
    """A configuration of Paper 03's own method, which trains for a second."""
    config = next(c for c in tasks.grid(papers.load("03"), "smoke") if c["method"] == "robust_features")
    return config | {"epochs": 2, "n_train": 120, "n_test": 60, "hparams": {"decoder_width": 16}}


def test_a_method_that_illustrates_itself_has_pictures_in_the_row_of_the_first_seed_alone(pictured):
    """Every record has them; a table of three seeds would be three times as long."""
    for seed in (0, 1):
        record = tasks.record(pictured | {"seed": seed})
        row = classification.row(record, "a")
        assert set(record["pictures"]) == {"map", "restored"} and json.loads(json.dumps(record)) == record
        assert row.get("pictures") == (record["pictures"] if seed == 0 else None) and ("pictures" in row) == (seed == 0)
        assert set(row["diagnosis"]) == set(record["diagnosis"]) and row["diagnosis"]["restored_error"] < 1
    assert "pictures" not in classification.row(record | {"config": pictured, "pictures": {}}, "a")


def test_pictures_of_a_schedule_are_kept_where_no_other_run_shows_its_row_and_noise(quick):
    rows = [{**{name: quick[name] for name in classification.KEPT}, **more, "pictures": {"map": 1}}
            for more in ({}, {"schedule": "slow"}, {"schedule": "slow", "noise_rate": 0.123})]  # fmt: skip
    assert ["pictures" in row for row in classification._with_pictures_once(rows)] == [True, False, True]


def test_same_configuration_of_robust_features_twice_gives_the_same_record(pictured):
    first, second = tasks.record(pictured), tasks.record(pictured)
    assert records.same_result(first, second) and first["pictures"] == second["pictures"]
    assert first["diagnosis"] == second["diagnosis"] and first["history"] == second["history"]


def test_a_run_on_some_classes_sees_these_alone_and_zeros_are_called_one():
    paper = papers.load("05")
    config = next(c for c in tasks.grid(paper, "lab") if c.get("classes"))
    found = classification.splits(config | {"dataset": "digits", "n_train": None})
    assert found.train.n_classes == 2 and set(found.test.y) == {0, 1} and len(found.test.y) < 90
    wrong = found.train.y != found.train.y_clean
    assert not wrong[found.train.y_clean == 1].any()
    both = [*found.train.y[found.train.y_clean == 0], *found.noisy_val.y[found.noisy_val.y_clean == 0]]
    assert np.mean(both) == pytest.approx(0.4, abs=0.01)


def test_what_a_method_says_of_itself_is_kept_in_the_record_and_the_row(paper):
    config = next(c for c in tasks.grid(paper, "smoke") if c["row"] == "cvae_augmentation")
    config |= {"epochs": 1, "n_train": 120, "generator": {"epochs": 1}, "hparams": {"cvae_epochs": 1}}
    record = tasks.record(config)
    row = classification.row(record, "a")
    assert set(row["diagnosis"]) == {"judge", "fidelity", "cvae_val_total", "cvae_total", "cvae_reconstruction",
                                     "cvae_kl"}  # fmt: skip
    assert row["diagnosis"]["cvae_total"] == pytest.approx(
        row["diagnosis"]["cvae_reconstruction"] + row["diagnosis"]["cvae_kl"], abs=1e-3)
    assert "diagnosis" not in tasks.record(config | {"row": "ce", "method": "ce", "hparams": {}})


def test_only_methods_that_say_so_are_told_the_noise_rate(paper):
    for config in tasks.grid(paper, "lab"):
        assert (config["hparams"].get("forget_rate") == config["noise_rate"]) == (config["row"] == "coteaching")


def test_same_configuration_twice_gives_the_same_record(quick):
    first, second = tasks.record(quick), tasks.record(quick)
    assert records.same_result(first, second)
    assert not records.same_result(first, tasks.record(quick | {"seed": 1}))


def test_the_record_states_the_realised_noise(quick):
    record = tasks.record(quick | {"noise_rate": 0.3})
    found = classification.splits(quick | {"noise_rate": 0.3})
    train, noisy_val, test = found.train, found.noisy_val, found.test
    assert record["realised_rate"] == pytest.approx((train.y != train.y_clean).mean())
    np.testing.assert_allclose(record["T"], train.T, atol=1e-5)
    assert record["n"] == {"train": len(train), "noisy_val": len(noisy_val), "test": len(test)}
    assert len(train) + len(noisy_val) == 200
    assert len(record["history"]) == 2 and {"train_acc", "val_acc", "test_acc", "loss"} <= set(record["history"][0])


def test_only_the_oracle_row_sees_clean_labels(paper, quick, monkeypatch):
    asked = []
    clean = data.NoisyData.clean
    monkeypatch.delattr(CVAEAugmentation, "diagnose")  # which judges what was made afterwards, and tells no one
    monkeypatch.setattr(data.NoisyData, "clean", lambda self: asked.append(1) or clean(self))
    hparams = {"cvae_epochs": 1, "latent": 2, "hidden": 8}
    tasks.record(quick | {"method": "cvae_augmentation", "hparams": hparams})
    assert not asked
    tasks.record(quick | {"method": "cvae_augmentation", "hparams": hparams, "oracle": True})
    assert asked


def test_an_optimizer_that_is_tried_goes_before_the_one_that_was_chosen():
    paper = papers.load("03")
    row, where, common = paper.rows["gce"], ("symmetric", 0.8, 10), paper.scale("lab")["optimizer"]
    optimizer_of = lambda **more: classification.configuration(paper, "lab", row, *where, **more)["optimizer"]  # noqa: E731
    assert optimizer_of() == optimizer_of(schedule="10 epochs") == common | {"lr": 0.02}
    assert optimizer_of(schedule="learning rate 0.1") == common | {"lr": 0.1}


def test_an_optimizer_with_a_name_stands_alone():
    paper = papers.load("04")
    config = classification.configuration(paper, "lab", paper.rows["apl"], "part_dependent", 0.5, 0)
    assert config["optimizer"] == {"name": "adam", "lr": 0.001}
