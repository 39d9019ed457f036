"""Which runs of paper 04's table are meant, and what their pictures hold."""

from typing import NamedTuple

import numpy as np

from lnlkit import checks, packing, recorded
from lnlkit.viz import given
from lnlkit.viz.style import noise_name, row_labels

NOTEBOOK = "04_echoalign"
LABELS = row_labels(NOTEBOOK)
CE, METHOD, SHIFT, NOISY, BLTM = "ce", "echoalign", "echoalign_shift", "echoalign_noisy", "bltm"
RIVALS = ("ce_slow", "apl", "pce", "aul", "celc", "t_revision", "identifiability", "joint_optimization", "coteaching",
          "sigua", "codis")  # fmt: skip
PARTS = ("select_only", "modification_only", METHOD, "generated")  # Table 3, and what the generator alone knows
SHIFTED = ("select_shift", "modification_shift", SHIFT, "echoalign_code_shift", "generated_shift")
KNOWS = {METHOD: "other images of this kind", SHIFT: "another domain", NOISY: "the noisy labels alone"}
"""Rows whose images and similarities are recorded, and what their generator knows."""


class Setting(NamedTuple):
    """A kind of noise and its rate; the text is '45 % pair-flip'."""

    noise: str
    noise_rate: float

    def __str__(self):
        return f"{100 * self.noise_rate:.0f} % {noise_name(self.noise)}"


def of_the_paper(table, *columns):
    """The runs of a table of this paper, of the data set that most of them have."""
    runs = given.runs(table, NOTEBOOK, "dataset", "noise", "noise_rate", *columns)
    return runs[runs["dataset"] == runs["dataset"].mode()[0]]


def at(runs, noise, noise_rate):
    """The runs of one setting, which was recorded."""
    rate = recorded.same_rate(checks.fraction(noise_rate, "noise_rate", below_one=False))
    there = {Setting(*of) for of in runs[["noise", "noise_rate"]].drop_duplicates().itertuples(index=False)}
    if Setting(checks.text(noise, "noise"), rate) not in there:
        known = ", ".join(sorted(f"{of.noise} {of.noise_rate:g}" for of in there)) or "there is none"
        raise ValueError(f"`noise_rate` must be one that was recorded for `noise` ({known}), but got {noise} {rate:g}.")
    return runs[(runs["noise"] == noise) & (runs["noise_rate"] == rate)]


def settings(runs):
    """The settings of some runs, by kind of noise in a fixed order and by rate."""
    order = ["part_dependent", "model_idn", "pairflip", "symmetric", *sorted(runs["noise"].unique())]
    found = {Setting(*of) for of in runs[["noise", "noise_rate"]].drop_duplicates().itertuples(index=False)}
    return sorted(found, key=lambda of: (order.index(of.noise), of.noise_rate))


def drawn(table, runs, row, what):
    """What pictures of a row show (`similarities`, `examples`, `asked`, `map`, `probability`), of the run that has it.

    None where none has. Images are unpacked.
    """
    for key in runs.loc[runs["row"] == row, "key"]:
        if found := table.details.get(key, {}).get(what):
            packed = {name for name, of in found.items() if isinstance(of, dict) and "bytes" in of}
            return {name: packing.unpack(of) if name in packed else of for name, of in found.items()}
    return None


def wanted(table, runs, row, what, setting):
    """The same, which has to be there."""
    (row,) = given.rows([row], NOTEBOOK, "row")
    found = drawn(table, runs, row, what)
    if found is None:
        raise ValueError(f"`row` must be one whose {what} were recorded at {setting}, but got {row!r}.")
    return found


def wrong(examples):
    """Which of the recorded examples have a wrong label, (n,)."""
    return np.asarray(examples["y"]) != np.asarray(examples["y_clean"])


def mean(runs, row, value, unit=100):
    """Mean over the seeds of a row's value, nan where it was not run."""
    return unit * runs.loc[runs["row"] == row, value].mean() if value in runs else float("nan")
