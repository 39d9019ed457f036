import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from lnlkit import data, papers, recording, records, sweep


@pytest.fixture(scope="module")
def paper():
    return papers.load("01")


@pytest.fixture
def quick(paper):
    """A configuration of the smoke scale that trains for a second."""
    config = sweep.grid(paper, "smoke")[0]
    return config | {"epochs": 2, "n_train": 200, "generator": {"epochs": 2}}


@pytest.mark.parametrize("scale", papers.SCALES)
def test_every_configuration_is_json_and_has_its_own_name(paper, scale):
    grid = sweep.grid(paper, scale)
    assert json.loads(json.dumps(grid)) == grid
    assert len({sweep.key(config) for config in grid}) == len(grid)


def test_lab_holds_every_row_at_every_rate_for_three_seeds(paper):
    have = {(c["row"], c["noise_rate"], c["seed"]) for c in sweep.grid(paper, "lab") if c["noise"] == "model_idn"}
    assert have >= {(row, rate, seed) for row in paper.rows for rate in (0.1, 0.2, 0.3, 0.4) for seed in (0, 1, 2)}


def test_only_methods_that_say_so_are_told_the_noise_rate(paper):
    for config in sweep.grid(paper, "lab"):
        assert (config["hparams"].get("forget_rate") == config["noise_rate"]) == (config["row"] == "coteaching")


def test_the_name_does_not_depend_on_the_order_of_keys(quick):
    assert sweep.key(dict(reversed(quick.items()))) == sweep.key(quick)
    assert sweep.key(quick | {"seed": 1}) != sweep.key(quick)


def test_same_configuration_twice_gives_the_same_record(quick):
    first, second = sweep.train_run(quick), sweep.train_run(quick)
    assert records.same_result(first, second)
    assert not records.same_result(first, sweep.train_run(quick | {"seed": 1}))


def test_the_record_states_the_realised_noise(quick):
    record = sweep.train_run(quick | {"noise_rate": 0.3})
    train, noisy_val, test = sweep.splits(quick | {"noise_rate": 0.3})
    assert record["realised_rate"] == pytest.approx((train.y != train.y_clean).mean())
    np.testing.assert_allclose(record["T"], train.T, atol=1e-5)
    assert record["n"] == {"train": len(train), "noisy_val": len(noisy_val), "test": len(test)}
    assert len(train) + len(noisy_val) == 200
    assert len(record["history"]) == 2 and {"train_acc", "val_acc", "test_acc", "loss"} <= set(record["history"][0])


def test_only_the_oracle_row_sees_clean_labels(paper, quick, monkeypatch):
    asked = []
    clean = data.NoisyData.clean
    monkeypatch.setattr(data.NoisyData, "clean", lambda self: asked.append(1) or clean(self))
    hparams = {"cvae_epochs": 1, "latent": 2, "hidden": 8}
    sweep.train_run(quick | {"method": "cvae_augmentation", "hparams": hparams})
    assert not asked
    sweep.train_run(quick | {"method": "cvae_augmentation", "hparams": hparams, "oracle": True})
    assert asked


def test_finished_runs_are_not_run_again(tmp_path):
    configs = [{"i": i} for i in range(4)]
    ran = []

    def run(config):
        ran.append(config["i"])
        return {"i": config["i"]}

    sweep.sweep(run, configs[:2], tmp_path)
    paths = sweep.sweep(run, configs, tmp_path)
    assert ran == [0, 1, 2, 3]
    assert [records.read(path)["i"] for path in paths] == [0, 1, 2, 3]


def test_an_error_in_a_run_is_raised_and_leaves_no_file(tmp_path):
    def fail(config):
        raise RuntimeError("no luck")

    with pytest.raises(RuntimeError, match="no luck"):
        sweep.sweep(fail, [{"i": 0}], tmp_path)
    assert list(tmp_path.iterdir()) == []


def die_once(config):
    """Kills its worker at the first attempt."""
    marker = os.path.join(config["folder"], f"tried-{config['i']}")
    if config["i"] == 1 and not os.path.exists(marker):
        open(marker, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"i": config["i"]}


def die_if_told(config):
    if config["dies"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"i": config["i"]}


