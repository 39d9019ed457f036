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
