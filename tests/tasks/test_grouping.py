"""Which configurations train together, and that their records are those of single runs."""

import pytest

from lnlkit import papers, records, stacking, tasks
from lnlkit.tasks import grouping, running

BASE = {"row": "ce", "noise": "symmetric", "noise_rate": 0.2, "seed": 0, "dataset": "digits", "n_train": 200,
        "val_fraction": 0.1, "method": "ce", "hparams": {}, "augment": None, "oracle": False, "network": "mlp",
        "optimizer": {"name": "sgd", "lr": 0.05, "momentum": 0.9}, "epochs": 2, "batch_size": 32, "generator": {},
        "amp": False}  # fmt: skip
APART = [{"network": "small_cnn"}, {"method": "coteaching"}, {"method": "no such"}, {"method": ["ce"]},
         {"oracle": True}, {"amp": True}, {"network": None}]  # fmt: skip
TOGETHER = [{"noise": "pairflip"}, {"noise_rate": 0.4}, {"seed": 3}, {"row": "gce", "method": "gce"},
            {"method": "gce", "hparams": {"q": 0.1}}, {"generator": {"epochs": 1}}]  # fmt: skip
OTHERS = [{"epochs": 3}, {"batch_size": 16}, {"optimizer": {"name": "adam", "lr": 1e-3}}, {"n_train": 100},
          {"augment": "affine"}, {"val_fraction": 0.2}, {"dataset": "mnist"}, {"decay": {"at": [0.5], "factor": 0.1}},
          {"classes": [1, 2]}, {"schedule": "long"}]  # fmt: skip


def sizes(*changes, **more) -> list[int]:
    return [len(group) for group in tasks.groups([BASE | change for change in changes], **more)]


@pytest.mark.parametrize("change", APART)
def test_runs_that_cannot_be_stacked_are_alone(change):
    assert sizes(change, change) == [1, 1] and sizes({}, change, {}) == [2, 1]


@pytest.mark.parametrize("change", TOGETHER)
def test_runs_of_other_noise_seed_or_loss_are_together(change):
    assert sizes({}, change) == [2]


@pytest.mark.parametrize("change", OTHERS)
def test_runs_of_other_settings_are_apart(change):
    assert sizes({}, change, {}, change) == [2, 2]


def test_groups_keep_the_order_and_lose_nothing():
    configs = [BASE | {"seed": seed, "epochs": epochs} for seed in range(5) for epochs in (2, 3)]
    configs.insert(3, BASE | {"network": "small_cnn"})
    found = tasks.groups(configs, at_most=3)
    assert [len(group) for group in found] == [3, 3, 1, 2, 2]
    assert [configs.index(group[0]) for group in found] == sorted(configs.index(group[0]) for group in found)
    assert sorted(map(str, configs)) == sorted(str(config) for group in found for config in group)
    assert sizes(*[{}] * 20) == [8, 8, 4]


def test_every_configuration_of_a_paper_is_in_one_group():
    for key in papers.KEYS:
        grid = tasks.grid(papers.load(key), "lab")
        groups = tasks.groups(grid)
        assert sum(len(group) for group in groups) == len(grid)
        assert all(config["network"] in grouping.NETWORKS for group in groups if len(group) > 1 for config in group)


@pytest.mark.parametrize("groups, said", [(3, "configs"), ([3], "configs"), ("ce", "configs")])
def test_what_is_no_configuration_is_named(groups, said):
    with pytest.raises((ValueError, TypeError), match=f"`{said}` must be"):
        tasks.groups(groups)


def assert_same(found: dict, wanted: dict) -> None:
    """The whole record, but for what it cost; numbers to rounding."""
    assert list(found) == list(wanted)
    for name in wanted.keys() - {*records.TIMINGS, "history", "summary"}:
        assert found[name] == wanted[name], name
    assert found["summary"] == pytest.approx(wanted["summary"], abs=1e-6)
    for row, its in zip(found["history"], wanted["history"], strict=True):
        assert list(row) == list(its) and row == pytest.approx(its, rel=1e-4, abs=1e-6)


def test_records_made_together_are_those_of_single_runs():
    """Two that train together, one that can't between them; in the order asked for."""
    configs = [BASE, BASE | {"method": "coteaching", "hparams": {"num_gradual": 1}},
               BASE | {"noise_rate": 0.5, "seed": 2, "method": "gce", "hparams": {"q": 0.4}}]  # fmt: skip
    found = tasks.records_together(configs)
    for record, config in zip(found, configs, strict=True):
        assert record["config"] == config
        assert_same(record, tasks.record(config))
    assert found[0]["seconds"] == found[2]["seconds"] < 60 and 0 < found[0]["cpu_seconds"] == found[2]["cpu_seconds"]
    assert [record["together"] for record in found] == [2, 1, 2]  # whose time it is can be told
    assert [record["needs"] for record in found] == [[], ["noise rate"], []]


def test_records_of_regressions_too():
    paper = papers.load("05")
    config = next(c for c in tasks.grid(paper, "smoke") if c["method"] == "l2" and c.get("task") == "regression")
    configs = [config | {"epochs": 2, "seed": seed, "method": method} for seed in (0, 1) for method in ("l2", "l1")]
    assert [len(group) for group in tasks.groups(configs)] == [4]
    for record, config in zip(tasks.records_together(configs), configs, strict=True):
        alone = tasks.record(config)
        assert record["summary"] == pytest.approx(alone["summary"], rel=1e-4) and list(record) == list(alone)


def test_what_turns_out_not_to_be_stackable_is_made_one_by_one(monkeypatch):
    def refuses(*_):
        raise stacking.NotStackable("`sets` must be alike.")

    monkeypatch.setattr(running, "train_together", refuses)
    found = tasks.records_together([BASE, BASE | {"seed": 1}])
    assert all(records.same_result(record, tasks.record(record["config"])) for record in found)
    assert [record["config"]["seed"] for record in found] == [0, 1]


def test_a_run_that_fails_is_not_hidden():
    with pytest.raises(FloatingPointError, match="the loss of CE became"):
        tasks.records_together([BASE | {"seed": seed, "optimizer": {"name": "sgd", "lr": 1e30}} for seed in (0, 1)])
