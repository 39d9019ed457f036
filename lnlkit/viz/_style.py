"""Colours, markers, sizes and empty figures shared by all drawings; matplotlib's global settings stay as they are.

Nothing here uses `matplotlib.pyplot`: a figure made without it is never shown twice and needs no closing.
"""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Seaborn's "colorblind" palette, written out so that nothing needs seaborn (and pandas with it).
PALETTE = ("#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc",
           "#ca9161", "#fbafe4", "#949494", "#ece133", "#56b4e9")  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
LINES = ("-", "--", "-.", ":")
INK, GREY, PALE = "#222222", "#777777", "#ececec"
TITLE, LABEL, TICK, NOTE = 11, 10, 9, 8  # points; at 90 dpi a point is 1.25 pixels
WIDTH = 10.5  # inches: the width of a notebook cell at 90 dpi

# row id: (name, colour, marker, line). The paper's method and plain training stand out, the rest is told by marker.
ROWS = {
    "ce": ("CE", INK, "o", "--"),
    "ce_affine": ("CE + affine", "#6b6b6b", "s", ":"),
    "ce_long": ("CE, twice the epochs", INK, "d", ":"),
    "forward": ("Forward", "#de8f05", "^", "-"),
    "coteaching": ("Co-teaching", "#029e73", "D", "-"),
    "gce": ("GCE", "#cc78bc", "v", "-."),
    "dac": ("DAC", "#ca9161", "P", "--"),
    "dmi": ("DMI", "#56b4e9", "X", ":"),
    "seal": ("SEAL", "#d55e00", "*", "-"),
    "cvae_augmentation": ("CVAE augmentation", "#0173b2", "o", "-"),
    "cvae_oracle": ("CVAE, clean-label oracle", "#0173b2", "<", ":"),
    "mentornet": ("MentorNet", "#d55e00", "v", "--"),
    "mentornet_learned": ("MentorNet, learned", "#d55e00", "h", ":"),
    "mixup": ("mixup", "#029e73", "s", "-."),
    "mdn_classification": ("MDN", "#cc78bc", "P", "--"),
    "choicenet": ("ChoiceNet", "#0173b2", "o", "-"),
    "choice_loss": ("loss (9), plain head", "#de8f05", "X", "-"),
    "choicenet_ce": ("ChoiceNet, cross-entropy", "#56b4e9", "^", "-."),
    "choicenet_k1": ("ChoiceNet, K = 1", "#56b4e9", "<", ":"),
    "choicenet_rho0": ("ChoiceNet, ρ = 0", "#029e73", ">", ":"),
    "choicenet_kl": ("ChoiceNet, weight 0.1 of (8)", "#56b4e9", "p", "-."),
    "choicenet_kl001": ("ChoiceNet, weight 0.01 of (8)", "#56b4e9", "H", ":"),
    "choicenet_kl1": ("ChoiceNet, weight 1 of (8)", "#56b4e9", "d", ":"),
    "choicenet_k2": ("ChoiceNet, K = 2", "#cc78bc", "<", "-."),
    "choicenet_reg0": ("ChoiceNet, λ_reg = 0", "#ca9161", "v", ":"),
    "choicenet_reg3": ("ChoiceNet, λ_reg = 0.001", "#ca9161", "^", ":"),
    "choicenet_code": ("ChoiceNet, early code", "#949494", "*", "--"),
    "l2": ("L2", INK, "o", "--"),
    "l1": ("L1", "#6b6b6b", "s", ":"),
    "tukey": ("RL (Tukey)", "#de8f05", "^", "-."),
    "leaky_tukey": ("LeakyRL (leaky Tukey)", "#ca9161", "v", ":"),
    "mdn": ("MDN", "#d55e00", "D", "-"),
    "choicenet_regression": ("ChoiceNet", "#0173b2", "o", "-"),
    "choicenet_regression_k1": ("ChoiceNet, K = 1", "#fbafe4", "<", ":"),
    "choicenet_regression_k2": ("ChoiceNet, K = 2", "#029e73", ">", "-."),
    "choicenet_regression_k10": ("ChoiceNet, K = 10", "#cc78bc", "P", "--"),
    "choicenet_regression_nll": ("ChoiceNet, likelihood only", "#56b4e9", "h", "--"),
    "choicenet_regression_code": ("ChoiceNet, early code", "#949494", "*", "--"),
    "bce": ("Plain", INK, "o", "--"),
    "learnq": ("LearnQ", "#de8f05", "^", "-"),
    "icnm": ("ICNM", "#ca9161", "v", "-."),
    "bootstrap": ("Bootstrap (soft)", "#029e73", "s", "-"),
    "bootstrap_hard": ("Bootstrap (hard)", "#cc78bc", "D", ":"),
    "can": ("CAN", "#0173b2", "o", "-"),
    "can_rho1": ("CAN, ρ = 1", "#56b4e9", "<", ":"),
    "can_rho0": ("CAN, ρ to 0", "#56b4e9", ">", "-."),
    "can_end_to_end": ("CAN, end to end", "#d55e00", "P", "--"),
    "can_no_quality": ("CAN, no quality", "#949494", "X", ":"),
}
NOISES = {
    "model_idn": "instance-dependent",
    "part_dependent": "part-dependent",
    "class_conditional": "class-conditional",
    "asymmetric": "asymmetric",
    "symmetric": "symmetric",
    "pairflip": "pair-flip",
    "symmetric_inclusive": "symmetric (inclusive)",
    "uniform": "uniform outliers",
    "flipped": "flipped outliers",
    "uniform_part": "uniform outliers for x in [0, 2]",
    "flipped_part": "flipped outliers for x in [0, 2]",
    "permutation": "permuted label vectors",
    "human": "labels by people",
}


