"""Exercises of notebook 01: right answers, and mistakes that are told by name."""

import numpy as np
from exercise_cases import standard_tests

from lnlkit import noise


def per_class(y, S, rate):
    y_noisy = y.copy()
    for k in np.unique(y):
        members = np.flatnonzero(y == k)
        y_noisy[members] = noise.flip_hardest(y[members], S[members], rate)
    return y_noisy


RIGHT = {
    "01.1": {"one class at a time": per_class},
    "01.2": {"Bayes' rule": lambda T, n: n * np.diag(T) / (n @ T),
             "as a list": lambda T, n: [n[c] * T[c, c] / sum(n[k] * T[k, c] for k in range(len(n)))
                                        for c in range(len(n))]},
}  # fmt: skip
WRONG = {
    "01.1": {"the whole set": (noise.flip_hardest, "and not of the whole set"),
             "the easiest": (lambda y, S, rate: per_class(y, 1 - S, rate), "easier image was flipped"),
             "rounded up": (lambda y, S, rate: per_class(y, S, rate + 0.02), "floor(p n_k)")},
    "01.2": {"the diagonal": (lambda T, n: np.diag(T), "the other way round"),
             "equal classes": (lambda T, n: np.diag(T) / T.sum(0), "sum_k n_k T_kc"),
             "transposed": (lambda T, n: n * np.diag(T) / (T @ n), "sum_k n_k T_kc")},
}  # fmt: skip

test_right, test_wrong, test_all, test_stub = standard_tests("01", RIGHT, WRONG)
