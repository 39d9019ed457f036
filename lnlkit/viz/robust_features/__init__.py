"""Pictures of robust features (paper 03): the outcome, what is learned by heart, the features, the restorations.

Tidy runs come from `lnlkit.recorded`. `overview` and `pictures` are what every paper has.
"""

from lnlkit.viz.robust_features.explorer import Runs, pictures
from lnlkit.viz.robust_features.features import maps, restored
from lnlkit.viz.robust_features.memory import alphas, memorisation, own_run
from lnlkit.viz.robust_features.outcome import overview, search, table_1

__all__ = [
    "Runs", "alphas", "maps", "memorisation", "overview", "own_run", "pictures", "restored", "search", "table_1",
]  # fmt: skip
