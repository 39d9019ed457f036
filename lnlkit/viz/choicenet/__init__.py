"""Pictures of ChoiceNet (paper 05): fits with their correlations, errors against outliers, heads taken apart."""

from lnlkit.viz.choicenet.explorers import Regressions, TwoClassifiers
from lnlkit.viz.choicenet.figures import accuracies, along_x, diagram, fits, fitted, overview, points_of

__all__ = [
    "Regressions", "TwoClassifiers", "accuracies", "along_x", "diagram", "fits", "fitted", "overview", "pictures",
    "points_of",
]  # fmt: skip


def pictures(table):
    """What the notebook's explorers show: {name: Picture}."""
    return {"correlation": TwoClassifiers(), "regression": Regressions(table)}
