"""The doors of `data` against bad values."""
import os

import numpy as np
import pytest
from data_kinds import KINDS, V, X, Y
from refusals import Door, check_refusal, standard_tests

from lnlkit import data
from lnlkit.data import bundles, cifar10n, clothing1m, images, label_vectors, scenes, targets, voc

RNG, P = np.random.default_rng(0), X.reshape(4, -1) / 255.0
FOUR = data.NoisyData(X, Y, Y, 3)
VECTORS = label_vectors.NoisyLabelVectors(X, V, V, 3)
SET = dict(name="mine", x_train=X, y_train=V, x_test=X, y_test=V, n_classes=3, class_names=("a", "b", "c"), source="")
OTHER = {"other sizes": X[:, :1], "in colour": np.stack([X] * 3, 3), "features": P.astype(np.float32)}
OWN = label_vectors.LabelVectorData(**SET)
TABLE = {"x": "table", "y": "table", "y_clean": "table"}
COUNT_IS_NAMED = {"n_classes": "count"}


def take(index):
    return FOUR.take(index)


def take_vectors(index):
    return VECTORS.take(index)


READERS = [
    Door(function, dict(name="digits", data_dir=None), {"name": "name", "data_dir": "folder"})
    for function in (data.load, data.prepare)
] + [
    Door(module.read, dict(name=name, data_dir=os.devnull), {"name": "name"})
    for module, name in ((images, "digits"), (targets, "diabetes"), (label_vectors, "scenes"), (scenes, "scenes"))
] + [
    Door(module.available, dict(data_dir=None), {"data_dir": "folder"})
    for module in (data, images, label_vectors, targets)
]  # fmt: skip

CHOOSING = [
    Door(images.only, dict(images=data.load("digits"), classes=[0, 1]),
         also={"images": {"name": "digits", "nothing": None},
               "classes": {"one": [0], "twice": [1, 1], "unknown": [0, 10], "text": "01", "words": ["0", "1"]}}),
    Door(images.half, dict(images=data.load("digits"), which="first"),
         also={"images": {"name": "digits", "nothing": None},
               "which": {"third": "third", "number": 1, "nothing": None}}),
    Door(data.subset, dict(x=X, y=Y, n=2, seed=0), {"y": "labels", "seed": "seed"},
         also={"n": {"zero": 0, "half": 1.5, "too many": 5, "text": "2", "truth": True},
               "x": {"short": X[:3], "nothing": 3, "text": "x"}}, spared={"y": {"from one"}}),
    Door(data.split_validation, dict(noisy=FOUR, fraction=0.5, seed=0), {"fraction": "fraction", "seed": "seed"},
         also={"noisy": {"images": X, "nothing": None, "vectors": VECTORS,
                         "one a class": FOUR.take([0, 1, 2])},
               "fraction": {"zero": 0, "one": 1}}),
    Door(label_vectors.split_validation, dict(noisy=VECTORS, fraction=0.5, seed=0),
         {"fraction": "fraction", "seed": "seed"},
         also={"noisy": {"images": X, "nothing": None, "classes": FOUR, "one": VECTORS.take([0])},
               "fraction": {"zero": 0, "one": 1}}),
    Door(take, dict(index=[0, 3]), {"index": "positions"}),
    Door(take_vectors, dict(index=[0, 3]), {"index": "positions"}),
]

HOLDERS = [
    Door(data.Labelled, dict(x=X, y=Y, n_classes=3), {"x": "inputs", "y": "labels"} | COUNT_IS_NAMED),
    Door(data.Labelled, dict(x=X, y=V, n_classes=3), {"y": "vectors"}, spared={"y": {"class numbers"}}),
    Door(data.NoisyData, dict(x=X, y=Y, y_clean=Y, n_classes=3),
         {"x": "inputs", "y": "labels", "y_clean": "labels"} | COUNT_IS_NAMED),
    Door(data.ImageData, SET | dict(y_train=Y, y_test=Y),
         {"x_train": "inputs", "y_train": "labels", "x_test": "inputs", "y_test": "labels",
          "class_names": "names of classes"} | COUNT_IS_NAMED, also={"x_test": OTHER}),
    Door(label_vectors.LabelVectorData, SET,
         {"x_train": "inputs", "y_train": "vectors", "x_test": "inputs", "y_test": "vectors", "y_noisy": "vectors",
          "class_names": "names of classes"} | COUNT_IS_NAMED, spared={"y_noisy": {"nothing"}},
         also={"x_test": OTHER, "group": {"short": [0, 1], "halves": [0, 1, 2, 0.5], "text": "a",
                                           "ragged": [[0], [1, 2]]}}),
    Door(label_vectors.NoisyLabelVectors, dict(x=X, y=V, y_clean=V, n_classes=3),
         {"x": "inputs", "y": "vectors", "y_clean": "vectors"} | COUNT_IS_NAMED, spared={"y_clean": {"nothing"}},
         also={"group": {"short": [0, 1], "halves": [0, 1, 2, 0.5], "text": "a"}}),
    Door(label_vectors.as_vectors, dict(found=OWN), also={"found": {"name": "digits", "nothing": None, "array": X}}),
    Door(label_vectors.make_noisy, dict(data=OWN, noise="permutation", noise_rate=0.2, seed=0, n_train=2),
         {"noise": "name", "noise_rate": "fraction", "seed": "seed"},
         also={"data": {"name": "scenes", "nothing": None, "classes": FOUR}, "noise": {"nobody": "human"},
               "n_train": {"zero": 0, "half": 1.5, "too many": 5, "text": "2", "truth": True}}),
    Door(targets.Targets, dict(x=P, y=P), {"x": "table", "y": "table"}),
    Door(targets.NoisyTargets, dict(x=P, y=P, y_clean=P, outlier=Y > 0), TABLE,
         also={"outlier": {"short": Y[:3] > 0, "numbers": Y, "nothing": None, "ragged": [[0], [1, 2]]}}),
]

