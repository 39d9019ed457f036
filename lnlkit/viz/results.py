"""Result tables as figures: the paper's numbers beside ours."""

import numpy as np
from matplotlib.lines import Line2D

from lnlkit.viz.style import GREY, INK, NOTE, PALETTE, WIDTH, finish, row_name, whole


def paper_against_ours(paper, ours, *, rates=None, fig=None, unit="accuracy on the clean test set, %"):
    """Figure with one panel per noise rate and one line per method: the paper's value and ours (Paper 01, Table 1).

    `paper = {row: {rate: value or (value, sd)}}` and `ours = {row: {rate: value or values over seeds}}`, all in per
    cent; a row or a rate may be missing on either side. A grey bar joins the paper's value and our mean.
    """
    rows = list(dict.fromkeys([*paper, *ours]))
    rates = sorted(rates or {rate for side in (paper, ours) for row in side.values() for rate in row})
    fig = whole(fig, WIDTH, 0.34 * len(rows) + 1.5)
    axes = fig.subplots(1, len(rates), sharey=True, squeeze=False)[0]
    for ax, rate in zip(axes, rates, strict=True):
        for y, row in enumerate(rows):
            _pair(ax, y, paper.get(row, {}).get(rate), ours.get(row, {}).get(rate))
        finish(ax, f"noise rate {rate:g}", None, grid="both")
    axes[0].set_yticks(range(len(rows)), [row_name(row) for row in rows])
    axes[0].invert_yaxis()
    fig.supxlabel(unit, fontsize=10)
    handles = _handles()
    fig.legend(handles=handles, loc="outside upper center", ncols=len(handles), fontsize=NOTE + 1, frameon=False)
    return fig


def _pair(ax, y, theirs, mine):
    """Draws one method at one rate: a hollow diamond with its sd for the paper, dots (seeds) and their mean for us."""
    if mine is not None:
        mine = np.atleast_1d(np.asarray(mine, float))
    if theirs is not None:
        value, sd = (*np.atleast_1d(theirs), 0.0)[:2]
        if mine is not None:
            ax.plot([value, mine.mean()], [y, y], color="#cccccc", linewidth=3, zorder=1, solid_capstyle="butt")
        ax.errorbar(value, y, xerr=sd or None, color=GREY, marker="D", markersize=7, markerfacecolor="white",
                    markeredgecolor=INK, capsize=2, linewidth=1, zorder=2)  # fmt: skip
    if mine is not None:
        ours = {"color": PALETTE[0], "linestyle": "none", "zorder": 3}
        ax.plot(mine, np.full(len(mine), y), marker="o", markersize=4, alpha=0.6, **ours)
        ax.plot(mine.mean(), y, marker="|", markersize=13, markeredgewidth=2.5, **ours)


def _handles():
    """Legend entries for the three marks, made without drawing them."""
    none, blue = {"linestyle": "none"}, PALETTE[0]
    return [
        Line2D([], [], marker="D", markerfacecolor="white", markeredgecolor=INK, label="paper (± sd)", **none),
        Line2D([], [], marker="o", color=blue, alpha=0.6, label="ours, one seed", **none),
        Line2D([], [], marker="|", color=blue, markersize=12, markeredgewidth=2.5, label="ours, mean", **none),
    ]

