"""Pictures of ChoiceNet (paper 05): fits with their correlations, errors against outliers, heads taken apart."""

from lnlkit.viz.choicenet.accuracies import accuracies
from lnlkit.viz.choicenet.diagram import diagram
from lnlkit.viz.choicenet.explorer import Regressions
from lnlkit.viz.choicenet.fits import along_x, correlation_strip, fits, fitted, overview, points_of
from lnlkit.viz.choicenet.two_classifiers import TwoClassifiers

__all__ = [
    "Regressions", "TwoClassifiers", "accuracies", "along_x", "correlation_strip", "diagram", "fits", "fitted",
    "overview", "pictures", "points_of",
]  # fmt: skip


def pictures(table):
    """What the notebook's explorers show: {name: Picture}."""
    return {"correlation": TwoClassifiers(), "regression": Regressions(table)}
