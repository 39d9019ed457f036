"""The doors of `noise` against bad values."""
import numpy as np
import pytest
from refusals import BAD, NAN, Door, cases, refuses

from lnlkit import noise

Y, V = np.array([0, 1, 2, 1]), np.eye(3, dtype=np.uint8)[[0, 1, 2, 1]]       # 4 labels of 3 classes, and as vectors
T, RNG = np.eye(3), np.random.default_rng(0)
NO_ARRAY = {"nothing": None, "text": "0 1", "mapping": {}, "ragged": [[0], [1, 2]], "objects": np.array([None] * 4)}

KINDS = BAD | {
    "matrix": NO_ARRAY | {"not square": np.ones((2, 3)), "negative": -np.eye(3), "nan": np.full((3, 3), NAN),
                          "columns": np.array([[0.9, 0.3, 0.3], [0.1, 0.7, 0], [0, 0, 0.7]])},
    "vectors": NO_ARRAY | {"class numbers": Y, "twos": 2 * V, "halves": V / 2, "nan": np.full((4, 3), NAN),
                           "text table": V.astype(str), "no classes": np.zeros((4, 0))},
    "numbers": NO_ARRAY | {"nan": np.full(4, NAN), "infinite": np.full(4, np.inf), "short": np.zeros(3),
                           "truths": np.array([True] * 4)},
    "scores": NO_ARRAY | {"nan": np.full((4, 3), NAN), "one class": np.ones((4, 1)), "flat": np.ones(4),
                          "short": np.ones((3, 3))},
    "images": NO_ARRAY | {"floats": np.zeros((4, 8, 8)), "nan": np.full((4, 2), NAN),
                          "infinite": np.full((4, 2), 1e300), "whole numbers": np.zeros((4, 8, 8), int),
                          "channels first": np.zeros((4, 3, 8, 8), np.uint8),
                          "none": np.zeros((0, 8, 8), np.uint8), "short": np.zeros((3, 8, 8), np.uint8)},
}
RATE = {"n_classes": "count", "noise_rate": "fraction"}
ONE_CLASS = {"n_classes": {"one": 1}}

DOORS = [
    Door(noise.symmetric, dict(n_classes=3, noise_rate=0.2, kind="exact"), RATE | {"kind": "name"}, also=ONE_CLASS),
    Door(noise.pairflip, dict(n_classes=3, noise_rate=0.2), RATE, also=ONE_CLASS),
    Door(noise.asymmetric, dict(mapping={0: 1}, n_classes=3, noise_rate=0.2), RATE | {"mapping": "name"},
         also=ONE_CLASS | {"mapping": {"same": {1: 1}, "out of range": {0: 3}, "text": {"a": "b"}, "set": {0, 1}}}),
    Door(noise.corrupt, dict(y=Y, T=T, rng=RNG), {"y": "labels", "T": "matrix", "rng": "generator"},
         spared={"y": {"short"}}),
    Door(noise.largest_remainder, dict(shares=np.array([0.5, 1.5]), rng=RNG), {"shares": "numbers", "rng": "generator"},
         also={"shares": {"negative": np.array([-0.5, 1.5])}}, spared={"shares": {"short"}}),
    Door(noise.measured_rate, dict(y_clean=Y, y_noisy=Y), {"y_clean": "labels", "y_noisy": "labels"},
         spared={"y_clean": {"from one"}, "y_noisy": {"from one"}}),         # how many classes there are isn't known
    Door(noise.measured_T, dict(y_clean=Y, y_noisy=Y, n_classes=3),
         {"y_clean": "labels", "y_noisy": "labels", "n_classes": "count"}),
    Door(noise.permute_labels, dict(y=V, rate=0.5, rng=RNG), {"y": "vectors", "rate": "fraction", "rng": "generator"}),
    Door(noise.measured_transitions, dict(latent=V, noisy=V), {"latent": "vectors", "noisy": "vectors"},
         also={"noisy": {"short": V[:3], "fewer classes": V[:, :2]}}),
    Door(noise.replace_targets, dict(y=np.zeros(4), new=np.ones(4), rate=0.5, rng=RNG),
         {"y": "numbers", "new": "numbers", "rate": "fraction", "rng": "generator"},
         also={"where": {"positions": np.array([0, 1]), "short": np.array([True]), "text": "all", "mapping": {}},
               "new": {"column": np.ones((4, 1))}}),
    Door(noise.mislabelling_scores, dict(S=np.ones((4, 3)) / 3, y=Y), {"S": "scores", "y": "labels"}),
    Door(noise.flip_hardest, dict(y=Y, S=np.ones((4, 3)) / 3, noise_rate=0.2),
         {"S": "scores", "y": "labels", "noise_rate": "fraction"}),
    Door(noise.part_dependent, dict(x=np.zeros((4, 8, 8), np.uint8), y=Y, noise_rate=0.2, rng=RNG, n_classes=3,
                                    scaling="raw", temperature=1.0, sd=0.1),
         RATE | {"x": "images", "y": "labels", "rng": "generator", "scaling": "name", "temperature": "positive",
                 "sd": "fraction"}, also=ONE_CLASS),
]


@pytest.mark.parametrize("door, argument, value", cases(DOORS, KINDS))
def test_bad_input_is_refused_in_one_sentence(door, argument, value):
    refuses(door, argument, value)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_the_call_works_otherwise(door):
    door.function(**door.good)
