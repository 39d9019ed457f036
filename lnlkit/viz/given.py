"""What several drawings are given: each function here returns it checked, or raises one sentence with the cure."""

from matplotlib.axes import Axes

from lnlkit import checks, recorded
from lnlkit.viz.style import row_labels


def axes(ax):
    """The argument `ax`, which is axes to draw into."""
    return checks.instance(ax, "ax", Axes, "`fig, ax = viz.panels()` makes some.")


def rows(asked, notebook, name="rows"):
    """The rows asked for as a list, each of them a row of the paper."""
    return [checks.one_of(row, name, row_labels(notebook)) for row in checks.sequence(asked, name)]


def runs(table, notebook, *columns):
    """The runs of a `Recorded` of this notebook, which have these columns and no row that the paper has not."""
    checks.instance(table, "table", recorded.Recorded, "recorded.load gives one.")
    if table.notebook != notebook:
        raise ValueError(f"`table` must be the recorded runs of {notebook}, but is of {table.notebook}.")
    found = recorded.frame(table.runs, "table", "row", "key", "seed", *columns)
    rows(found["row"].unique(), notebook, "table")
    return found


def at_rate(runs, noise_rate, noise="symmetric"):
    """Those runs of one kind of noise that have this rate, which is above 0 and one that was recorded."""
    rate = recorded.same_rate(checks.fraction(noise_rate, "noise_rate", below_one=False))
    runs = runs[(runs["noise"] == noise) & (runs["noise_rate"] > 0)]
    if rate not in set(runs["noise_rate"]):
        there = ", ".join(f"{known:g}" for known in sorted(runs["noise_rate"].unique()))
        raise ValueError(f"`noise_rate` must be one that was recorded ({there or 'there is none'}), but got {rate:g}.")
    return runs[runs["noise_rate"] == rate]


def names(class_names, n):
    """The names as a list of n texts; the numbers of the classes without."""
    if class_names is None:
        return list(range(n))
    found = checks.sequence(class_names, "class_names")
    if len(found) != n:
        raise ValueError(f"`class_names` must be one name per class ({n}), but got {len(found)}.")
    return found
