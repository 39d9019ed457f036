"""Pictures of any study: a measure against the noise rate, and average ranks with what they must be apart.

Rows are described by `looks`, {row id: (label, line settings)}, as `style.row_styles` gives those of a notebook.
"""

from lnlkit import checks, recorded
from lnlkit.recorded import ranks
from lnlkit.viz.picture import of_every_kind
from lnlkit.viz.show import describe
from lnlkit.viz.style import GREY, LABEL, NOTE, PALE, PALETTE, finish, noise_name, panels, plain

CE = "ce"
ALL = 7  # rows: so many lines are told apart by their colours
SHOWN = 4  # of more rows those that have colours, beside CE
GREYS = ("#949494", "#ece133", GREY)  # of the palette, one that is taken for grey, and one too pale for a line
A_ROW = 4  # panels
FIRST = ("symmetric", "pairflip", "part_dependent", "model_idn")  # kinds of noise, then the others as they come


def _looks(looks, runs):
    """The argument `looks`, which has an entry for every row of the runs."""
    for row in dict.fromkeys(runs["row"]):
        checks.one_of(row, "runs", list(checks.mapping(looks, "looks", "row: (label, line settings)")))
    return looks


def in_front(runs, value="last", lower=False, front=()):
    """The rows that are drawn in colour: all of a few, else CE, those of `front` and those of the best average rank.

    Where rows share no setting, the mean over those that each was run in counts instead.
    """
    there = list(dict.fromkeys(runs["row"]))
    if len(there) <= ALL:
        return there
    most = ranks.common(runs, value)
    means = most.groupby("row")[value].mean().sort_values(ascending=lower)
    order = ranks.average_ranks(most, value, lower).index if len(ranks.of_all(most, value)) else means.index
    front = [row for row in front if row in there and row != CE][:SHOWN]
    best = [row for row in order if row not in (CE, *front)][: SHOWN - len(front)]
    return [*(row for row in there if row == CE), *front, *best]


