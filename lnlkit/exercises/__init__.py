"""Exercises of the notebooks: what a right answer does, and what a wrong one tells of its mistake.

Each notebook has a module of its exercises here. An exercise is a function of the answer and of a random generator that
asks the answer for values (`ask`), holds them against properties of a right one (`expect`, `expect_close`), and returns
what is said of a right answer:

    @exercise("01.2", answer="label_purity", title="purity from the transition matrix", minutes=10)
    def purity(answer, rng):
        T, sizes = ...
        expect_close(ask(answer, T, sizes), wanted, "Bayes' rule divides by all that carry the label")
        return "purity 70 to 90 %"

The generator depends on the cohort's seed alone (LNLKIT_COHORT, 0 without): another cohort gets other data.
"""

from lnlkit.exercises.asking import Mistake, NotDone, ask, expect, expect_close
from lnlkit.exercises.checking import Exercise, Outcome, check, exercise, find, names

__all__ = ["Exercise", "Mistake", "NotDone", "Outcome", "ask", "check", "exercise", "expect", "expect_close", "find",
           "names"]  # fmt: skip
