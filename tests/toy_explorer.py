"""An explorer of invented runs, and a page without a kernel on which it is shown."""

import pandas as pd

from lnlkit import viz, widgets


class Picture(viz.Picture):
    """A picture that remembers its choices and fails on the one it is told to fail on."""

    title, size, fails_on = "toy explorer", (2, 1), None

    def lay_out(self):
        self.choices = []

    def fill(self, **choice):
        self.choices.append(choice)
        if choice == self.fails_on:
            raise KeyError("no such run")
        return f"A picture of {choice}."


class Handle:
    """A place on the page, and what stood there so far."""

    def __init__(self, *bundled):
        self.shown = list(bundled)

    def update(self, data, *, raw, metadata=None):
        self.shown.append((data, metadata))


class Page:
    """A page without a kernel: handles of what is shown, in order; `cell` is the cell that is run, `run` its run."""

    def __init__(self, monkeypatch):
        self.handles, self.cell, self.run = [], None, 0
        monkeypatch.setattr(widgets.page, "place", self._place)
        monkeypatch.setattr(widgets.page, "_executing", lambda: (self.cell, self.run))

    def _place(self, bundled):
        self.handles.append(Handle(bundled))
        return self.handles[-1]

    def texts(self):
        """The descriptions that stand on the page now."""
        return [handle.shown[-1][0]["text/plain"] for handle in self.handles]


# asymmetric noise was recorded at a rate of its own, and row "b" at one rate only
OFFERED = pd.DataFrame(
    [("symmetric", 0.1, "a"), ("symmetric", 0.2, "a"), ("symmetric", 0.2, "b"), ("symmetric", 0.3, "a"),
     ("asymmetric", 0.15, "b"), ("asymmetric", 0.3, "a")],
    columns=["noise", "rate", "row"])  # fmt: skip


def explorer(offered=OFFERED, **options):
    return widgets.Explorer(type("Told", (Picture,), options)(None, offered))
