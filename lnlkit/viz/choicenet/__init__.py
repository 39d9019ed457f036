"""Pictures of ChoiceNet (paper 05): the outcome, the walk from code to print, fits with correlations, errors."""

from lnlkit.viz.choicenet.classifiers import accuracies, choices, overview, per_seed, pulls, walk
from lnlkit.viz.choicenet.explorers import Regressions, TwoClassifiers
from lnlkit.viz.choicenet.figures import along_x, diagram, errors, fits, fitted, points_of

__all__ = [
    "Regressions", "TwoClassifiers", "accuracies", "along_x", "choices", "diagram", "errors", "fits", "fitted",
    "overview", "per_seed", "pictures", "points_of", "pulls", "walk",
]  # fmt: skip


def pictures(table):
    """What the notebook's explorers show: {name: Picture}."""
    return {"correlation": TwoClassifiers(), "regression": Regressions(table)}
