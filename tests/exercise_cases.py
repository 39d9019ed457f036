"""Exercises held against answers: right ones pass for every cohort, named wrong ones are told their mistake.

    RIGHT = {"01.2": {"by Bayes' rule": bayes, "by counting": counting}}
    WRONG = {"01.2": {"the diagonal": (diagonal, "other way round")}}   # the mistake's words that must be said
"""

import re

import pytest

from lnlkit import exercises

COHORTS = (0, 7, 2026)


def standard_tests(notebook: str, right: dict, wrong: dict):
    """Tests for a module: right answers, wrong ones, the stub, and that each exercise has three or more mutants."""

    @pytest.mark.parametrize("cohort", COHORTS)
    @pytest.mark.parametrize("name, what", [(name, what) for name, of in right.items() for what in of])
    def test_right_answers_are_right(name, what, cohort):
        outcome = exercises.check(name, right[name][what], cohort)
        assert outcome.right, outcome.said

    @pytest.mark.parametrize("cohort", COHORTS)
    @pytest.mark.parametrize("name, what", [(name, what) for name, of in wrong.items() for what in of])
    def test_wrong_answers_are_told_their_mistake(name, what, cohort):
        answer, words = wrong[name][what]
        outcome = exercises.check(name, answer, cohort)
        assert outcome.done and not outcome.right, outcome.said
        assert words in outcome.said and "\n" not in outcome.said and len(outcome.said) < 250, outcome.said
        assert not re.search("can't be compared", outcome.said), outcome.said

    def test_every_exercise_has_right_answers_and_three_wrong_ones():
        names = set(exercises.names(notebook))
        assert names == set(right) == set(wrong) and len(names) >= 5
        assert all(len(of) >= 3 for of in wrong.values())

    @pytest.mark.parametrize("name", exercises.names(notebook))
    @pytest.mark.parametrize("stub", [None, ..., lambda *inputs: None, lambda *inputs: ...])
    def test_a_stub_is_not_done_yet(name, stub):
        outcome = exercises.check(name, stub)
        assert not outcome.done and outcome.said.startswith(f"exercise {name}: not done yet.")

    return (test_right_answers_are_right, test_wrong_answers_are_told_their_mistake,
            test_every_exercise_has_right_answers_and_three_wrong_ones, test_a_stub_is_not_done_yet)  # fmt: skip
