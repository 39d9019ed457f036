"""Figures of recorded runs with several labels an example: mAP against noise, training size and lambda, AP per class.

K classes, S seeds.
"""

import numpy as np
from matplotlib.colors import to_rgba

from lnlkit import checks
from lnlkit.viz.style import INK, LABEL, NOTE, TITLE, WIDTH, finish, row_name, row_style, whole
from lnlkit.viz.recorded import choices
from lnlkit.viz.regression import mean_interval

CAN, PLAIN = "can", "bce"
LAMBDA = 0.3  # the paper's, Section IV-B: that of the runs whose "lambda_mi" is null
AT = 0.4  # P_noise of the runs with another lambda or training size
OVERVIEW = (PLAIN, "learnq", "icnm", "bootstrap", "bootstrap_hard", CAN)  # without our ablations of CAN
SETS = {"scenes": "scenes", "mnist": "MNIST", "cifar10n": "CIFAR-10N"}
STUDIES = {  # what is varied: the text at its axis
    "noise_rate": "$P_{\\mathrm{noise}}$, share of label vectors permuted",
    "lambda_mi": "λ, weight of the entropies in CAN",
    "size": "share of the training set",
}


def multilabel_name(dataset):
    """Readable name of a data set with label vectors: 'cifar10n' -> 'CIFAR-10N'."""
    return SETS.get(dataset, str(dataset))


def lambda_of(run):
    """The lambda of a run of CAN: the paper's 0.3 where the record has null."""
    return LAMBDA if run["lambda_mi"] is None else float(run["lambda_mi"])


def quality_choices(table):
    """Data sets, noise rates, values of lambda and rows of `table["multilabel"]`; the twin of `choices`."""
    entries = table["multilabel"]
    offered = choices({"runs": entries})
    found = dict.fromkeys(run["dataset"] for run in entries)
    return {
        "dataset": [*(name for name in SETS if name in found), *(name for name in found if name not in SETS)],
        "noise_rate": offered["noise_rate"],
        "lambda_mi": sorted({lambda_of(run) for run in entries if run["row"] == CAN}),
        "row": offered["row"],
    }


def quality_matching(entries, dataset, noise_rate, row=None, lambda_mi=LAMBDA, size=1.0):
    """The entries of `table["multilabel"]` with this setting, one for each row and seed; only CAN has a lambda."""
    first = {}
    for run in entries:
        there = run["dataset"] == dataset and abs(run["noise_rate"] - noise_rate) < 1e-9
        there = there and abs(run["size"] - size) < 1e-9 and row in (None, run["row"])
        if there and (run["row"] != CAN or abs(lambda_of(run) - lambda_mi) < 1e-9):
            first.setdefault((run["row"], run["seed"]), run)
    return list(first.values())


def _study(runs, x, noise_rate):
    """Of the runs of one data set those in which only x varies; training size and lambda are varied at `noise_rate`."""
    at = runs if x == "noise_rate" else [run for run in runs if abs(run["noise_rate"] - noise_rate) < 1e-9]
    if x == "size":
        return [run for run in at if run["lambda_mi"] is None]
    whole_set = [run for run in at if run["size"] == 1]
    if x == "noise_rate":
        return [run for run in whole_set if run["lambda_mi"] is None]
    varied = [run for run in whole_set if run["row"] == CAN]
    return varied if any(run["lambda_mi"] is not None for run in varied) else []


def _means(runs, x, row, key="best_val"):
    """`{value of x: (mean, half width of the interval)}` of one row, in %, x ascending."""
    value = lambda_of if x == "lambda_mi" else lambda run: run[x]
    own = {}
    for run in runs:
        if run["row"] == row:
            own.setdefault(value(run), []).append(100 * run[key])
    return {at: mean_interval(own[at]) for at in sorted(own)}