def test_a_killed_worker_costs_a_second_attempt_only(tmp_path):
    configs = [{"i": i, "folder": str(tmp_path)} for i in range(3)]
    paths = sweep.sweep(die_once, configs, tmp_path / "runs", executor=sweep.local_pool(1))
    assert [records.read(path)["i"] for path in paths] == [0, 1, 2]


def test_a_configuration_that_always_kills_its_worker_is_given_up(tmp_path):
    configs = [{"i": i, "dies": i in (0, 2)} for i in range(4)]
    with pytest.raises(RuntimeError, match="2 runs broke their worker 3 times"):
        sweep.sweep(die_if_told, configs, tmp_path, executor=sweep.local_pool(1))
    assert sorted(records.read(path)["i"] for path in tmp_path.glob("*.json")) == [1, 3]  # the others are not lost


def test_a_table_of_other_settings_is_refused_with_the_command_that_makes_it_again(paper, tmp_path, monkeypatch):
    shipped = {"scale": "lab", "runs": [{"key": "0123"}], "made": {"command": "lnlkit sweep 01"}}
    monkeypatch.setattr(records, "load_recorded", lambda notebook: shipped)
    with pytest.raises(ValueError, match="1 of its runs have others: make it again with `lnlkit sweep 01`"):
        recording.obtain(paper, "lab", tmp_path)


def test_a_sweep_killed_in_the_middle_resumes(tmp_path):
    script = (
        "import sys, time\nfrom lnlkit import sweep\n"
        "def run(config):\n    time.sleep(0.2)\n    return dict(config)\n"
        "sweep.sweep(run, [{'i': i} for i in range(20)], sys.argv[1])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    while len(list(tmp_path.glob("*.json"))) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    done = list(tmp_path.glob("*.json"))
    assert 3 <= len(done) < 20
    assert all("i" in records.read(path) for path in done)
    ran = []
    sweep.sweep(lambda config: ran.append(config) or config, [{"i": i} for i in range(20)], tmp_path)
    assert len(ran) == 20 - len(done) and len(list(tmp_path.glob("*.json"))) == 20


def test_collect_folds_the_records_into_the_table_that_explorers_read(paper, tmp_path, monkeypatch):
    small = {"embedding": {"n": 60, "perplexity": 5}, "n_train": 200, "epochs": 1, "generator": {"epochs": 1},
             "hparams": {"cvae_augmentation": {"cvae_epochs": 1}}}  # fmt: skip
    monkeypatch.setitem(paper.scales, "smoke", paper.scale("smoke") | small)
    with pytest.raises(FileNotFoundError, match="lnlkit sweep 01 --scale smoke"):
        recording.collect(paper, "smoke", tmp_path)
    table = recording.obtain(paper, "smoke", tmp_path)
    grid = sweep.grid(paper, "smoke")
    assert len(table["runs"]) == len(grid) == table["made"]["planned"]
    run, record = table["runs"][0], records.read(tmp_path / recording.code_digest() / f"{sweep.key(grid[0])}.json")
    assert run["best_val"] == record["summary"]["best_val"] and run["key"] == sweep.key(grid[0])
    row = table["made"]["rows"][run["row"]]
    settings = {k: v for k, v in table["made"]["datasets"]["digits"].items() if k != "n"}
    assert settings | {k: row[k] for k in row if k != "hparams"} == {
        k: v for k, v in grid[0].items() if k not in ("row", "noise", "noise_rate", "seed", "hparams")}
    assert run["history"]["test_acc"] == pytest.approx([row["test_acc"] for row in record["history"]], abs=1e-4)
    settings = {(m["noise"], m["noise_rate"], m["seed"]) for m in table["matrices"]}
    assert settings == {(c["noise"], c["noise_rate"], c["seed"]) for c in grid}
    embedding = table["embedding"]
    assert len(embedding["x"]) == len(embedding["y_clean"]) == 60
    assert all(len(noisy["y"]) == 60 for noisy in embedding["noisy"])
    assert embedding["knn_agreement_clean"] > max(noisy["knn_agreement"] for noisy in embedding["noisy"]) - 0.1