MAKERS = [
    Door(scenes.compose, dict(images=X, labels=Y, n=3, rng=RNG, n_labels=(0.5, 0.5), imbalance=1.0, cooccurrence=0.0,
                              shrink=1),
         {"labels": "labels", "n": "count", "rng": "generator", "imbalance": "positive", "shrink": "count",
          "cooccurrence": "fraction"},
         also={"images": {"floats": X / 255, "colour": X[..., None], "nothing": None, "short": X[:3]},
               "n_labels": {"sum": (0.5, 0.4), "text": "half", "nothing": None, "nan": [float("nan")] * 2,
                            "five": [0.2] * 5, "more than classes": (0, 0, 0, 1)},
               "shrink": {"no divisor": 3}, "imbalance": {"below one": 0.5}}),
    Door(targets.sample, dict(function="step", n=5, rate=0.2, seed=0, kind="uniform", span=(0, 1), region=None, sd=0.1),
         {"function": "name", "n": "count", "rate": "fraction", "seed": "seed", "kind": "name", "span": "interval",
          "sd": "not negative"}),
    Door(targets.sample, dict(function="step", n=5, rate=0.2, region=(0, 1)), {"region": "interval"},
         spared={"region": {"nothing"}}, also={"region": {"beside the inputs": (10, 20)}}),   # None: everywhere
    Door(targets.split_table, dict(x=P, y=np.arange(4.0), rate=0.2, seed=0, test_fraction=0.25),
         {"x": "table", "y": "numbers", "rate": "fraction", "seed": "seed", "test_fraction": "fraction"},
         spared={"x": {"text table"}, "y": {"truths"}}, also={"test_fraction": {"one": 1}}),  # text of whole numbers
]

FILES = [
    Door(function, dict(path="there") | rest, {"path": "folder"}, also={"path": {"nothing": None, "missing": "no.npz"}})
    for function, rest in ((bundles.read_npz, dict(keys=("x",))), (cifar10n.read_human_labels, {}))
] + [
    Door(data.human_labels, dict(data_dir="there"), {"data_dir": "folder"}),
] + [
    Door(function, dict(folder="there", side=8, n=2, seed=0, progress=None) | rest,
         {"folder": "folder", "side": "count", "n": "count", "seed": "seed"} | dict.fromkeys(rest, "name"),
         spared={"n": {"nothing"}}, also={"progress": {"text": "yes", "takes none": lambda: None}})
    for function, rest in ((data.read_clothing1m, {}), (data.read_clothing1m_labelled_twice, {}),
                           (clothing1m.read_part, dict(part="noisy_train")))
] + [
    Door(clothing1m.read_labels, dict(folder="there", kind="noisy"), {"folder": "folder", "kind": "name"}),
    Door(clothing1m.class_names, dict(folder="there"), {"folder": "folder"}),
    Door(voc.read, dict(name="voc2007", folder="there"), {"name": "name", "folder": "folder"}),
    Door(voc.from_jpegs, dict(name="voc2007", folder="there"), {"name": "name"}),
]  # fmt: skip

DOORS = READERS + CHOOSING + HOLDERS + MAKERS


test_bad_input_is_refused_in_one_sentence, test_the_call_works_otherwise = standard_tests(
    DOORS + FILES, KINDS, [d for d in DOORS if d.good.get("name") != "scenes"])


@pytest.mark.parametrize("name", ["no.npz", "digits.npy", "mnist.npz/"])
def test_a_file_that_is_none_is_named(name):
    check_refusal(lambda: data.load(name), "name")
