"""Figures: data and `ax` in, `ax` out (or a whole figure out); shown with `show(fig, alt=...)`.

Matplotlib is used here and nowhere below. No function calls `plt.show` or changes a global setting.
"""

from lnlkit.viz.show import bundle, show, update
from lnlkit.viz.style import MARKERS, PALETTE, noise_name, panels, row_name, row_style
from lnlkit.viz.diagrams import architecture, choice_diagram
from lnlkit.viz.embeddings import embedding, embedding_row
from lnlkit.viz.images import image_grid, score_thresholds
from lnlkit.viz.label_vectors import (
    co_occurrence,
    error_bars,
    label_counts,
    label_counts_alt,
    quality_map,
    quality_map_alt,
    scene_grid,
    scene_grid_alt,
    transition_pair,
    transition_pair_alt,
)
from lnlkit.viz.matrices import transition_heatmap, transition_row
from lnlkit.viz.quality import (
    class_ap,
    class_ap_alt,
    lambda_of,
    map_curves,
    map_curves_alt,
    multilabel_name,
    quality_choices,
    quality_matching,
    quality_overview,
    quality_overview_alt,
)
from lnlkit.viz.quality_diagrams import (
    autoencoder_comparison,
    autoencoder_comparison_alt,
    quality_architecture,
    quality_architecture_alt,
    quality_graph,
    quality_graph_alt,
)
from lnlkit.viz.quality_run import quality_run, quality_run_alt
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
    "MARKERS", "PALETTE", "architecture", "autoencoder_comparison", "autoencoder_comparison_alt", "bundle",
    "choice_diagram", "choices", "class_ap", "class_ap_alt", "co_occurrence", "correlation_strip", "curves",
    "dataset_name", "embedding", "embedding_row", "error_bars", "error_curves", "fitted", "image_grid", "label_counts",
    "label_counts_alt", "lambda_of", "loss_split", "map_curves", "map_curves_alt", "matching", "mean_interval",
    "multilabel_name", "noise_name", "panels", "paper_against_ours", "quality_architecture", "quality_architecture_alt",
    "quality_choices", "quality_graph", "quality_graph_alt", "quality_map", "quality_map_alt", "quality_matching",
    "quality_overview", "quality_overview_alt", "quality_run", "quality_run_alt", "recorded_run", "recorded_run_alt",
    "regression_choices", "regression_fits", "regression_matching", "regression_overview", "regression_overview_alt",
    "regression_run", "regression_run_alt", "row_name", "row_style", "run_curves", "scene_grid", "scene_grid_alt",
    "score_thresholds", "show", "sweep_overview", "sweep_overview_alt", "train_validation", "transition_heatmap",
    "transition_pair", "transition_pair_alt", "transition_row", "two_classifiers", "two_classifiers_alt", "update",
]  # fmt: skip