@plain
def against_rate(runs, looks, value="last", *, says="accuracy, %", unit=100.0, lower=False, front=(), what="",
                 about=""):  # fmt: skip
    """Figure of a column of runs against the noise rate, a panel a kind of noise, one line a row: means over the seeds.

    Up to seven rows have colours; of more, CE, those of `front` and of the best average rank, and the others are grey.
    says: what the axis measures, lower: less is better, what: the data, about: the measure, for title and description.
    """
    runs = recorded.frame(runs, "runs", "row", "noise", "noise_rate", value=value)
    looks, unit = _looks(looks, runs), checks.positive(unit, "unit")
    noisy = of_every_kind(runs := runs[runs[value].notna()])
    rates, strong = noisy.groupby("noise")["noise_rate"].nunique(), in_front(runs, value, lower, front)
    kinds = in_order(rates.index[rates > 1] if (rates > 1).any() else rates.index)
    across = min(len(kinds), A_ROW)
    fig, axes = panels(-(-len(kinds) // A_ROW), across, width=max(5.2, 2.65 * across), height=3.3, sharey=True,
                       squeeze=False)  # fmt: skip
    lines, looks = {}, looks if len(looks) <= ALL else _apart(looks, strong)
    for place, (ax, noise) in enumerate(zip(axes.flat, kinds, strict=False)):
        means = unit * _of_kind(noisy, noise).groupby(["row", "noise_rate"])[value].mean().unstack("row")
        for row in means:
            lines |= {row: _line(ax, means[row].dropna(), row, looks, strong, len(looks) > ALL)}
        finish(ax, noise_name(noise), "share of wrong labels", "" if place % A_ROW else says, grid="y")
    for ax in axes.flat[len(kinds):]:
        ax.set_axis_off()
    shown = [row for row in strong if row in lines]
    below = -(-len(shown) // (2 * across))  # lines of names
    fig.legend([lines[row] for row in shown], [looks[row][0] for row in shown], loc="outside lower center",
               ncols=-(-len(shown) // max(below, 1)), fontsize=NOTE, frameon=False)  # fmt: skip
    fig.suptitle(about or None, fontsize=LABEL)
    grey = "; the other methods are grey" if len(shown) < len(lines) else ""
    return describe(fig, f"{about or says} of {len(lines)} methods{what and f' on {what}'} against the noise rate, "
                         f"means over the seeds, in colour {', '.join(looks[row][0] for row in shown)}{grey}.")


def _of_kind(noisy, noise):
    """The runs under a kind of noise, those without noise only of rows that were run with it."""
    runs = noisy[noisy["noise"] == noise]
    rows = runs.loc[runs["noise_rate"] > 0, "row"]
    return runs[runs["row"].isin(rows)] if len(rows) else runs


def in_order(kinds):
    """Kinds of noise in the order of all pages and pictures."""
    return sorted(dict.fromkeys(kinds), key=lambda of: FIRST.index(of) if of in FIRST else len(FIRST))


def _apart(looks, strong):
    """The looks of all rows, in which those in front have colours that differ from each other and from grey."""
    free = [color for color in PALETTE if color not in GREYS]
    found = {}
    for row in [row for row in strong if row != CE]:
        label, look = looks[row]
        color = look["color"] if look["color"] in free else free[0]
        free.remove(color)
        found[row] = label, look | {"color": color}
    return looks | found


def _line(ax, means, row, looks, strong, many):
    """The line of a row: in its own look, CE in black, and thin and grey behind the others."""
    look = looks[row][1]
    if many:
        look = {"color": "black"} if row == CE else look if row in strong else {"color": GREY}
    front = row in strong
    (line,) = ax.plot(means.index, means, **{"marker": "o" if len(means) == 1 else None} | look,
                      linewidth=(2 if many else 1.6) if front else 0.6, alpha=1 if front else 0.5, markersize=5,
                      zorder=3 if front else 1, label=looks[row][0] if front else None)  # fmt: skip
    return line


@plain
def rank_dots(found, labels, *, what=""):
    """Figure of average ranks, a panel each of `found`, {title: DataFrame of `recorded.ranks`}, the best row on top.

    A grey band begins at the best rank and is one critical difference wide: who lies in it does not differ from the
    best. Rows come in the order of the first panel. labels: {row: text}.
    """
    checks.mapping(found, "found", "title: DataFrame")
    first = next(iter(found.values()))
    order = list(first.index)
    fig, axes = panels(1, len(found), width=2.2 + 3.4 * len(found), height=0.9 + 0.21 * len(order), sharey=True,
                       squeeze=False)  # fmt: skip
    for ax, (title, ranked) in zip(axes[0], found.items(), strict=True):
        best, apart = ranked["rank"].min(), ranked.attrs["critical_difference"]
        ax.axvspan(best, best + apart, color=PALE, zorder=0)
        rows = [row for row in order if row in ranked.index]
        ax.plot(ranked["rank"][rows], [order.index(row) for row in rows], "o", color="#0173b2", markersize=6)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set(xlim=(0.5, len(order) + 0.5), ylim=(len(order) - 0.4, -0.6), yticks=range(len(order)))
        ax.set_yticklabels([labels[row] for row in order])
        finish(ax, title, "average rank (1 is best)", grid="x")
        ax.tick_params(axis="y", labelsize=NOTE + 0.5, length=0)
    axes[0, 0].title.set_fontsize(LABEL)
    said = ", ".join(f"{labels[row]} {first['rank'][row]:.1f}" for row in order[:3])
    return describe(fig, f"Average ranks of {len(order)} methods{what and f' on {what}'}, {next(iter(found))}: the "
                         f"best are {said}. Grey: one critical difference ({first.attrs['critical_difference']:.1f}) "
                         "from the best rank.")  # fmt: skip
