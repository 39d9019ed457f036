"""Figures: data and `ax` in, `ax` out (or a whole figure out); shown with `show(fig, alt=...)`.

Matplotlib is used here and nowhere below. No function calls `plt.show` or changes a global setting.
"""

from lnlkit.viz._show import bundle, show, update
from lnlkit.viz._style import MARKERS, PALETTE, noise_name, panels, row_name, row_style
from lnlkit.viz.diagrams import architecture, choice_diagram
from lnlkit.viz.embeddings import embedding, embedding_row
from lnlkit.viz.images import image_grid, score_thresholds
from lnlkit.viz.matrices import transition_heatmap, transition_row
from lnlkit.viz.recorded import (
    choices,
    matching,
    recorded_run,
    recorded_run_alt,
    run_curves,
    sweep_overview,
    sweep_overview_alt,
)
from lnlkit.viz.regression import (
    correlation_strip,
    dataset_name,
    error_curves,
    fitted,
    mean_interval,
    regression_choices,
    regression_fits,
    regression_matching,
    regression_overview,
    regression_overview_alt,
    regression_run,
    regression_run_alt,
)
from lnlkit.viz.results import paper_against_ours
from lnlkit.viz.training import curves, loss_split, train_validation
from lnlkit.viz.two_classifiers import two_classifiers, two_classifiers_alt

__all__ = [
    "MARKERS", "PALETTE", "architecture", "bundle", "choice_diagram", "choices", "correlation_strip", "curves",
    "dataset_name", "embedding", "embedding_row", "error_curves", "fitted", "image_grid", "loss_split", "matching",
    "mean_interval", "noise_name", "panels", "paper_against_ours", "recorded_run", "recorded_run_alt",
    "regression_choices", "regression_fits", "regression_matching", "regression_overview", "regression_overview_alt",
    "regression_run", "regression_run_alt", "row_name", "row_style", "run_curves", "score_thresholds", "show",
    "sweep_overview", "sweep_overview_alt", "train_validation", "transition_heatmap", "transition_row",
    "two_classifiers", "two_classifiers_alt", "update",
]  # fmt: skip
