"""Doors against kinds of bad input: a public function, a call that works, and what each of its arguments is.

Every bad value of an argument's kind must be refused in one sentence of the kit's own, that names the argument.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lnlkit

PACKAGE = str(Path(lnlkit.__file__).parent)
REFUSALS = (ValueError, TypeError, FileNotFoundError)
NAN = float("nan")

NO_NUMBER = {"text": "0.2", "nothing": None, "truth": True, "list": [0.2], "nan": NAN}
NO_LABELS = {
    "text": np.array(["0", "1", "2", "1"]), "halves": np.array([0, 1, 2, 0.5]), "nan": np.array([0, 1, 2, NAN]),
    "floats": np.array([0.0, 1.0, 2.0, 1.0]), "from one": np.array([1, 2, 3, 1]), "negative": np.array([0, 1, -1, 2]),
    "row": np.array([[0, 1, 2, 1]]), "table": np.zeros((4, 2), int), "one number": 3, "truths": np.array([True] * 4),
    "objects": np.array([0, "1", None, 2], dtype=object), "nothing": None, "mapping": {"y": [0, 1, 2, 1]},
    "ragged": [[0], [1, 2], [0], [1]], "short": np.array([0, 1, 2]),
}  # fmt: skip

BAD: dict[str, dict[str, Any]] = {
    "fraction": {**NO_NUMBER, "per cent": 20, "negative": -0.1, "infinite": float("inf")},
    "count": {**NO_NUMBER, "zero": 0, "negative": -1, "half": 1.5},
    "positive": {**NO_NUMBER, "zero": 0, "negative": -0.5, "infinite": float("inf")},
    "not negative": {**NO_NUMBER, "negative": -0.5, "infinite": float("inf")},
    "seed": {**NO_NUMBER, "negative": -1, "float": 0.0, "half": 1.5, "huge": 2**63},
    "generator": {"seed": 0, "nothing": None, "text": "rng", "old": np.random.RandomState(0)},
    "name": {"unknown": "no-such-name", "number": 3, "nothing": None, "list": ["ce"], "empty": ""},
    "labels": NO_LABELS,  # of 4 examples and 3 classes
    "folder": {"number": 3, "empty": "", "mapping": {}},
}
"""Bad values by kind of argument. A table of doors adds kinds of its own with `BAD | {...}`."""


@dataclass(frozen=True)
class Door:
    """A public function, the keyword arguments of a call that works, and the kind of each argument that is checked.

    also: {argument: {what: bad value}} beyond its kind; spared: {argument: {what}} of its kind that are welcome here;
    called: the name in the sentence where it is another than the argument's.
    """

    function: Callable
    good: dict[str, Any]
    kinds: dict[str, str] = field(default_factory=dict)
    also: dict[str, dict[str, Any]] = field(default_factory=dict)
    spared: dict[str, set[str]] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.function.__module__.removeprefix('lnlkit.')}.{self.function.__qualname__}"

    def bad(self, kinds: dict) -> list[tuple[str, str, Any]]:
        """(argument, what, value) for every bad value."""
        found = [(argument, what, value) for argument, kind in self.kinds.items()
                 for what, value in kinds[kind].items() if what not in self.spared.get(argument, ())]  # fmt: skip
        return found + [(argument, what, value) for argument, values in self.also.items()
                        for what, value in values.items()]  # fmt: skip


def cases(doors: list[Door], kinds: dict = BAD) -> list:
    """Parameters (door, argument, value) of a test, one a bad value."""
    return [pytest.param(door, argument, value, id=f"{door.name}({argument}={what})")
            for door in doors for argument, what, value in door.bad(kinds)]  # fmt: skip


def check_refusal(call: Callable, *names: str) -> str:
    """The sentence of a refusal: the kit's own, one line, naming the argument (one of `names`) as `name`."""
    with pytest.raises(REFUSALS) as caught:
        call()
    error, said = caught.value, str(caught.value)
    raised_in = caught.traceback[-1].path
    assert str(raised_in).startswith(PACKAGE), f"a foreign error from {raised_in}: {type(error).__name__}: {said}"
    assert "\n" not in said and said.endswith((".", "?")) and len(said) < 500, said
    assert not names or any(f"`{name}`" in said for name in names), f"none of {names} is named: {said}"
    return said


def refuses(door: Door, argument: str, value) -> str:
    """The sentence with which a door refuses a bad value in a call that works otherwise."""
    return check_refusal(lambda: door.function(**door.good | {argument: value}), door.called.get(argument, argument))


def standard_tests(doors: list[Door], kinds: dict = BAD, working: list[Door] | None = None) -> tuple:
    """The tests of a table: a bad value is refused in one sentence; the call (of `working` doors) works otherwise."""

    @pytest.mark.parametrize("door, argument, value", cases(doors, kinds))
    def test_bad_input_is_refused_in_one_sentence(door, argument, value):
        refuses(door, argument, value)

    @pytest.mark.parametrize("door", doors if working is None else working, ids=lambda door: door.name)
    def test_the_call_works_otherwise(door):
        door.function(**door.good)

    return test_bad_input_is_refused_in_one_sentence, test_the_call_works_otherwise
