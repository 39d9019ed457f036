"""Loss correction: model how labels got noisy, and fit the network to the clean ones behind them."""

import math
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
import torch
from torch import Tensor

from lnlkit import checks, losses, tensors
from lnlkit.methods.base import Method
from lnlkit.methods.domains import Count, Percentage
from lnlkit.methods.stages import warm_up
from lnlkit.training import Batch, Recipe, TrainingSet

LEAST_PROBABILITY = 1e-12  # of an estimated flip: a saturated softmax must not make a label impossible


def estimate_T(p, percentile: float = 97.0) -> Tensor:
    """Estimated transition matrix (K, K) from one anchor a class, T[i, j] = P(noisy = j | clean = i), rows sum to 1.

    `p` (N, K): probabilities of the noisy label, from a network trained on noisy labels. The anchor of class i stands
    for an example that is surely of class i, so its row p is row i of T. It is the example at this percentile of
    p[:, i]; 100 is the largest, 97 leaves out the top 3 % as outliers. Where a class holds fewer examples than are
    left out (a hundred classes, say), 97 lands on another class: use 100.
    Source: Patrini et al. 2017 (anchors) and the authors' code (percentile).
    """
    p = torch.tensor(tensors.probabilities(p), dtype=torch.float64)
    checks.between(percentile, "percentile", 0, 100)
    rank = math.floor(percentile / 100 * (len(p) - 1) + 1e-9)
    anchors = p.argsort(dim=0, stable=True)[rank]  # (K,)
    T = p[anchors].clamp_min(LEAST_PROBABILITY)
    return T / T.sum(1, keepdim=True)


@dataclass
class Forward(Method):
    """Forward correction: the network predicts the clean class, T turns that into the noisy label that is fitted.

    Stage 1, inside `start`: cross-entropy for `warmup_epochs` (None: as many as the run has), then T is estimated from
    that network's predictions on the training images (`estimate_T`). Stage 2, the loop of `fit`: a fresh network
    with the corrected loss. Everything is estimated from noisy data only; a `T` given (K, K) skips stage 1 and
    is extra knowledge. `T_` is the matrix used. `predict` gives the clean class, not the noisy label.
    With T = I this is the CE run, bit for bit. T is one matrix for all images, so noise that depends on the image
    (Paper 01) is outside of what it can describe.

    Notes: Differences from the authors' code. Theirs takes the largest probability below the 97th percentile when it
    filters outliers, which is the same example unless values tie, and filters on some data sets only.
    """

    source: ClassVar[str] = "Patrini et al. 2017, Making deep neural networks robust to label noise"

    warmup_epochs: Count | None = None
    percentile: Percentage = 97.0
    T: Annotated[np.ndarray | Tensor, checks.transition_matrix] | None = field(default=None, repr=False, compare=False)

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        if self.T is None:
            T = estimate_T(warm_up(recipe, self.warmup_epochs, data, generator).predict(data.x), self.percentile)
        else:
            T = checks.transition_matrix(self.T)
        super().start(recipe, data, generator)
        self.T_ = torch.as_tensor(T, dtype=torch.float32, device=data.device)
        if self.T_.shape[0] != data.n_classes:
            raise ValueError(f"`T` must have one row per class, {data.n_classes}, but got {self.T_.shape[0]}.")
        ruled_out = self.T_[:, data.y.unique()].sum(0) == 0
        if ruled_out.any():
            label = int(data.y.unique()[ruled_out][0])
            raise ValueError(f"`T` must give each label in the data to some class, but column {label} is all zeros.")

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        return losses.forward(logits, batch.y, self.T_).mean()
