"""The exercises by name, and the check of an answer: one line, never a traceback."""

import functools
import importlib
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lnlkit import checks, papers
from lnlkit.exercises.asking import Mistake, NotDone

COHORT = "LNLKIT_COHORT"
_KNOWN: dict[str, "Exercise"] = {}


@dataclass(frozen=True)
class Exercise:
    """An exercise: its name ("01.2"), title and minutes, the name that its answer has in the notebook, and its check.

    test: `test(answer, rng)` raises NotDone or Mistake, or returns what is said of a right answer.
    """

    name: str
    answer: str
    title: str
    minutes: int
    test: Callable


@dataclass(frozen=True)
class Outcome:
    """What a check found: `done` and `right`, and `said`, its one line."""

    name: str
    done: bool
    right: bool
    said: str


def exercise(name: str, *, answer: str, title: str, minutes: int):
    """Decorator: the function is the check of the exercise of this name, see the package."""

    def add(test):
        if name in _KNOWN and _KNOWN[name].test.__qualname__ != test.__qualname__:
            raise ValueError(f"`name` must be new, but {name} is {_KNOWN[name].test.__qualname__}.")
        _KNOWN[name] = Exercise(name, answer, title, minutes, test)
        return test

    return add


def _known(number: str | None = None) -> dict[str, Exercise]:
    """All exercises by name, or those of a notebook's number: its module alone is imported."""
    modules = {key[:2]: key[3:] for key in papers.KEYS}
    for of in modules if number not in modules else [number]:
        importlib.import_module(f"lnlkit.exercises.{modules[of]}")
    return {name: _KNOWN[name] for name in sorted(_KNOWN) if number not in modules or name.startswith(f"{number}.")}


def names(notebook: str | None = None) -> list[str]:
    """Names of all exercises, or of those of a notebook ("01")."""
    return [name for name in _known(notebook and notebook[:2]) if notebook is None or name[:2] == notebook[:2]]


def find(name: str) -> Exercise:
    """The exercise of a name such as "01.2"."""
    known = _known(name.partition(".")[0] if isinstance(name, str) else None)
    return known[checks.one_of(name, "name", known)]


def check(name: str, answer, cohort: int | None = None) -> Outcome:
    """Whether an answer is right, and if not, what is the likely mistake.

    cohort: seed of the data that the answer is tried on, None for that in $LNLKIT_COHORT, or 0.
    """
    exercise = find(name)
    cohort = checks.seed(int(os.environ.get(COHORT) or 0) if cohort is None else cohort, "cohort")
    rng = np.random.default_rng([cohort, zlib.crc32(name.encode())])
    outcome = functools.partial(_outcome, name)
    try:
        return outcome(True, True, "right", exercise.test(answer, rng))
    except NotDone:
        return outcome(False, False, "not done yet", f"write {exercise.answer} above, run its cell, then this one")
    except Mistake as mistake:
        return outcome(True, False, "not yet", mistake)
    except Exception as error:  # what it returned is of a kind that the check did not think of
        return outcome(True, False, "not yet", f"what it returned can't be compared ({type(error).__name__}: {error})")


def _outcome(name, done, right, word, said) -> Outcome:
    return Outcome(name, done, right, f"exercise {name}: {word}. {_sentence(said)}".rstrip())


def _sentence(said) -> str:
    text = f"{' '.join(str(said or '').split()):.220}"
    return text[:1].upper() + text[1:] + ("" if not text or text[-1] in ".?!" else ".")
