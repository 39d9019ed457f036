"""Kinds of bad values that only data have, of 4 examples and 3 classes: inputs, label vectors, scores, matrices."""
import numpy as np
from refusals import BAD, NAN

Y = np.array([0, 1, 2, 1])
V = np.eye(3, dtype=np.uint8)[Y]
X = np.arange(64, dtype=np.uint8).reshape(4, 4, 4)

NO_ARRAY = {"nothing": None, "text": "0 1", "mapping": {}, "ragged": [[0], [1, 2]], "objects": np.array([None] * 4)}

KINDS = BAD | {
    "matrix": NO_ARRAY | {"not square": np.ones((2, 3)), "negative": -np.eye(3), "nan": np.full((3, 3), NAN),
                          "columns": np.array([[0.9, 0.3, 0.3], [0.1, 0.7, 0], [0, 0, 0.7]])},
    "vectors": NO_ARRAY | {"class numbers": Y, "twos": 2 * V, "halves": V / 2, "nan": np.full((4, 3), NAN),
                           "text table": V.astype(str), "no classes": np.zeros((4, 0)), "short": V[:3]},
    "numbers": NO_ARRAY | {"nan": np.full(4, NAN), "infinite": np.full(4, np.inf), "short": np.zeros(3),
                           "truths": np.array([True] * 4)},
    "table": NO_ARRAY | {"nan": np.full((4, 2), NAN), "infinite": np.full((4, 2), np.inf), "short": np.zeros((3, 2)),
                         "flat": np.zeros(4), "text table": V.astype(str)},
    "scores": NO_ARRAY | {"nan": np.full((4, 3), NAN), "one class": np.ones((4, 1)), "flat": np.ones(4),
                          "short": np.ones((3, 3))},
    "inputs": NO_ARRAY | {"floats": X / 255, "nan": np.full((4, 2), NAN), "infinite": np.full((4, 2), 1e300),
                          "whole numbers": X.astype(int), "channels first": np.zeros((4, 3, 8, 8), np.uint8),
                          "flat": np.zeros(4), "none": X[:0], "short": X[:3]},
    "positions": NO_ARRAY | {"one": 1, "too far": [0, 4], "halves": [0.5], "short mask": [True, False], "none": []},
    "interval": NO_ARRAY | {"one": [1], "three": [1, 2, 3], "nan": [0, NAN], "upside down": [2, 1], "number": 2.0},
    "names of classes": {"nothing": None, "number": 3, "text": "abc", "too few": ("a", "b")},
}  # fmt: skip
