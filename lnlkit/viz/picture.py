"""What an explorer shows: one figure with a fixed layout, whose panels are drawn again only where they change."""

from numbers import Real

import pandas as pd

from lnlkit import checks, recorded
from lnlkit.viz.show import describe
from lnlkit.viz.style import TITLE, plain, whole

DPI = 120  # of an explorer's figure: every step draws it whole


def in_order(runs, columns, names):
    """The combinations of columns that were run, numbers ascending and other values in the order of `names`."""
    places = {name: place for place, name in enumerate(names)}
    found = runs[columns].drop_duplicates()
    return found.sort_values(columns, key=lambda of: of if of.dtype.kind in "fi" else of.map(places), ignore_index=True)


def of_every_kind(runs):
    """Runs by kind of noise, those without noise once for each kind: there all kinds are the same."""
    noisy, clean = runs[runs["noise_rate"] > 0], runs[runs["noise_rate"] == 0]
    kinds = (noisy if len(noisy) else clean)[["noise"]].drop_duplicates()
    return pd.concat([noisy, clean.drop(columns="noise").merge(kinds, how="cross")])


def standing(means, row, labels, text="{:.1f} %", *, lowest=False):
    """'the highest of 6 methods', or which method has the highest of these means, (row: value)."""
    best, most = (means.idxmin(), "smallest") if lowest else (means.idxmax(), "highest")
    if best == row:
        return f"the {most} of {len(means)} methods"
    return f"the {most} is {text.format(means[best])}, of {labels[best]}"


def _printed(value):
    """A value as it is looked up: numbers that print equal, as 0.1 * 3 and 0.3, are one."""
    return round(value, 6) if isinstance(value, Real) else value if value is None else str(value)


class Picture:
    """A figure of recorded results that follows a choice; `widgets.Explorer(picture)` puts controls above it.

    offered: DataFrame with one column a control, in the order of the controls, and one row a recorded combination.
    title: what errors call it. labels: {control: text beside it}, where the name alone would not do. names: {control:
    function from a value to its text}. start: {control: value} shown first. size: inches; on the page an inch is 90
    pixels wide, and a picture at most 960.

    A subclass lays out `self.fig` once in `lay_out`, without a layout engine, and draws in `fill` through `panel`.
    """

    title = "explorer"
    labels: dict = {}
    names: dict = {}
    start: dict = {}
    size = (10.6, 4.4)

    @plain
    def __init__(self, table, offered):
        self.table, self.offered = table, recorded.frame(offered, "offered")
        for name, of in (("labels", self.labels), ("names", self.names), ("start", self.start)):
            for control in of:
                checks.one_of(control, name, list(offered))
        rows = offered.astype(object).where(offered.notna(), None).itertuples(index=False, name=None)
        self._offered = {tuple(map(_printed, row)): row for row in rows}
        self.fig = whole(*self.size)
        self.fig.set_layout_engine("none")
        self.fig.dpi = DPI
        self._drawn = {}  # axes -> key of what is in it
        self.lay_out()

    def lay_out(self):
        """Makes the panels: axes at fixed places of `self.fig`."""
        raise NotImplementedError

    def fill(self, **choice):
        """Draws the choice into the panels; returns the sentence that describes the figure."""
        raise NotImplementedError

    @plain
    def draw(self, **choice):
        """The figure of a choice, described. It is the same object every time, drawn anew where the choice differs.

        The choice has a value for each control, None where that does not matter, and is one that was recorded.
        """
        if set(choice) != set(self.offered):
            raise ValueError(f"`choice` must have a value for each of {list(self.offered)}, but got {list(choice)}.")
        row = self._offered.get(tuple(_printed(choice[name]) for name in self.offered))
        if row is None:
            raise ValueError(f"`choice` must be one that was recorded, see `offered`, but got {choice}.")
        return describe(self.fig, self.fill(**dict(zip(self.offered, row, strict=True))))

    def heading(self, text, runs, realised=None):
        """Writes the title of a setting, with its realised rate and the number of its runs, one a seed; returns it."""
        realised = realised or f"realised {runs['realised_rate'].mean():.3f}"
        title = f"{text} ({realised}; {len(runs)} seed{'s' if len(runs) > 1 else ''})"
        self.fig.suptitle(title, fontsize=TITLE + 1)
        return title

    def panel(self, ax, key, drawer, *arguments, **options):
        """Clears the axes and calls drawer(ax, ...), unless they show `key` already: all that a drawing depends on."""
        if self._drawn.get(ax) != key:
            self._drawn.pop(ax, None)  # a drawing that fails is not taken for a finished one
            ax.clear()
            drawer(ax, *arguments, **options)
            self._drawn[ax] = key
        return ax
