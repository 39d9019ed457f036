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
    own_run,
    score_thresholds,
    train_validation,
)
from lnlkit.viz.cvae_augmentation.outcome import fidelity, generator_by_rate, neighbours, overview, same_matrix

__all__ = [
    "LABELS", "MEASURED", "NOTEBOOK", "Runs", "accuracy", "architecture", "fidelity", "generator_by_rate",
    "loss_split", "neighbours", "overview", "own_run", "pictures", "same_matrix", "score_thresholds",
    "train_validation",
]  # fmt: skip
