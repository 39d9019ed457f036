"""What a reader handles: explorers of recorded results, buttons that train live, guesses before a picture,
and buttons for labelling by hand.

House rules (they keep notebooks alive on old and new ipywidgets, without a browser and without a kernel): core
controls only, a picture that is drawn from values alone and updated in every place where it stands, no `interact` and
no `Output` widget. What goes wrong in a callback is shown in red and kept in `ERRORS`, because front ends hide it.
"""

from lnlkit.widgets.explorer import Explorer
from lnlkit.widgets.labelling import Labeller
from lnlkit.widgets.page import ERROR_CLASS, ERRORS, PLACES
from lnlkit.widgets.prediction import REVEALED, Prediction
from lnlkit.widgets.training import TrainButton

__all__ = ["ERRORS", "ERROR_CLASS", "PLACES", "REVEALED", "Explorer", "Labeller", "Prediction", "TrainButton"]
