"""Figures of Paper 01: the noise that looks at the image, the conditional VAE, and what the recorded runs say."""

from lnlkit.viz.cvae_augmentation.experiment import own_run, paper_against_ours, train_validation
from lnlkit.viz.cvae_augmentation.explorer import overview, pictures
from lnlkit.viz.cvae_augmentation.network import architecture, loss_split, score_thresholds

__all__ = ["architecture", "loss_split", "overview", "own_run", "paper_against_ours", "pictures", "score_thresholds",
           "train_validation"]  # fmt: skip