def map_curves(ax, runs, x="noise_rate", rows=None, *, noise_rate=AT, strong=CAN, title=None):
    """The axes with the mAP in % of each row against x (Paper 02, Fig. 6; its Table V and Table VI).

    runs: entries of `table["multilabel"]` of one data set; rows: those drawn, without it all. x: "noise_rate", "size"
    or "lambda_mi"; the latter two are taken at `noise_rate`. Lines are means over seeds, bars 95 % t-intervals of the
    mean (`mean_interval`), cut off where they are so long that the means could no longer be told apart. strong: the
    row whose line is thick. Values of lambda stand at equal distances; plain training, which has none, is a level line
    there, and from 1 on, where no variance minimises the loss, the ground is grey.
    """
    checks.one_of(x, "x", STUDIES)
    drawn = _study(runs, x, noise_rate)
    rows = choices({"runs": drawn})["row"] if rows is None else rows
    values = sorted({at for row in rows for at in _means(drawn, x, row)})
    place = {value: k if x == "lambda_mi" else value for k, value in enumerate(values)}
    ends = [_line(ax, found, row, place, row == strong) for row in rows if (found := _means(drawn, x, row))]
    ax.set_xticks(list(place.values()), [f"{value:g}" for value in values])
    if x == "lambda_mi" and ends:
        ends += _plain_level(ax, runs, noise_rate)
    if ends:
        ax.set_ylim(_limits(*np.hstack(ends)))
        if x == "lambda_mi":
            _beyond_one(ax, values, ends[0][0])
        ax.yaxis.get_major_locator().set_params(integer=True, steps=(1, 2, 5, 10))
        ax.legend(fontsize=NOTE, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16),
                  ncols=3 if len(ends) <= 6 else 4)  # fmt: skip
    return finish(ax, title, STUDIES[x], "mAP on the clean test set, %", grid="y")


def _line(ax, found, row, place, strong):
    """One row's line with its intervals; its means and their half widths. place: where a value of x stands."""
    name, style = row_style(row)
    mean, half = np.transpose(list(found.values()))
    width, size, zorder = (2.6, 7, 4) if strong else (1.8, 5.5, 3.5) if row == PLAIN else (1.2, 4.5, 3)
    ax.errorbar([place[at] for at in found], mean, yerr=half, label=name, linewidth=width, elinewidth=1, capsize=2,
                markersize=size, zorder=zorder, **style)  # fmt: skip
    return mean, half


def _plain_level(ax, runs, noise_rate):
    """Plain training at the same noise rate as a level line; its mean without an interval, as `_limits` takes it."""
    plain = _means(_study(runs, "noise_rate", noise_rate), "noise_rate", PLAIN).get(noise_rate)
    if plain is None:
        return []
    name, style = row_style(PLAIN)
    ax.axhline(plain[0], label=name, color=style["color"], linestyle=style["linestyle"], linewidth=1.5, zorder=2)
    return [([plain[0]], [0.0])]


def _beyond_one(ax, values, mean):
    """Grey ground from lambda = 1 on and what it means, written where the curve does not pass."""
    ax.set_xlim(-0.4, len(values) - 0.6)
    if values[-1] < 1:
        return
    ax.axvspan(sum(value < 1 for value in values) - 0.5, len(values) - 0.6, color="#f2f2f2", zorder=0)
    low, high = ax.get_ylim()
    above = mean[-1] < (low + high) / 2
    room = 0.18 * (high - low)  # for the text: it hides no interval
    ax.set_ylim(low - room * (not above), high + room * above)
    ax.text(0.98, 0.98 if above else 0.02, "λ ≥ 1: the loss has\nno minimum in σ", transform=ax.transAxes, ha="right",
            va="top" if above else "bottom", fontsize=NOTE, color="#555555")  # fmt: skip


def _limits(mean, half):
    """Limits of the mAP axis: all means with room around them, and of long bars so much as leaves the means apart."""
    low, high = mean.min(), mean.max()
    room = max(1.5, 0.3 * (high - low))
    low, high = max((mean - half).min(), low - room), min((mean + half).max(), high + room)
    edge = 0.05 * (high - low) + 0.3
    return max(0, low - edge), min(101, high + edge)


