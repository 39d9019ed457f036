"""Figure of two classifiers, the second correlated with the first: why correlation matters in a mixture."""

import numpy as np

from lnlkit import checks
from lnlkit.viz import style as _style
from lnlkit.viz.style import GREY, INK, NOTE, PALETTE, TICK, TITLE, finish

KEPT, FLIPPED = PALETTE[0], PALETTE[3]


def _signed_scores(rho, corruption, sigma=0.5, n=2000):
    """Scores of two classifiers times the observed label, (n,) each; which labels are flipped; and the weight pi (n,).

    See `two_classifiers`. Draws are the same for all arguments, so that pictures compare.
    """
    if not -1 <= rho <= 1:
        raise ValueError(f"`rho` must be a correlation in [-1, 1], but got {rho!r}.")
    checks.fraction(corruption, "corruption")
    rng = np.random.default_rng(0)
    y = np.where(np.arange(n) % 2, 1.0, -1.0)
    noise = sigma * rng.standard_normal((2, n))
    flipped = rng.permutation(n) < round(corruption * n)
    first = y + noise[0]
    second = rho * first + np.sqrt(1 - rho**2) * noise[1]  # mean rho y, deviation sigma, correlation rho with the first
    first, second = (score * np.where(flipped, -y, y) for score in (first, second))
    return first, second, flipped, np.where(second > first, 1.0, np.where(second < first, 0.0, 0.5))


def two_classifiers(rho, corruption, *, fig=None):
    """Figure of why correlation matters in mixture modelling (Paper 05, Section 3.1, Eq. (4) and Fig. 1).

    Labels y are -1 or 1, and a share `corruption` of them is flipped in what is observed, ŷ. A classifier scores
    W h(x) ~ N(y, 0.5²) given y; a second one, W', has correlation rho with it, so W' h(x) ~ N(rho y, 0.5²). For each
    pair (x, ŷ) the weight pi in [0, 1] of the second is the one that minimises -((1 - pi) W h(x) + pi W' h(x)) ŷ:
    it is 1 where the second classifier's score times ŷ is the larger, and 1/2 where both are equal.

    Eq. (4) is printed with a minus before pi. Then a second classifier with rho = -1 makes the loss the same for
    every pi; the paper's conclusion, pi near 1 for flipped labels because rho < 0, needs the plus. It also needs pi
    to depend on ŷ: the mean of the loss over ŷ given x is smallest at pi = 0 wherever W h(x) y > W' h(x) y and
    fewer than half of the labels are flipped. The classifiers are given here, not trained.
    """
    first, second, flipped, pi = _signed_scores(rho, corruption)
    fig = _style.whole(fig, 11, 4.4)
    grid = fig.add_gridspec(2, 3, width_ratios=(1, 1.15, 1))
    places = ((0, 0), (1, 0), (slice(None), 1), (slice(None), 2))
    upper, lower, plane, bars = (fig.add_subplot(grid[place]) for place in places)
    right = np.where(flipped, pi, 1 - pi).mean()
    fig.suptitle(f"correlation {rho:g}, {100 * corruption:g} % of the labels flipped: "
                 f"the weight is right for {100 * right:.0f} % of the examples", fontsize=TITLE + 1)  # fmt: skip
    _densities(upper, 1.0, corruption, "first classifier")
    _densities(lower, rho, corruption, "second classifier")
    lower.set_xlabel("score × observed label", fontsize=_style.LABEL)
    _plane(plane, first, second, flipped)
    _mean_weights(bars, pi, flipped)
    handles, labels = plane.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=TICK, frameon=False)
    return fig


def _densities(ax, mean, corruption, title, sigma=0.5):
    """Densities of a classifier's score times the observed label: N(mean, sigma²) where kept, N(-mean, sigma²) not."""
    s = np.linspace(-3, 3, 241)
    for center, share, color, line in ((mean, 1 - corruption, KEPT, "-"), (-mean, corruption, FLIPPED, "--")):
        density = share * np.exp(-0.5 * ((s - center) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
        ax.plot(s, density, color=color, linestyle=line, linewidth=1.8)
        ax.fill_between(s, density, color=color, alpha=0.15, linewidth=0)
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.set(xlim=(-3, 3), ylim=(0, 0.85), yticks=[])
    return finish(ax, title, None, "density")


def _plane(ax, first, second, flipped, shown=500):
    """The two scores of some examples against each other; above the diagonal the second classifier is chosen."""
    ends = np.array([-3.0, 3.0])
    ax.fill_between(ends, ends, 3, color=PALETTE[8], alpha=0.18, linewidth=0, label="second is larger: π = 1")
    ax.plot(ends, ends, color=GREY, linewidth=1, linestyle=":")
    first, second, flipped = first[:shown], second[:shown], flipped[:shown]
    style = {"linestyle": "none", "alpha": 0.65, "markeredgewidth": 0}
    ax.plot(first[~flipped], second[~flipped], "o", markersize=4, color=KEPT, label="label kept", **style)
    ax.plot(first[flipped], second[flipped], "X", markersize=5.5, color=FLIPPED, label="label flipped", **style)
    ax.set(xlim=ends, ylim=ends, aspect="equal")
    return finish(ax, "whose score is larger?", "first: score × observed label", "second: score × observed label")


def _mean_weights(ax, pi, flipped):
    """Mean weight of the second classifier for flipped, kept and all examples; the true share of flips as a line."""
    groups = {"flipped": (flipped, FLIPPED), "kept": (~flipped, KEPT), "all": (np.full(len(pi), True), GREY)}
    for place, (chosen, color) in enumerate(groups.values()):
        if chosen.any():
            ax.bar(place, pi[chosen].mean(), color=color, width=0.6, alpha=0.85)
            ax.text(place, pi[chosen].mean() + 0.02, f"{pi[chosen].mean():.2f}", ha="center", fontsize=TICK)
    ax.plot([1.6, 2.4], [flipped.mean()] * 2, color=INK, linewidth=2, linestyle="--", label="true share of flips")
    ax.set_xticks(range(3), groups)
    ax.set(xlim=(-0.5, 2.5), ylim=(0, 1.12))
    ax.legend(fontsize=NOTE, frameon=False, loc="upper right")
    return finish(ax, "mean weight π of the second", "labels", None, grid="y")


def two_classifiers_alt(rho, corruption):
    """The sentences that `two_classifiers` is read out as, numbers included."""
    _, _, flipped, pi = _signed_scores(rho, corruption)
    of = f"{pi[flipped].mean():.2f} for flipped labels, " if flipped.any() else ""
    right = np.where(flipped, pi, 1 - pi).mean()
    return (
        f"Two classifiers with correlation {rho:g}, {100 * corruption:g} % of the labels flipped. The mean weight of "
        f"the second is {of}{pi[~flipped].mean():.2f} for kept labels and {pi.mean():.2f} over all, where the true "
        f"share of flips is {flipped.mean():.2f}; it is right for {100 * right:.0f} % of the examples."
    )
