"""Modified images: a gallery (Paper 04, Fig. 1, Table 8), what they say of labels (Fig. 5), how they shift (Fig. 7)."""

import numpy as np
from matplotlib.lines import Line2D

from lnlkit import checks
from lnlkit.viz.echoalign.settings import (
    KNOWS,
    LABELS,
    METHOD,
    NOTEBOOK,
    Setting,
    at,
    drawn,
    mean,
    of_the_paper,
    wanted,
    wrong,
)
from lnlkit.viz.embeddings import name_classes
from lnlkit.viz.images import image_grid
from lnlkit.viz.show import describe
from lnlkit.viz.style import GREY, INK, LABEL, NOTE, PALETTE, finish, panels, plain, row_styles

ORIGINAL, COPY = PALETTE[0], PALETTE[1]


@plain
def gallery(table, noise, noise_rate, row=METHOD, n=9, schedule=None):
    """Figure of training images and their modified copies, wrong labels first and right ones below (Paper 04, Fig. 1).

    Under an image: to what a network that learned the noisy labels would correct the label, or what the image shows
    where that was not recorded. Under the copy: its label and the similarity of the two. Seed 0. schedule: of a check
    of the table, in place of its main runs.
    """
    checks.positive_int(n, "n")
    runs, setting = at(_runs(table, schedule), noise, noise_rate), Setting(noise, noise_rate)
    of = wanted(table, runs, row, "examples", setting)
    flags, images, names, notes, said = wrong(of), [], [], [], []
    for part, name in ((flags, "wrong"), (~flags, "right")):
        index = np.flatnonzero(part)
        if not len(index):
            continue
        index = index[np.linspace(0, len(index) - 1, min(n, len(index))).round().astype(int)]
        images += [list(of["x"][index]), list(of["modified"][index])]
        names += [f"label {name}", "modified"]
        notes += [[_of_image(of, i) for i in index], [f"label {of['y'][i]}: S = {of['s'][i]:.2f}" for i in index]]
        said.append(f"{len(index)} with {name} labels, similarities from {min(of['s'][i] for i in index):.2f} to "
                    f"{max(of['s'][i] for i in index):.2f}")
    fig = image_grid(images, names, notes=notes)
    return describe(fig, f"Training images and their modified copies by {LABELS[row]}, {setting} noise: "
                         f"{'; '.join(said)}.")  # fmt: skip


def _runs(table, schedule):
    """The main runs of a table, or those on a schedule."""
    if schedule is None:
        return of_the_paper(table)
    there = table.checks["schedule"].unique() if len(table.checks) else []
    checks.one_of(schedule, "schedule", list(there))
    return table.checks[table.checks["schedule"] == schedule]


def _of_image(examples, i):
    """'corrected: 9', or 'shows 4' where that was not recorded."""
    return f"corrected: {examples['corrected'][i]}" if "corrected" in examples else f"shows {examples['y_clean'][i]}"


@plain
def alignment(table, noise, noise_rate):
    """Figure of what modified images say of the given labels, beside what the originals say (Paper 04, Fig. 5).

    Left: mutual information, in nats, of the label and of what a judge sees that was trained on clean labels; bars are
    means, dots seeds. Right: the probability that the judge gives to the label, seed 0.
    """
    runs, setting = at(of_the_paper(table), noise, noise_rate), Setting(noise, noise_rate)
    rows = [row for row in KNOWS if "information" in runs and runs.loc[runs["row"] == row, "information"].any()]
    if not rows:
        raise ValueError(f"`table` must have mutual information at {setting}, but has none.")
    fig, (left, right) = panels(1, 2, height=3.2, width_ratios=[1.25, 1])
    own = runs[runs["row"] == rows[0]]
    bars = {"x, the originals": (own["information_before"], ORIGINAL)}
    bars |= {f"x′, knows {KNOWS[row]}": (runs.loc[runs["row"] == row, "information"],
                                                    row_styles(NOTEBOOK)[row][1]["color"]) for row in rows}  # fmt: skip
    for place, (values, color) in enumerate(bars.values()):
        left.barh(place, values.mean(), color=color, alpha=0.75, height=0.6)
        left.plot(values, [place] * len(values), "|", color=INK, markersize=12)
    left.set_yticks(range(len(bars)), list(bars), fontsize=LABEL)
    left.invert_yaxis()
    left.axvline(np.log(10), color=GREY, linestyle=":", linewidth=1.2)
    left.text(np.log(10), -0.62, "log 10", fontsize=NOTE, color=GREY, ha="center")
    finish(left, None, "mutual information with the given label, nats", "", grid="x")
    of = drawn(table, runs, rows[0], "probability")
    if of is not None:
        middle = (np.arange(len(of["x"])) + 0.5) / len(of["x"])
        for name, label, color in (("x", "x", ORIGINAL), ("modified", "modified", COPY)):
            counts = np.asarray(of[name]) / sum(of[name])
            right.bar(middle, 100 * counts, width=1 / len(counts), color=color, alpha=0.5, label=label)
        right.legend(fontsize=NOTE, frameon=False, loc="upper center")
    finish(right, None, "probability that a judge gives to the label", "% of the images", grid="y")
    words = "; ".join(f"{name} {values.mean():.2f}" for name, (values, _) in bars.items())
    return describe(fig, f"Mutual information of labels and of what a judge with clean labels sees, {setting} noise, "
                         f"in nats: {words}.")  # fmt: skip


@plain
def maps(table, noise, noise_rate):
    """Figure of originals and modified copies as t-SNE maps of a judge's features, a panel a generator (Fig. 7).

    Below: how well a linear classifier tells the two apart, as the area under the curve, 0.5 where it cannot; seed 0.
    """
    runs, setting = at(of_the_paper(table), noise, noise_rate), Setting(noise, noise_rate)
    rows = [row for row in KNOWS if drawn(table, runs, row, "map")]
    if not rows:
        raise ValueError(f"`table` must have maps of features at {setting}, but has none.")
    fig, axes = panels(1, len(rows), height=3.7, width=10.5 if len(rows) > 1 else 5, squeeze=False)
    said = []
    for ax, row in zip(axes[0], rows, strict=True):
        of = drawn(table, runs, row, "map")
        x, half = np.asarray(of["x"]), len(of["y"])
        for part, color, marker, size in ((slice(half), ORIGINAL, "o", 12), (slice(half, None), COPY, "^", 14)):
            ax.scatter(*x[part].T, c=color, marker=marker, s=size, linewidths=0, alpha=0.6)
        name_classes(ax, x[:half], np.asarray(of["y_clean"]))
        told = f"told apart: AUC {mean(runs, row, 'shift', 1):.2f}"
        finish(ax, f"generator: knows {KNOWS[row]}", told, "").set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        said.append(f"{KNOWS[row]}: {told}")
    keys = [Line2D([], [], linestyle="none", marker=marker, color=color, label=label, markersize=6)
            for marker, color, label in (("o", ORIGINAL, "original"), ("^", COPY, "modified copy"))]  # fmt: skip
    keys.append(Line2D([], [], linestyle="none", label="bold number: class that originals show"))
    fig.legend(handles=keys, fontsize=LABEL, frameon=False, loc="outside lower center", ncols=3)
    return describe(fig, f"Maps of features of originals and of their modified copies, {setting} noise. "
                         f"{'; '.join(said)}.")  # fmt: skip
