"""What the similarity of an image and its modified copy knows of its label (Paper 04, Fig. 3, Fig. 4b and Table 4)."""

import numpy as np
from matplotlib.lines import Line2D

from lnlkit import checks
from lnlkit.viz.echoalign.settings import BLTM, KNOWS, LABELS, METHOD, Setting, at, drawn, mean, of_the_paper
from lnlkit.viz.show import describe
from lnlkit.viz.style import GREY, INK, LABEL, NOTE, PALETTE, finish, panels, plain, row_styles

RIGHT, WRONG = PALETTE[2], PALETTE[3]
PURITIES = (94, 96, 98, 99)  # per cent, of Table 4


def histogram(ax, s, right, low):
    """The similarities of images with right labels and with wrong ones, as densities over their common range."""
    bins = np.linspace(low, 1, 41)
    for part, color, label in ((right, RIGHT, "label right"), (~right, WRONG, "label wrong")):
        if part.any():
            ax.hist(s[part], bins, density=True, histtype="stepfilled", color=color, alpha=0.45, label=label)
    ax.set_xlim(low, 1)
    ax.set_yticks([])
    return finish(ax, None, "similarity of an image and its modified copy", "")


def separation(runs, row):
    """'AUC 0.93, KS 0.78', means over the seeds; "" where all labels are right."""
    auc, ks = mean(runs, row, "auc", 1), mean(runs, row, "ks", 1)
    return "" if np.isnan(auc) else f"AUC {auc:.2f}, KS {ks:.2f}"


@plain
def similarities(table, noise, noise_rate):
    """Figure of similarities of images to their modified copies, right and wrong labels apart (Paper 04, Fig. 3).

    A panel a generator: one that knows other images of this kind, one that knows another domain, one that knows the
    noisy labels alone. Some training images of seed 0; below, the area under the curve and the Kolmogorov-Smirnov
    distance, means over the seeds. The shaded part would be kept at 96 % right labels.
    """
    runs, setting = at(of_the_paper(table), noise, noise_rate), Setting(noise, noise_rate)
    rows = [row for row in KNOWS if drawn(table, runs, row, "similarities")]
    if not rows:
        raise ValueError(f"`table` must have similarities at {setting}, but has none.")
    fig, axes = panels(1, len(rows), height=3.2, width=10.5 if len(rows) > 1 else 6, squeeze=False)
    said = []
    for ax, row in zip(axes[0], rows, strict=True):
        of = drawn(table, runs, row, "similarities")
        s, right = np.asarray(of["s"]), np.asarray(of["right"], bool)
        histogram(ax, s, right, min(0.0, s.min()) if s.min() < 0.3 else 0.3)
        kept = mean(runs, row, "kept_at_96")
        if kept > 0:
            ax.axvspan(np.quantile(s, 1 - kept / 100), 1, color="#f2c500", alpha=0.18, zorder=0)
        words = f"{separation(runs, row)}; at 96 % right labels {kept:.0f} % can be kept"
        finish(ax, f"generator: knows {KNOWS[row]}", "similarity\n" + words.replace("; ", "\n"), "")
        said.append(f"the generator knows {KNOWS[row]}: {words}")
    axes[0, 0].legend(fontsize=NOTE, frameon=False, loc="upper left")
    return describe(fig, f"Similarities of images to their modified copies, {setting} noise. {'; '.join(said)}.")


@plain
def purity(table, noise, noise_rate):
    """Figure of how many originals can be kept and how many of these have right labels (Paper 04, Fig. 4b, Table 4).

    Lines: EchoSelect's similarity at every threshold, some training images of seed 0. Dots: the largest share at 94,
    96, 98 and 99 % right labels, mean over the seeds, of EchoSelect and of BLTM's confidence; open diamonds: the
    paper's (CIFAR-10), where it has them.
    """
    from lnlkit import papers

    runs, setting = at(of_the_paper(table), noise, noise_rate), Setting(noise, noise_rate)
    fig, ax = panels(width=7.6, height=3.6)
    of, said = drawn(table, runs, METHOD, "similarities"), []
    if of is not None:
        order = np.argsort(-np.asarray(of["s"]), kind="stable")
        share = np.cumsum(np.asarray(of["right"])[order]) / np.arange(1, len(order) + 1)
        ax.plot(100 * np.arange(1, len(order) + 1) / len(order), 100 * share, color="#0173b2", linewidth=1.4, zorder=1)
    for row in (METHOD, BLTM):
        label, look = row_styles("04_echoalign")[row]
        kept = [mean(runs, row, f"kept_at_{purity}") for purity in PURITIES]
        if np.isfinite(kept).any():
            ax.plot(kept, PURITIES, look["marker"], color=look["color"], markersize=9, label=label, zorder=3)
            words = ", ".join(f"{k:.0f} % at {p} %" for k, p in zip(kept, PURITIES, strict=True))
            said.append(f"{LABELS[row]} {words}")
    published = papers.load("04_echoalign").tables["table-4"]
    for name in published.columns if noise == "part_dependent" else ():
        rate, purity_ = (float(part.split("%")[0]) for part in name.split(", "))
        if abs(rate / 100 - noise_rate) < 1e-6:
            for row in (METHOD, BLTM):
                color = row_styles("04_echoalign")[row][1]["color"]
                ax.plot(published.cell(row, name)[0] / 500, purity_, "D", color="none", markeredgecolor=color)
    theirs = {"linestyle": "none", "marker": "D", "color": "none", "markeredgecolor": GREY}
    keys = [*ax.get_legend_handles_labels()[0], Line2D([], [], **theirs, label="the paper (CIFAR-10)")]
    ax.legend(handles=keys, fontsize=NOTE, frameon=False, loc="lower left")
    ax.set(xlim=(0, 100), ylim=(max(0, 100 * (1 - 1.1 * noise_rate)), 101))
    finish(ax, f"{setting} noise", "originals kept, %", "right labels among them, %", grid="both")
    return describe(fig, f"Originals that can be kept at a share of right labels, {setting} noise: "
                         f"{'; '.join(said) or 'not recorded'}.")  # fmt: skip


@plain
def threshold_panel(ax, of, threshold):
    """The axes with the histogram of the recorded similarities and the threshold; returns shares kept and right."""
    checks.between(threshold, "threshold", -1, 1)
    s, right = np.asarray(of["s"]), np.asarray(of["right"], bool)
    histogram(ax, s, right, min(0.0, s.min()) if s.min() < 0.3 else 0.3)
    ax.axvline(threshold, color=INK, linewidth=2)
    ax.legend(fontsize=NOTE, frameon=False, loc="upper left")
    kept = s >= threshold
    if not kept.any():
        blank_text = "no original is kept"
        ax.text(0.5, 0.5, blank_text, transform=ax.transAxes, ha="center", fontsize=LABEL)
    return 100 * kept.mean(), 100 * right[kept].mean() if kept.any() else float("nan")
