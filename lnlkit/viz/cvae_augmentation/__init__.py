"""Figures of Paper 01: the noise that looks at the image, the conditional VAE, and what the recorded runs say.

Tidy runs come from `lnlkit.recorded`. `overview` and `pictures` are what every paper has.
"""

from lnlkit.viz.cvae_augmentation.explorer import Runs, pictures
from lnlkit.viz.cvae_augmentation.figures import (
    LABELS,
    MEASURED,
    NOTEBOOK,
    accuracy,
    architecture,
    loss_split,
    overview,
    own_run,
    paper_against_ours,
    score_thresholds,
    train_validation,
)

__all__ = [
    "LABELS", "MEASURED", "NOTEBOOK", "Runs", "accuracy", "architecture", "loss_split", "overview", "own_run",
    "paper_against_ours", "pictures", "score_thresholds", "train_validation",
]  # fmt: skip
