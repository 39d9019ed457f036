"""`show` and `assert_same`: what is no function, or cannot be compared, is refused before it is taken for equal."""

import functools

import numpy as np
import pytest
import torch
from refusals import BAD, Door, cases, check_refusal, refuses
from torch.nn import functional as F

from lnlkit import lab, noise

LOGITS, Y = torch.arange(8.0).reshape(4, 2), torch.tensor([0, 1, 1, 0])


def loss(logits, y):
    return F.cross_entropy(logits, y, reduction="none")


def same(mine, theirs=loss, tensors=(LOGITS, Y), **options):
    return lab.assert_same(mine, theirs, *tensors, **options)


NO_FUNCTION = {"tensor": LOGITS, "called": loss(LOGITS, Y), "text": "loss", "nothing": None, "number": 3}
KINDS = BAD | {
    "function": NO_FUNCTION | {
        "fewer arguments": lambda logits: logits, "more arguments": lambda logits, y, T: logits,
        "by name alone": lambda *, logits, y: logits, "none": lambda: 0.0,
        "returns nothing": lambda logits, y: None, "returns text": lambda logits, y: "0.5",
        "returns a dict": lambda logits, y: {"loss": logits}, "returns an empty tuple": lambda logits, y: (),
        "returns no examples": lambda logits, y: logits[:0],
    },
    "names": {"text": "xy", "one": ["logits"], "three": ["a", "b", "c"], "number": 2, "empty": []},
    "shown": {**NO_FUNCTION, "list": [loss], "builtin": len, "array": np.zeros(3), "truth": True, "made by C": np.array,
              "partial of a builtin": functools.partial(len, [])},
}  # fmt: skip
DOORS = [
    Door(lab.show, {"obj": noise.corrupt}, {"obj": "shown"}),
    Door(same, {"mine": loss, "theirs": loss, "names": ["logits", "y"], "rtol": 1e-4, "atol": 0},
         {"mine": "function", "theirs": "function", "names": "names", "rtol": "not negative", "atol": "not negative"}),
]  # fmt: skip


@pytest.mark.parametrize("door, argument, value", cases(DOORS, KINDS))
def test_bad_input_is_refused_in_one_sentence(door, argument, value):
    refuses(door, argument, value)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_the_call_works_otherwise(door, capsys):
    door.function(**door.good)
    assert capsys.readouterr().out


def test_the_signature_is_told():
    said = check_refusal(lambda: same(lambda logits, T: logits, tensors=(LOGITS,)), "mine")
    assert "must take the 1 arguments given, but <lambda>(logits, T) does not: missing a required argument: 'T'" in said


def test_functions_without_a_signature_are_called(capsys):
    same(torch.exp, lambda x: x.exp(), (LOGITS,))
    assert capsys.readouterr().out == "same values and gradients on argument 1: exp\n"


# ---- what is equal


def at(*values):
    return lambda x: torch.tensor(values) + 0 * x.nan_to_num()


NAN = float("nan")


def test_nan_equals_nan_and_nothing_else(capsys):
    x = torch.ones(3)
    same(at(1.0, NAN, 2.0), at(1.0, NAN, 2.0), (x,))
    assert capsys.readouterr().out.startswith("same values")
    with pytest.raises(AssertionError, match=r"output 1: .* differ: at 1 of 3 places one is NaN\."):
        same(at(1.0, NAN, 2.0), at(1.0, 0.0, 2.0), (x,))
    with pytest.raises(AssertionError, match=r"output 1: .* differ by up to 0.5\."):
        same(at(1.0, NAN, 2.0), at(1.0, NAN, 2.5), (x,))  # the gap is that of the others, not nan
    with pytest.raises(AssertionError, match="differ by up to inf"):
        same(at(1.0, float("inf"), 2.0), at(1.0, 0.0, 2.0), (x,))


def test_whole_numbers_and_truth_values_are_compared(capsys):
    same(lambda y: (y.flip(0), y > 0), lambda y: (y.flip(0), y > 0), (Y,))
    assert capsys.readouterr().out.startswith("same values on argument 1")
    with pytest.raises(AssertionError, match="output 2: .* differ by up to 1"):
        same(lambda y: (y, y > 0), lambda y: (y, y >= 0), (Y,))
    with pytest.raises(AssertionError, match="output 1: .* differ by up to 1"):
        same(lambda y: y + 1, lambda y: y, (Y,))
