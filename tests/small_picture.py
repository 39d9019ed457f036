"""A picture with panels, for tests of explorers in a notebook and without torch."""

import numpy as np
import pandas as pd

from lnlkit import viz

OFFERED = pd.DataFrame({"rate": [0.1, 0.1, 0.4], "row": ["ce", "gce", "ce"]})


class Panels(viz.Picture):
    """A transition matrix that follows the rate, and a curve that follows the row."""

    labels = {"rate": "noise rate", "row": "method"}
    size = (6, 3)

    def lay_out(self):
        self.left, self.right = (self.fig.add_axes((x, 0.2, 0.35, 0.7)) for x in (0.1, 0.6))
        self.drawn = []

    def fill(self, rate, row):
        self.panel(self.left, rate, self.matrix, rate)
        self.panel(self.right, row, self.curve, row)
        return f"Matrix at rate {rate:g} and curve of {row}."

    def matrix(self, ax, rate):
        self.drawn.append("matrix")
        viz.transition_heatmap((1 - rate) * np.eye(3) + rate / 3, ax)

    def curve(self, ax, row):
        self.drawn.append("curve")
        ax.plot([1, 2, 3], label=row)


def picture():
    return Panels(None, OFFERED)
