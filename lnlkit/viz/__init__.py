"""Figures: data and `ax` in, `ax` out, or a whole figure out that carries its description; `viz.show(fig)` shows it.

Here is what all papers draw. What one paper alone draws has a module of its own, named like its method module and
imported by name. No function calls `plt.show` or changes a global setting.
"""

from lnlkit.viz import lines, tables
from lnlkit.viz.embeddings import embedding, embedding_row
from lnlkit.viz.images import image_grid
from lnlkit.viz.label_vectors import co_occurrence, label_counts, scene_grid
from lnlkit.viz.matrices import transition_heatmap, transition_row
from lnlkit.viz.picture import Picture
from lnlkit.viz.show import bundle, describe, description, show
from lnlkit.viz.style import MARKERS, PALETTE, noise_name, panels, row_labels, row_styles

__all__ = [
    "MARKERS", "PALETTE", "Picture", "bundle", "co_occurrence", "describe", "description", "embedding",
    "embedding_row", "image_grid", "label_counts", "lines", "noise_name", "panels", "row_labels", "row_styles",
    "scene_grid", "show", "tables", "transition_heatmap", "transition_row",
]  # fmt: skip
