"""Pictures of EchoAlign (paper 04): the outcome, modified images, what similarity knows, and the ideas as diagrams.

Tidy runs come from `lnlkit.recorded`. `overview` and `pictures` are what every paper has.
"""

from lnlkit.viz.echoalign.diagrams import causes, framework
from lnlkit.viz.echoalign.explorers import Modification, Selection, pictures
from lnlkit.viz.echoalign.modified import alignment, gallery, maps
from lnlkit.viz.echoalign.outcome import learning, overview, own_run, table_1, thresholds
from lnlkit.viz.echoalign.selection import purity, similarities

__all__ = [
    "Modification", "Selection", "alignment", "causes", "framework", "gallery", "learning", "maps", "overview",
    "own_run", "pictures", "purity", "similarities", "table_1", "thresholds",
]  # fmt: skip
