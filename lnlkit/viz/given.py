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


def names(class_names, n):
    """The names as a list of n texts; the numbers of the classes without."""
    if class_names is None:
        return list(range(n))
    found = checks.sequence(class_names, "class_names")
    if len(found) != n:
        raise ValueError(f"`class_names` must be one name per class ({n}), but got {len(found)}.")
    return found
