"""Runs that train together, their groups and sweeps of them against kinds of bad input; see `refusals`."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from refusals import BAD, Door, cases, check_refusal
from small_runs import digits, recipe

from lnlkit import methods
from lnlkit.run import cluster
from lnlkit.stacking import fit_together
from lnlkit.sweep_groups import sweep_groups
from lnlkit.tasks import grouping

CONFIG = {"row": "ce", "method": "ce", "network": "mlp", "seed": 0}
KINDS = BAD | {
    "function": {"nothing": None, "text": "run", "number": 3, "result": {}, "without an argument": lambda: []},
    "function or none": {"text": "run", "number": 3, "mapping": {}},
    "groups": {"nothing": None, "text": "ce", "number": 3, "one": {"row": "ce"}, "numbers": [1], "texts": ["ce"],
               "flat": [{"row": "ce"}], "of numbers": [[1]], "foreign": [[{"row": {1}}]]},
    "configurations": {"nothing": None, "text": "ce", "number": 3, "one": {"row": "ce"}, "texts": ["ce"],
                       "numbers": [1], "pairs": [("row", "ce")], "foreign": [CONFIG | {"epochs": {1}}]},
    "methods": {"nothing": None, "text": "ce", "names": ["ce", "ce"], "classes": [methods.CE, methods.CE], "number": 3,
                "one": [methods.make("ce")], "no list": methods.make("ce"), "empty": [],
                "of another task": [methods.make("l2"), methods.make("l1")]},
    "sets": {"nothing": None, "text": "digits", "number": 3, "one": [digits()], "no list": digits(), "empty": [],
             "names": ["digits", "digits"], "nothings": [None, None],
             "half": [digits(), SimpleNamespace(x=None, y=None, n_classes=3)]},
    "seeds": {"nothing": None, "text": "01", "number": 3, "one": [0], "halves": [0, 1.5], "negative": [0, -1],
              "texts": ["0", "1"], "truths": [True, False], "empty": []},
    "recipe": {"nothing": None, "text": "sgd", "mapping": {}, "number": 3},
    "trackers": {"text": "ab", "number": 3, "one": [None], "numbers": [1, 2], "results": [{}, {}],
                 "without an argument": [lambda: {}, None], "no list": lambda method: {}},
    "cluster": {"nothing": None, "number": 8786, "empty": "", "no port": "tcp://host", "no file": "none.json",
                "a folder": ".", "no scheduler's": __file__},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def fit(**call):
    """`fit_together` of methods that are new each time, unless they are given."""
    return fit_together(**{"methods": [methods.make("ce"), methods.make("gce")]} | call)


TOGETHER = Door(fit, {"sets": [digits(), digits()], "recipe": recipe(), "seeds": [0, 1], "after_epoch": None},
                {"methods": "methods", "sets": "sets", "recipe": "recipe", "seeds": "seeds",
                 "after_epoch": "trackers"})  # fmt: skip
OTHERS = [
    Door(grouping.groups, {"configs": [CONFIG, CONFIG | {"seed": 1}], "at_most": 8},
         {"configs": "configurations", "at_most": "count"}),
    Door(cluster.address_of, {"cluster": "tcp://host:8786"}, {"cluster": "cluster"}),
]  # fmt: skip
SWEEP = Door(sweep_groups, {"fn": lambda configs: [{} for _ in configs], "groups": [[CONFIG, CONFIG | {"seed": 1}]],
                            "out_dir": "runs", "executor": None, "progress": None},
             {"fn": "function", "groups": "groups", "out_dir": "folder", "executor": "function or none",
              "progress": "function or none"}, also={"out_dir": {"null": "a\0b"}})  # fmt: skip
NAMED = {  # what a sentence names when it is not the argument
    "groups": ("groups", "config", "row"), "configs": ("configs", "config", "epochs"),
    "sets": ("sets", "data", "x", "y"), "methods": ("methods", "method"),
}  # fmt: skip


@pytest.mark.parametrize("door, argument, value", cases([TOGETHER, SWEEP, *OTHERS], KINDS))
def test_bad_input_is_refused_in_one_sentence(door, argument, value, tmp_path):
    state = torch.get_rng_state()
    check_refusal(lambda: door.function(**door.good | {argument: value}), *NAMED.get(argument, (argument,)))
    assert torch.equal(torch.get_rng_state(), state) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("door", [TOGETHER, SWEEP, *OTHERS], ids=lambda door: door.name)
def test_the_call_works_otherwise(door):
    assert len(door.function(**door.good)) > 0


def test_no_runs_at_all_are_refused_by_name():
    check_refusal(lambda: fit(methods=[], sets=[], recipe=recipe(), seeds=[]), "methods")


def test_sets_that_differ_are_named_with_the_cure():
    sets = [digits(), SimpleNamespace(x=np.zeros((4, 8, 8), np.uint8), y=np.array([0, 1, 2, 1]), n_classes=3)]
    assert check_refusal(lambda: fit(**TOGETHER.good | {"sets": sets}), "sets").endswith("one by one, with fit.")
