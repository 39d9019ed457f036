"""A claim held against what was measured: which word it gets, and why.

A verdict needs an interval: the mean over seeds and its 95 % t-interval. What the set-up decides by itself, such as a
bound that no result could reach, is not tested.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from lnlkit import checks, records
from lnlkit.papers.description import SCALES, Claim

VERDICTS = ("reproduced", "holds", "not reproduced", "does not hold", "undecided", "not tested")
FEWEST = 3  # seeds of which an interval says something


class Measured(NamedTuple):
    """One value per seed, the runs that they come from, and the least and the most that any run could have given."""

    values: tuple[float, ...]
    runs: tuple[str, ...] = ()
    least: float = -math.inf
    most: float = math.inf


@dataclass(frozen=True)
class Verdict:
    """A claim held against a measured value: mean over n seeds with the 95 % interval from `low` to `high`.

    passed: runs within the bound, where a claim is judged run by run. yours: the same measure in another table.
    """

    id: str
    says: str
    place: str
    decided_by: str
    scale: str
    verdict: str
    why: str
    wanted: str
    unit: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    passed: int | None = None
    published: float | None = None
    yours: float | None = None
    runs: tuple[str, ...] = ()


def interval(values) -> tuple[float, float]:
    """95 % t-interval of the mean of the values, one per seed; without bounds for fewer than `FEWEST`."""
    mean, sd, n = records.mean_sd(values)
    if n < FEWEST or sd is None or not math.isfinite(sd):
        return -math.inf, math.inf
    from scipy.stats import t

    half = float(t.ppf(0.975, n - 1)) * sd / math.sqrt(n)
    return mean - half, mean + half


def judge(claim: Claim, scale: str, measured: Measured | None, unmet: str = "") -> Verdict:
    """The verdict on a claim at a scale. unmet: why its condition (`only_if`) does not hold here, "" where it does."""
    checks.instance(claim, "claim", Claim)
    checks.one_of(scale, "scale", SCALES)
    own = {"id": claim.id, "says": claim.says, "place": claim.place, "decided_by": claim.decided_by, "scale": scale,
           "wanted": claim.wanted, "unit": claim.unit, "published": claim.published}  # fmt: skip
    if measured is None or not measured.values:
        return Verdict(**own, verdict="not tested", why=claim.not_tested or "no runs of this at this scale")
    mean, _, n = records.mean_sd(measured.values)
    low, high = interval(measured.values)
    word, why, passed = _word(claim, scale, measured, mean, (low, high), unmet)
    finite = {name: value if math.isfinite(value) else None
              for name, value in (("value", mean), ("low", low), ("high", high))}  # fmt: skip
    return Verdict(**own, verdict=word, why=why, **finite, n=n, passed=passed, runs=tuple(measured.runs))


def _word(claim: Claim, scale: str, measured: Measured, mean: float, within: tuple[float, float], unmet: str):
    """The word, the reason, and how many runs passed where they are counted."""
    holds, fails = ("reproduced", "not reproduced") if claim.decided_by == "same" or scale == "paper" else (
        "holds", "does not hold")  # fmt: skip
    if claim.not_tested and not (claim.decided_by == "benchmark" and scale == "paper"):
        return "not tested", claim.not_tested, None
    least, most = claim.bounds
    if reason := _decided_beforehand(claim, measured) or unmet:
        return "not tested", reason, None
    if claim.decided_by == "algebra":
        return ("holds" if least <= mean <= most else "does not hold"), "exact", None
    if not math.isfinite(mean):
        return fails, "a run diverged", None
    if len(measured.values) < FEWEST:
        return "undecided", f"fewer than {FEWEST} seeds decide nothing", None
    if claim.by_run:
        passed = sum(least <= value <= most for value in measured.values)
        word = holds if passed == len(measured.values) else "undecided" if passed else fails
        return word, f"{passed} of {len(measured.values)} runs", passed
    low, high = within
    if least <= low and high <= most:
        return holds, "the interval lies within the bound", None
    if high < least or low > most:
        return fails, "the interval lies beyond the bound", None
    return "undecided", "the interval contains the bound", None


def _decided_beforehand(claim: Claim, measured: Measured) -> str:
    """Why the outcome is fixed by the set-up: no result could reach the bound, or none could miss it; else ""."""
    if claim.decided_by == "algebra":
        return ""
    least, most = claim.bounds
    if least > measured.most:
        return f"no result could reach {least:g} here: {measured.most:.3g} is the most that the rivals leave"
    if most < measured.least:
        return f"no result could reach {most:g} here: {measured.least:.3g} is the least that there can be"
    if least <= measured.least and measured.most <= most:
        return "every result would lie within this bound"
    return ""


# ---- a verdict in words, from a `Verdict` as a dict -------------------------------------------------------------


def verdict(found: dict) -> str:
    """ "holds at lab", "reproduced at lab", "not tested"; algebra has no scale."""
    no_scale = found["verdict"] == "not tested" or found["decided_by"] == "algebra"
    return found["verdict"] if no_scale else f"{found['verdict']} at {found['scale']}"


def measured(found: dict) -> str:
    """ "44.3 points [39.1, 49.5], n = 3", or "3 of 5 runs (mean -0.55)" where runs are counted."""
    if found["value"] is None:
        return ""
    number = f"{found['value']:.3g}" + (f" {found['unit']}" if found["unit"] else "")
    if found["decided_by"] == "algebra":
        return number
    if found["passed"] is not None:
        return f"{found['passed']} of {found['n']} runs (mean {number})"
    within = "" if None in (found["low"], found["high"]) else f" [{found['low']:.3g}, {found['high']:.3g}]"
    return f"{number}{within}, n = {found['n']}"


def wanted(found: dict) -> str:
    """The bound, or why the claim was not tested."""
    return found["why"] if found["verdict"] == "not tested" else found["wanted"]
