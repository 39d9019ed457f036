"""Pictures of the playground (notebook 00): the problem, all methods against the noise rate, the map, the explorer.

Tidy runs come from `lnlkit.recorded`, single examples from `lnlkit.recorded.by_example`. `overview` and `pictures` are
what every notebook's module has.
"""

from lnlkit.viz.playground.explorer import Playground, pictures
from lnlkit.viz.playground.families import method_map
from lnlkit.viz.playground.labelling import labelling
from lnlkit.viz.playground.overview import CE, LABELS, best_of, curves, overview
from lnlkit.viz.playground.problem import memorisation, same_matrix, small_loss

__all__ = [
    "CE", "LABELS", "Playground", "best_of", "curves", "labelling", "memorisation", "method_map", "overview",
    "pictures", "same_matrix", "small_loss",
]  # fmt: skip