def map_curves_alt(runs, x="noise_rate", rows=None, *, noise_rate=AT, at=None):
    """The sentence that `map_curves` is read out as: the mean mAP of each row at the values `at` of x.

    Without `at` at the smallest, the middle and the largest one.
    """
    checks.one_of(x, "x", STUDIES)
    drawn = _study(runs, x, noise_rate)
    name = {"noise_rate": "P_noise", "size": "training size", "lambda_mi": "lambda"}[x]
    values = sorted({lambda_of(run) if x == "lambda_mi" else run[x] for run in drawn})
    if not values:
        return f"Mean average precision against {name}: not recorded."
    parts = []
    for value in dict.fromkeys((values[0], values[len(values) // 2], values[-1]) if at is None else at):
        found = {row: _means(drawn, x, row).get(value) for row in choices({"runs": drawn})["row"]}
        said = [f"{row_name(row)} {one[0]:.1f} %" for row, one in found.items() if one and (not rows or row in rows)]
        parts.append(f"at {value:g} {', '.join(said)}")
    plain = _means(_study(runs, "noise_rate", noise_rate), "noise_rate", PLAIN).get(noise_rate)
    if x == "lambda_mi" and plain:
        parts.append(f"{row_name(PLAIN)}, which has none, {plain[0]:.1f} %")
    return f"Mean average precision on the clean test set against {name}: {'; '.join(parts)}."


def class_ap(ax, runs, class_names, rows=None, *, title=None):
    """The axes with the average precision of each row in each class, and its mean (Paper 02, Tables II to IV).

    runs: entries of `table["multilabel"]` of one setting, with "ap" (K,); class_names: K names. Dots are means over
    seeds in %, lines 95 % t-intervals of the mean. A class needs about 0.35 inches of height for six rows.
    """
    names = [*class_names, "mean (mAP)"]
    if {len(run["ap"]) for run in runs} != {len(class_names)}:
        raise ValueError(f"`runs` must have {len(class_names)} values in \"ap\", one for each name in `class_names`, "
                         f"but got {sorted({len(run['ap']) for run in runs})}.")  # fmt: skip
    rows = choices({"runs": runs})["row"] if rows is None else rows
    means = []
    for place, row in enumerate(rows):
        table = 100 * np.array([[*run["ap"], run["best_val"]] for run in runs if run["row"] == row], float)
        if not len(table):
            continue
        mean, half = np.transpose([mean_interval(column) for column in table.T])
        name, style = row_style(row)
        at = np.arange(len(names)) + 0.66 * ((place + 0.5) / len(rows) - 0.5)
        ax.errorbar(mean, at, xerr=half, label=name, color=style["color"], marker=style["marker"], linestyle="none",
                    ecolor=to_rgba(style["color"], 0.35), markersize=7 if row == CAN else 5.5, elinewidth=1,
                    zorder=4 if row == CAN else 3)  # fmt: skip
        means.append((mean, half))
    for place in range(0, len(names), 2):
        ax.axhspan(place - 0.5, place + 0.5, color="#f5f5f5", zorder=0)
    ax.axhline(len(names) - 1.5, color=INK, linewidth=1)
    ax.set_yticks(range(len(names)), names)
    ax.set(ylim=(len(names) - 0.5, -0.5), xlim=_limits(*np.hstack(means)))
    ax.xaxis.get_major_locator().set_params(integer=True, steps=(1, 2, 5, 10))
    ax.legend(fontsize=NOTE, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(6, len(rows)))
    finish(ax, None, "average precision on the clean test set, %", grid="x")
    if title is not None:
        ax.set_title(title, fontsize=TITLE, pad=24 if len(rows) <= 6 else 38)  # above the legend
    return ax


def class_ap_alt(runs, class_names):
    """The sentence that `class_ap` is read out as: mAP of each row, and in how many classes it is the highest."""
    rows = choices({"runs": runs})["row"]
    ap = np.array([np.mean([run["ap"] for run in runs if run["row"] == row], axis=0) for row in rows])
    first = [rows[best] for best in ap.argmax(0)]
    said = [f"{row_name(row)} {_means(runs, 'size', row)[runs[0]['size']][0]:.1f} % (highest in {first.count(row)})"
            for row in rows]  # fmt: skip
    return f"Average precision in {len(class_names)} classes. Mean over the classes: {', '.join(said)}."


def _studies(table):
    """(data set, what is varied) for every study in the table with at least two values."""
    names = quality_choices(table)["dataset"]
    own = {name: [run for run in table["multilabel"] if run["dataset"] == name] for name in names}
    counted = {(name, x): _study(own[name], x, AT) for name in names for x in STUDIES}
    value = {"lambda_mi": lambda_of}
    return {
        at: own[at[0]] for at, runs in counted.items()
        if len({value.get(at[1], lambda run, x=at[1]: run[x])(run) for run in runs}) > 1
    }  # fmt: skip


def quality_overview(table, rows=OVERVIEW, *, fig=None):
    """Figure of all studies of the recorded table: mAP against noise (Table VI), lambda (Table V) and size (Fig. 6).

    A row of panels a data set where at most one study is missing, else a panel for each that there is. One legend.
    """
    found = _studies(table)
    if not found:
        raise ValueError('`table["multilabel"]` must vary noise, lambda or size, but holds no such runs.')
    order, cols = _places(found)
    count = -(-len(order) // cols)
    fig = whole(fig, WIDTH, 2.9 * count + 0.6)
    axes = fig.subplots(count, cols, squeeze=False).ravel()
    labels = {}
    for place, (ax, at) in enumerate(zip(axes, order, strict=False)):
        if at not in found:
            continue
        fixed = "" if at[1] == "noise_rate" else f", $P_{{\\mathrm{{noise}}}}$ = {AT:g}"
        map_curves(ax, found[at], at[1], [CAN] if at[1] == "lambda_mi" else rows, title=multilabel_name(at[0]) + fixed)
        for handle, name in zip(*ax.get_legend_handles_labels(), strict=True):
            labels.setdefault(name, handle)
        ax.get_legend().remove()
        ax.set_ylabel("mAP, %" if place % cols == 0 else None, fontsize=LABEL)
    return _with_key(fig, [ax for ax in axes if not ax.lines], labels)


def _places(found):
    """The studies in the order of their panels, and the number of columns."""
    every = [(name, x) for name in dict.fromkeys(name for name, _ in found) for x in STUDIES]
    if len(every) - len(found) <= 1:
        return every, len(STUDIES)
    return sorted(found, key=lambda at: list(STUDIES).index(at[1])), min(2, len(found))


def _with_key(fig, free, labels):
    """The figure with one legend, `{name: handle}`: in the first of the free panels, else below all."""
    if fig.get_layout_engine():
        fig.get_layout_engine().set(hspace=0.06)
    key = {"handles": labels.values(), "labels": labels.keys(), "fontsize": LABEL, "frameon": False,
           "title_fontsize": NOTE, "title": "mean and 95 % t-interval over the seeds"}  # fmt: skip
    for ax in free:
        ax.set_axis_off()
    if free:
        free[0].legend(loc="center", **key)
    else:
        fig.legend(loc="outside lower center", ncols=len(labels), **key)
    return fig


def quality_overview_alt(table, rows=OVERVIEW):
    """The sentences that `quality_overview` is read out as: mAP at P_noise 0.4, at three lambda, for the least data."""
    parts = []
    for (name, x), runs in _studies(table).items():
        at = {"noise_rate": [AT], "size": [min(run["size"] for run in runs)], "lambda_mi": None}[x]
        said = map_curves_alt(runs, x, rows, at=at).removeprefix("Mean average precision on the clean test set ")
        parts.append(f"{multilabel_name(name)}, {said}")
    return "Mean average precision on clean test sets. " + " ".join(parts)
