"""Configurations and their runs against kinds of bad input: refused before any data are read; see `refusals`."""

import numpy as np
import pytest
from refusals import BAD, Door, cases, check_refusal, refuses

from lnlkit import data, papers, sweep, tasks
from lnlkit.data.label_vectors import LabelVectorData
from lnlkit.tasks import classification, configurations, corruption, label_vectors, regression

P01, P02, P05 = (papers.load(number) for number in ("01", "02", "05"))
SETTING = {"scale": "smoke", "noise_rate": 0.2, "seed": 0}
ONE = {**SETTING, "paper": P01, "row": P01.rows["ce"], "noise": "symmetric", "on": None, "schedule": None}
SEVERAL = {**SETTING, "paper": P02, "row": P02.rows["bce"], "dataset": "scenes", "noise": "permutation", "size": 1.0,
           "lambda_mi": None, "schedule": None}  # fmt: skip
NUMBERS = {**SETTING, "paper": P05, "row": P05.rows["l2"], "dataset": "cosexp", "noise": "uniform"}
PART = {"n_test": 90, "decay": {"at": [0.5], "factor": 0.1}}
CONFIGS = {classification: classification.configuration(**ONE) | PART,
           label_vectors: label_vectors.configuration(**SEVERAL),
           regression: regression.configuration(**NUMBERS)}  # fmt: skip

KINDS = BAD | {
    "paper": {"text": "01", "nothing": None, "mapping": {}},
    "row": {"text": "ce", "nothing": None, "foreign": {"id": "ce"}},
    "optional name": {"unknown": "no-such-name", "number": 3, "list": ["ce"], "empty": ""},
    "config": {"nothing": None, "text": "ce", "empty": {}, "of another task": {"task": "ordinal"},
               "half": {"task": "regression", "row": "l2"}},
}  # fmt: skip
MADE = {"paper": "paper", "row": "row", "scale": "name", "noise": "name", "noise_rate": "fraction", "seed": "seed"}

DOORS = [
    Door(classification.configuration, ONE, MADE | {"on": "optional name", "schedule": "optional name"}),
    Door(label_vectors.configuration, SEVERAL,
         MADE | {"dataset": "name", "size": "fraction", "lambda_mi": "not negative", "schedule": "optional name"},
         also={"dataset": {"numbers": "diabetes"}, "size": {"zero": 0}, "paper": {"without": P01}},
         spared={"lambda_mi": {"nothing"}}),
    Door(regression.configuration, NUMBERS, MADE | {"dataset": "name"},
         also={"dataset": {"images": "digits"}, "paper": {"without": P01}}),
    *(Door(task.grid, {"paper": P05, "scale": "smoke"}, {"paper": "paper", "scale": "name"})
      for task in (classification, label_vectors, regression, tasks)),
    Door(tasks.data_sets, {"paper": P05, "scale": "smoke"}, {"paper": "paper", "scale": "name"}),
    Door(label_vectors.settings, {"paper": P02, "scale": "smoke", "dataset": "scenes"},
         {"paper": "paper", "scale": "name"}),
    Door(tasks.of, {"config": CONFIGS[regression]}, also={"config": {"nothing": None, "text": "ce"}}),
    *(Door(function, {"config": CONFIGS[regression]}, {"config": "config"})
      for function in (tasks.train, tasks.record, regression.splits)),
    Door(classification.splits, {"config": CONFIGS[classification]}, {"config": "config"}),
    Door(label_vectors.splits, {"config": CONFIGS[label_vectors]}, {"config": "config"}),
    Door(configurations.rate, {"noise_rate": 0.2}, {"noise_rate": "fraction"}),
]  # fmt: skip
EVERY_CONFIG = pytest.mark.parametrize("task, key, value", [
    (task, key, value) for task, config in CONFIGS.items() for key, values in {
        "method": ["no-such-method", "ce" if task is regression else "l2"], "epochs": [0, "3", 1.5],
        "batch_size": [0, None], "seed": [-1, "0", 1.5], "optimizer": [{}, {"name": "sgd", "lr": "a"}, "sgd"],
        "network": ["no-such-network", None], "augment": ["mirror"], "dataset": ["no-such-set"], "noise": ["nois"],
        "noise_rate": [40, "0.4"], "n_test": [0, "5", None], "decay": [{}, {"at": [0.5], "factor": -1}, 0.1],
        "generator": [{"epoch": 3}], "size": [0, 2], "hparams": [{"q": 0.5}],
    }.items() if key in config and not (task is regression and key == "network") for value in values
], ids=str)  # fmt: skip


@pytest.mark.parametrize("door, argument, value", cases(DOORS, KINDS))
def test_bad_input_is_refused_in_one_sentence(door, argument, value):
    names = ("task",) if argument == "config" else ("name", "function") if argument == "dataset" else ()
    check_refusal(lambda: door.function(**door.good | {argument: value}), argument, *names)


@pytest.mark.parametrize("door", [door for door in DOORS if "config" not in door.good], ids=lambda door: door.name)
def test_the_call_works_otherwise(door):
    door.function(**door.good)


@EVERY_CONFIG
def test_a_configuration_that_cannot_run_is_refused_before_any_data_are_read(task, key, value, monkeypatch):
    """Noise that depends on the image takes minutes before a run comes to its network and its augmentation."""
    if key not in ("noise", "noise_rate", "size", "dataset"):  # these are the data's own
        monkeypatch.setattr(data, "load", lambda name: pytest.fail("data are read"))
    names = {"optimizer": ("settings",), "decay": ("settings", "factor"), "hparams": ("hyper-parameter of",),
             "dataset": ("name", "function"), "noise": ("kind",), "noise_rate": ("rate",),
             "size": ("n_train",)}.get(key, ())  # fmt: skip
    said = check_refusal(lambda: tasks.train(CONFIGS[task] | {key: value}))
    assert any(f"`{name}" in said for name in (key, *names)), said


@pytest.mark.parametrize("task, good", [(classification, ONE), (label_vectors, SEVERAL), (regression, NUMBERS)])
def test_rates_that_print_equal_are_one_run(task, good):
    sums = [task.configuration(**good | {"noise_rate": rate}) for rate in (0.1 * 3, np.float32(0.3))]
    same = task.configuration(**good | {"noise_rate": 0.3})
    assert {sweep.key(config) for config in sums} == {sweep.key(same)} and same["noise_rate"] == 0.3
    whole = task.configuration(**good | {"noise_rate": 0, "seed": np.int64(1)})
    assert sweep.key(whole) == sweep.key(task.configuration(**good | {"noise_rate": 0.0, "seed": 1}))


def test_kinds_of_noise_are_listed_once():
    assert (*corruption.KINDS, "given") == configurations.NOISES  # which is in a file and is not drawn


def test_a_table_has_uniform_outliers_only():
    """The others were taken for uniform ones in silence."""
    assert regression.configuration(**NUMBERS | {"dataset": "diabetes"})["noise"] == "uniform"
    refuses(Door(regression.configuration, NUMBERS | {"dataset": "diabetes"}), "noise", "flipped")


def test_one_label_an_example_becomes_vectors_but_not_the_other_way():
    assert isinstance(data.label_vectors.as_vectors(data.load("digits")), LabelVectorData)
    check_refusal(lambda: classification.noisy_set({"dataset": "scenes"}, "symmetric", 0.2, 0), "dataset")
