"""The doors of noise on data sets, and of the scores that some kinds of it need."""

import dataclasses
import functools

import numpy as np
import pandas as pd
import pytest
import torch
from refusals import BAD, Door, check_refusal, standard_tests

from lnlkit import data, papers, tasks
from lnlkit.tasks import configurations, corruption, running

KINDS = BAD | {
    "kind": {**BAD["name"], "near": "symetric", "other": "permutation"},
    "device": {"tpu": "tpu", "number": 3, "nothing": None, "empty": "", "list": ["cpu"], "missing": "cuda:99"},
    "images": {"nothing": None, "name": "digits", "array": np.zeros((4, 8, 8), np.uint8), "pair": ([], [])},
    "generator settings": {"number": 20, "dict": {"epochs": 20}, "text": "idn_cnn", "class": corruption.IDNGenerator},
    "scores": {"nothing": None, "text": "S", "nan": np.full((4, 3), np.nan), "short": np.full((3, 3), 0.3),
               "one row": np.full(3, 0.3), "truths": np.ones((4, 3), bool), "texts": np.full((4, 3), "a")},
    "pictures": {"nothing": None, "short": np.zeros((3, 8, 8), np.uint8), "floats": np.zeros((4, 8, 8)),
                 "numbers": np.zeros(4, np.uint8), "text": "x"},
    "facts": {"nothing": None, "pair": ((0.1,), (0.3,)), "name": "digits"},
    "labelled": {"nothing": None, "array": np.zeros((4, 8, 8), np.uint8), "name": "digits"},
}  # fmt: skip
X, Y, S = np.arange(256, dtype=np.uint8).reshape(4, 8, 8), np.array([0, 1, 2, 1]), np.full((4, 3), 1 / 3)
MINE = data.ImageData("mine", X, Y, X, Y, 3, "made up", ("a", "b", "c"))
CLEAN = data.Labelled(X, Y, 3)
LABELS = {"x": X, "y": Y, "kind": "symmetric", "noise_rate": 0.5, "seed": 0, "n_classes": 3}
SCORED = {"clean": CLEAN, "facts": corruption.pixels_of("mine", X), "generator": corruption.IDNGenerator(), "seed": 0}


def scored_labels(**arguments):
    return corruption.corrupt_labels(**arguments)


def noisy_images(x_train, y_train):
    mine = dataclasses.replace(MINE, x_train=x_train, y_train=y_train)
    return corruption.make_noisy(mine, "symmetric", 0.5)


def generator_settings(**settings):
    return corruption.IDNGenerator(**settings)


def one_thread_run(device):
    return running.train(None, {"method": "ce", "hparams": {}}, device)


DOORS = [
    Door(corruption.corrupt_labels, LABELS, {"y": "labels", "kind": "kind", "noise_rate": "fraction", "seed": "seed",
                                             "n_classes": "count"}, also={"x": {"short": X[:3]}}),
    Door(scored_labels, LABELS | {"kind": "model_idn", "scores": S}, {"scores": "scores"}),
    Door(scored_labels, LABELS | {"kind": "part_dependent"}, {"x": "pictures"}),
    Door(scored_labels, LABELS | {"kind": "asymmetric", "mapping": {0: 1}}, also={"mapping": {
        "nothing": None, "unknown": "cifar100", "beyond": {0: 7}, "texts": {"a": "b"}, "list": [1, 2], "number": 3}}),
    Door(corruption.make_noisy, {"images": MINE, "kind": "symmetric", "noise_rate": 0.0, "seed": 0},
         {"images": "images", "kind": "kind", "noise_rate": "fraction", "seed": "seed", "n_train": "count",
          "device": "device", "generator": "generator settings"}, spared={"n_train": {"nothing"}}),
    Door(corruption.make_noisy, {"images": MINE, "kind": "model_idn", "noise_rate": 0.5}, {"cache_dir": "folder"}),
    Door(noisy_images, {"x_train": X, "y_train": Y}, {"x_train": "pictures", "y_train": "labels"}),
    Door(corruption.pixels_of, {"name": "mine", "x": X}, {"x": "pictures"}, spared={"x": {"short"}}),
    Door(corruption.mean_scores, SCORED, {"clean": "labelled", "facts": "facts", "generator": "generator settings",
                                          "seed": "seed", "device": "device"}),
    Door(corruption.cached_scores, SCORED, {"clean": "labelled", "facts": "facts", "generator": "generator settings",
                                            "seed": "seed", "device": "device", "cache_dir": "folder"}),
    Door(generator_settings, dataclasses.asdict(corruption.IDNGenerator()), {
        "network": "name", "epochs": "count", "batch_size": "count", "lr": "positive", "momentum": "fraction"}),
    Door(one_thread_run, {"device": "cpu"}, {"device": "device"}),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_training(monkeypatch):
    monkeypatch.setattr(corruption, "average_predictions", lambda *_, **__: pytest.fail("trained first"))


test_bad_input_is_refused_in_one_sentence, test_the_call_works_otherwise = standard_tests(DOORS, KINDS, DOORS[:5])


@pytest.mark.parametrize("form", [list, torch.from_numpy, pd.Series, lambda y: y[:, None], np.uint8])
def test_labels_of_every_welcome_form_get_the_same_noise(form):
    np.testing.assert_array_equal(noisy_images(X, form(Y)).y, noisy_images(X, Y).y)
    same = corruption.corrupt_labels(**LABELS | {"y": form(Y)})
    np.testing.assert_array_equal(same, corruption.corrupt_labels(**LABELS))


def test_scores_of_other_classes_are_refused_and_rates_are_what_they_print():
    for n in (2, 5):
        scored = LABELS | {"kind": "model_idn", "scores": S[:, :1].repeat(n, 1)}
        check_refusal(functools.partial(corruption.corrupt_labels, **scored), "scores")
    check_refusal(lambda: configurations.rate(0.99999999), "noise_rate")
    assert str(configurations.rate(-0.0)) == "0.0" and configurations.rate(np.float32(0.2)) == 0.2


@pytest.mark.parametrize("name, value", [("hparams", None), ("generator", None), ("amp", "no"), ("oracle", True),
                                         ("val_fraction", 0)])  # fmt: skip
def test_a_configuration_of_ones_own_is_checked_before_noise_is_made(name, value):
    paper = papers.load("01_cvae_augmentation")
    config = tasks.classification.configuration(paper, "smoke", paper.rows["ce"], "model_idn", 0.2, 0)
    check_refusal(lambda: tasks.record(config | {name: value}), name, "fraction")
