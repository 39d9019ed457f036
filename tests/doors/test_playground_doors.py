"""Pictures of the playground, and what is recorded example by example: other things are refused in one sentence."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from refusals import BAD, Door, standard_tests
from sklearn.mixture import GaussianMixture

from lnlkit import recorded
from lnlkit.recorded import by_example
from lnlkit.viz import playground

TABLE = recorded.load("00")
RUNS = TABLE.runs.query("dataset == 'digits' and noise == 'symmetric' and row == 'ce'")
IMAGES, Y = (of[:3] for of in (by_example.load()[1]["digits"].images, by_example.load()[1]["digits"].y_clean))
LOSS = np.array([0.1, 0.2, 2.0, 2.2])
PANEL = LOSS, np.array([False, False, True, True]), GaussianMixture(2, random_state=0).fit(LOSS[:, None])
NO_GUESSES = {"list": [50], "number": 50, "text": "50"}


def without(runs):
    return dataclasses.replace(TABLE, runs=runs)


KINDS = BAD | {
    "table": {"nothing": None, "text": "00", "runs": TABLE.runs, "another notebook's": recorded.load("01"),
              "no runs": without(TABLE.runs[:0]), "no rates": without(TABLE.runs.drop(columns="noise_rate"))},
    "runs": {"nothing": None, "list": [], "empty": RUNS[:0], "no columns": pd.DataFrame(),
             "no rates": RUNS.drop(columns="noise_rate"), "texts": RUNS.assign(last="high")},
    "rate": {"nothing": None, "text": "0.4", "per cent": 40, "not recorded": 0.45},
    "guesses": NO_GUESSES,
    "panels": {"nothing": None, "list": [PANEL], "empty": {}},
}  # fmt: skip
DOORS = [
    Door(playground.overview, {"table": TABLE, "dataset": "digits", "value": "last"},
         {"table": "table", "dataset": "name", "value": "name"}),
    Door(playground.memorisation, {"table": TABLE, "noise_rate": 0.4, "guesses": {"test_acc": 50}},
         {"table": "table", "noise_rate": "rate", "guesses": "guesses"}),
    Door(playground.same_matrix, {"table": TABLE, "noise_rate": 0.4, "guesses": {"model_idn": 50}},
         {"table": "table", "noise_rate": "rate", "guesses": "guesses"}),
    Door(playground.curves, {"runs": RUNS, "guesses": {0.2: 50}, "beside": RUNS},
         {"runs": "runs", "guesses": "guesses", "beside": "runs"}, spared={"beside": {"nothing"}}),
    Door(playground.small_loss, {"panels_by_title": {"one": PANEL}}, {"panels_by_title": "panels"}),
    Door(playground.labelling, {"images": IMAGES, "y_clean": Y, "labels": [0, 1, 2]},
         also={"labels": {"too many": [0] * 4, "no class": [0, 1, 10], "texts": ["a", "b", "c"], "nothing": None},
               "y_clean": {"too few": Y[:2], "no class": Y + 9}}),
    Door(by_example.network, {"noise": "symmetric"}, {"noise": "name"}),
]  # fmt: skip


test_bad_input_is_refused_in_one_sentence, test_the_call_works_otherwise = standard_tests(DOORS, KINDS)


def test_no_losses_are_drawn_where_their_labels_are_missing():
    with pytest.raises(ValueError, match="`loss` and `wrong` must hold the same number"):
        playground.small_loss({"one": (LOSS[:2], *PANEL[1:])})
