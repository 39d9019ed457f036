"""Which method is ahead over many settings: average ranks and their critical difference (Demsar 2006)."""

import numpy as np
import pandas as pd

from lnlkit import checks, recorded

SETTING = ["dataset", "noise", "noise_rate"]


def common(runs: pd.DataFrame, value: str = "best_val") -> pd.DataFrame:
    """The runs of the rows that are ranked: those that give the most ranks, rows times the settings that all share.

    A row that was run in few settings is left out where it would leave few for all others, too.
    """
    runs = recorded.frame(runs, "runs", "row", *SETTING, value=value)
    there = runs[runs[value].notna()].groupby([*SETTING, "row"]).size().unstack("row").notna()
    counts, best, kept = there.sum(), 0, []
    for least in sorted(counts.unique(), reverse=True):
        rows = counts.index[counts >= least]
        found = len(rows) * int(there[rows].all(axis=1).sum())
        best, kept = (found, rows) if found > best else (best, kept)
    return runs[runs["row"].isin(kept if best else counts.index[counts == counts.max()])]


def of_all(runs: pd.DataFrame, value: str = "best_val") -> pd.DataFrame:
    """Means over the seeds in each setting (index) in which all runs of all rows (columns) have a value."""
    runs = recorded.frame(runs, "runs", "row", *SETTING, value=value)
    of = runs.groupby([*SETTING, "row"])[value].agg(["mean", "count", "size"])
    return of["mean"].where(of["count"] == of["size"]).unstack("row").dropna()


def average_ranks(runs: pd.DataFrame, value: str = "best_val", lower: bool = False) -> pd.DataFrame:
    """Mean rank of each row over settings (data set, noise, rate), 1 for the highest mean over seeds; ties share.

    runs: tidy runs; lower: 1 is for the lowest mean. Only settings that all rows were run in count. Columns: `rank`,
    best first, and in `attrs`: `n`, the number of settings, and `critical_difference`. A `row` each in the index.
    """
    means = of_all(runs, value)
    if means.empty:
        raise ValueError("`runs` must have a setting in which all of its rows were run, but has none.")
    ranks = means.rank(axis=1, ascending=lower).mean().sort_values().to_frame("rank")
    ranks.attrs |= {"n": len(means), "critical_difference": critical_difference(len(ranks), len(means))}
    return ranks


def critical_difference(k: int, n: int, alpha: float = 0.05) -> float:
    """How far the average ranks of two of k methods over n settings must be apart to differ: Nemenyi's test.

    q sqrt(k (k + 1) / (6 n)) with q the studentised range for infinitely many degrees of freedom, over sqrt(2). It
    takes the settings as independent, which those of one data set are not: read it as the least that is needed.
    """
    from scipy.stats import studentized_range

    k, n = checks.positive_int(k, "k"), checks.positive_int(n, "n")
    if k < 2:
        return 0.0
    q = studentized_range.ppf(1 - checks.fraction(alpha, "alpha"), k, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(k * (k + 1) / (6 * n)))
