"""Numbers of an answer are held against those that are wanted, whatever their shape, and where they differ is told."""

import numpy as np
import pytest
import torch

from lnlkit.exercises import Mistake, ask, expect_close

NAN = float("nan")


@pytest.mark.parametrize("got, wanted", [
    (1.0, 1.00005), ([1, 2], (1, 2)), (torch.ones(2, requires_grad=True), np.ones(2)), (1e6 + 50, 1e6),
    ([NAN, 1.0], [NAN, 1.0]), (np.zeros((0, 2)), np.zeros((0, 2))),
])  # fmt: skip
def test_what_is_close_passes(got, wanted):
    expect_close(got, wanted, "never said")


@pytest.mark.parametrize("got, wanted, said", [
    (2.0, 1.0, "got 2, wanted 1: why"), ([1.0, 5.0, 2.5], [1.0, 2.0, 2.0], "got 5, wanted 2 at 1: why"),
    (NAN, 1.0, "got nan, wanted 1: why"), ([NAN, NAN], [1.0, 2.0], "got nan, wanted 1 at 0: why"),
    ([1.0, 2.0], [NAN, 2.0], "got 1, wanted nan at 0: why"),
    ([[1.0]], [1.0], r"got shape \(1, 1\), wanted \(1,\): why"),
    (float("inf"), 1.0, "got inf, wanted 1: why"),
    ("no", 1.0, "got str, wanted numbers: why"),
])  # fmt: skip
def test_what_is_not_is_told_with_its_place(got, wanted, said):
    with pytest.raises(Mistake, match=f"^{said}$"):
        expect_close(got, wanted, "why")


def test_an_answer_gets_copies_and_its_error_is_told_in_a_line():
    mine = np.zeros(3)
    ask(lambda x: x.__iadd__(1), mine)
    assert not mine.any()
    with pytest.raises(Mistake, match="it raised ZeroDivisionError in line [0-9]+ of its cell: division by zero"):
        ask(lambda: 1 / 0)
