"""Figures and tables of Paper 02: diagrams of the model, mAP of the recorded runs, and what the quality variable knows.

Tidy runs come from `lnlkit.recorded`; K classes. `overview` and `pictures` are what every paper has.
"""

from lnlkit.viz.quality_embedding.diagrams import architecture, autoencoder_comparison, graph
from lnlkit.viz.quality_embedding.explorer import pictures
from lnlkit.viz.quality_embedding.figures import (
    CAN,
    LAMBDA,
    SETS,
    diagonal,
    main_runs,
    map_tables,
    overview,
    quality_maps,
    transitions,
)
from lnlkit.viz.quality_embedding.mechanism import copy_or_explain, error_signals
from lnlkit.viz.quality_embedding.tables import what_acts, what_it_knows
from lnlkit.viz.quality_embedding.varied import studies

__all__ = [
    "CAN", "LAMBDA", "SETS", "architecture", "autoencoder_comparison", "copy_or_explain", "diagonal", "error_signals",
    "graph", "main_runs", "map_tables", "overview", "pictures", "quality_maps", "studies", "transitions",
    "what_acts", "what_it_knows",
]  # fmt: skip
