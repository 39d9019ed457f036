"""Which word a claim gets from what was measured."""

import dataclasses
import math

import pytest
from scipy import stats

from lnlkit import papers
from lnlkit.papers import Claim, Measured, verdicts

CLAIM = Claim("c", "It is ahead.", "Table 1", "lead", "mechanism", {"of": "lead"}, "points", "ahead", "2026-11-20",
              at_least=1.0)  # fmt: skip
AHEAD, BEHIND, ACROSS = (3.0, 3.5, 4.0), (-1.0, -1.5, -2.0), (0.0, 1.0, 3.0)


def judged(values=AHEAD, scale="lab", unmet="", least=-100.0, most=100.0, **changes) -> papers.Verdict:
    measured = Measured(tuple(values), ("r1",), least, most)
    return papers.judge(dataclasses.replace(CLAIM, **changes), scale, measured, unmet)


@pytest.mark.parametrize("values", [AHEAD, ACROSS, (5.0, 5.1, 4.2, 6.0, 5.5)])
def test_the_interval_is_scipys_t_interval(values):
    low, high = papers.interval(values)
    sem = stats.sem(values)
    assert (low, high) == pytest.approx(stats.t.interval(0.95, len(values) - 1, sum(values) / len(values), sem))


@pytest.mark.parametrize("decided_by, scale, words", [
    ("mechanism", "lab", ("holds", "does not hold")), ("same", "lab", ("reproduced", "not reproduced")),
    ("mechanism", "paper", ("reproduced", "not reproduced")), ("same", "paper", ("reproduced", "not reproduced")),
])  # fmt: skip
def test_reproduced_is_kept_for_the_same_setting_and_the_scale_of_the_paper(decided_by, scale, words):
    found = [judged(values, scale, decided_by=decided_by).verdict for values in (AHEAD, BEHIND)]
    assert tuple(found) == words


def test_an_interval_that_contains_the_bound_is_undecided_whatever_the_mean():
    found = judged(ACROSS)
    assert found.verdict == "undecided" and found.value > 1 > found.low and found.n == 3
    assert judged((0.9, 1.0, 0.8), at_least=1.0).verdict == "undecided"


def test_both_ends_of_a_bound_count():
    assert judged((2.0, 2.1, 1.9), at_least=1.0, at_most=3.0).verdict == "holds"
    assert judged((4.0, 4.1, 3.9), at_least=1.0, at_most=3.0).verdict == "does not hold"
    assert judged((2.9, 3.0, 2.8), at_least=1.0, at_most=3.0).verdict == "undecided"


@pytest.mark.parametrize("values", [(50.0,), (50.0, 51.0)])
def test_one_seed_or_two_decide_nothing_but_algebra(values):
    assert judged(values).verdict == "undecided" and judged(values).low is None
    assert judged(values, decided_by="algebra").verdict == "holds"
    assert judged((0.5,), decided_by="algebra").verdict == "does not hold"


def test_a_benchmark_is_decided_at_the_scale_of_the_paper_alone():
    small = judged(decided_by="benchmark", not_tested="CIFAR-10 is needed")
    assert (small.verdict, small.why, small.value) == ("not tested", "CIFAR-10 is needed", 3.5)
    assert judged(scale="paper", decided_by="benchmark", not_tested="x").verdict == "reproduced"
    assert judged(scale="paper", not_tested="nothing decides it").verdict == "not tested"


@pytest.mark.parametrize("values, word", [((-1.0, -0.95, -0.99), "holds"), ((-1.0, 0.2, -0.99), "undecided"),
                                          ((0.1, 0.2, 0.3), "does not hold")])  # fmt: skip
def test_runs_of_two_kinds_are_counted(values, word):
    found = judged(values, by_run=True, at_least=None, at_most=-0.9, least=-1.0, most=1.0)
    assert found.verdict == word and found.passed == sum(value <= -0.9 for value in values)
    assert f"{found.passed} of 3 runs" in verdicts.measured(vars(found))


@pytest.mark.parametrize("reach", [{"most": 0.9}, {"least": 1.0}, {"most": 0.0, "least": 0.0}])
def test_what_the_set_up_decides_is_not_tested(reach):
    """A bound above all that the rivals leave, or below the least that can come out, is no test."""
    for values in (AHEAD, BEHIND):
        assert judged(values, **reach).verdict == "not tested"
    assert judged(BEHIND, at_least=None, at_most=-5.0, least=-4.0).verdict == "not tested"
    assert "no result could reach" in judged(most=0.9).why


def test_a_condition_that_is_not_met_is_the_reason():
    found = judged(unmet="the oracle is no help")
    assert (found.verdict, found.why, found.value) == ("not tested", "the oracle is no help", 3.5)


def test_a_run_that_diverged_is_no_success():
    found = judged((3.0, math.nan, 4.0))
    assert (found.verdict, found.value, found.why) == ("does not hold", None, "a run diverged")


def test_without_runs_nothing_is_tested():
    assert papers.judge(CLAIM, "lab", None).verdict == "not tested"
    assert papers.judge(CLAIM, "lab", Measured(())).why == "no runs of this at this scale"


def test_a_verdict_in_words():
    found = vars(judged())
    assert verdicts.verdict(found) == "holds at lab" and verdicts.wanted(found) == "at least 1"
    assert verdicts.measured(found) == "3.5 points [2.26, 4.74], n = 3"
    algebra = vars(judged((8.68,), decided_by="algebra", at_least=10.0))
    assert (verdicts.verdict(algebra), verdicts.measured(algebra)) == ("does not hold", "8.68 points")
    untested = vars(judged(unmet="no help"))
    assert (verdicts.verdict(untested), verdicts.wanted(untested)) == ("not tested", "no help")
    assert set(verdicts.VERDICTS) >= {found["verdict"], algebra["verdict"], untested["verdict"]}