def row_style(row):
    """Name and line settings of a method's row; an unknown row gets its id and a grey line."""
    name, color, marker, line = ROWS.get(row, (str(row), GREY, "o", "-"))
    return name, {"color": color, "marker": marker, "linestyle": line}


def row_name(row):
    """Readable name of a method's row: 'coteaching' -> 'Co-teaching'."""
    return row_style(row)[0]


def noise_name(noise):
    """Readable name of a noise kind: 'model_idn' -> 'instance-dependent'."""
    return NOISES.get(noise, str(noise))


def whole(fig, width, height):
    """The figure given, or an empty one of this size in inches when it is None."""
    if fig is None:
        fig = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(fig)  # one canvas for all measuring of texts: without, each text makes its own, 100 MB in all
    return fig


def panels(rows=1, cols=1, *, width=None, height=3.4, **options):
    """An empty figure and its axes, (rows, cols) squeezed as by matplotlib's `subplots`.

    `width` is that of the figure and `height` that of one row, in inches; further options go to `Figure.subplots`.
    """
    width = width or (5.5 if cols == 1 else WIDTH)
    fig = whole(None, width, height * rows)
    return fig, fig.subplots(rows, cols, **options)


def finish(ax, title=None, xlabel=None, ylabel=None, grid=None):
    """The axes with readable font sizes, no box around them and, for `grid` 'x', 'y' or 'both', light grid lines."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=TICK)
    if title is not None:
        ax.set_title(title, fontsize=TITLE)
    if xlabel is not None:
        ax.set_xlabel(xlabel, fontsize=LABEL)
    if ylabel is not None:
        ax.set_ylabel(ylabel, fontsize=LABEL)
    if grid:
        ax.grid(axis=grid, color="#dddddd", linewidth=0.6)
        ax.set_axisbelow(True)
    return ax


def blank(ax, text):
    """The axes emptied, with a sentence in the middle: used where nothing was recorded."""
    ax.set(xticks=[], yticks=[], facecolor="#f4f4f4")
    ax.spines[:].set(color="#bbbbbb", linestyle="--")
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", fontsize=LABEL, color=INK)
    return ax


def seeds_by_epochs(values):
    """Values as an array (S seeds, E epochs): a flat list is one seed, and runs of unequal length end in NaN."""
    runs = list(values)
    if runs and np.ndim(runs[0]) == 0:
        runs = [runs]
    out = np.full((len(runs), max((len(run) for run in runs), default=0)), np.nan)
    for s, run in enumerate(runs):
        out[s, : len(run)] = np.asarray(run, float)
    return out
