"""T-Revision: importance reweighting with an estimated transition matrix, which is then revised with the classifier."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from lnlkit import losses, tensors
from lnlkit.methods.base import Method
from lnlkit.methods.correction import LEAST_PROBABILITY, estimate_T
from lnlkit.methods.domains import Percentage, Positive, Share
from lnlkit.training import Batch, Recipe, TrainingSet


def importance_weight(logits: Tensor, y: Tensor, T: Tensor) -> Tensor:
    """p_y / (T' p)_y of each example, (B,): how much more probable its label is clean than noisy.

    Logits (B, K) give p, the clean class; `T` (K, K), T[i, j] = P(noisy = j | clean = i), its rows sum to 1. At most
    1 / T[y, y]. Gradients reach the network and T.
    Source: Liu and Tao 2015 (importance reweighting); Xia et al. 2019.
    """
    clean = losses.cross_entropy(logits, y)
    tensors.transition(T, "T", logits.shape[1])
    return (losses.forward(logits, y, T) - clean).exp()


@dataclass
class TRevision(Method):
    """Importance reweighting with T, then T and the network learned together, T as its estimate plus dT.

    Three stages in one run. Stage 1, the share `stage_1` of the epochs: cross-entropy; after it T is estimated from the
    network's predictions, as in `Forward` (`estimate_T`). Stage 2, the share `stage_2`: cross-entropy of the same
    network times `importance_weight`, which is held fixed in each step. Stage 3, the rest: the same loss with T + dT
    and gradients through the weight, the only way to reach dT, by Adam at `lr_revision`. The shares are the authors'
    20, 200 and 200 epochs on CIFAR-10 (20, 100 and 200 on MNIST). A run costs as much as CE's. `T_` (K, K) is the
    estimate, `revised_T_` what stage 3 made of it. `predict` gives the clean class.

    T + dT is brought back to rows of probabilities, entries of at least 0 that sum to 1. Without that the loss falls
    whenever an entry grows, whatever the data say, since T stands in the denominator alone: every dT would rise.

    Adam moves an entry of dT by at most about `lr_revision` a step: by 0.035 in all in the authors' 70,400 steps at
    5e-7 on CIFAR-10, and by nothing that one could see in a short run. `lr_revision`: None takes the rate with which an
    entry can move as far as theirs, 0.0352 over the steps of stage 3.

    Notes: Differences from the authors' code (xiaoboxia/T-Revision). Theirs takes T and the network of stage 2 from the
    epochs that are best on noisy validation data, here the last ones. Theirs leaves T + dT as it is. Its mistakes are
    not repeated: `norm` divides the estimate's columns, not its rows, by the sums of its rows; `fit` sets outliers to 0
    in place, which later classes then see; and the fast loss `reweighting_revision_loss_v2` cuts the weight from the
    graph, so that dT gets no gradient at all. Stages 1 and 2 have the recipe's optimiser and schedule; theirs has
    SGD at 0.01, without momentum in stage 1, with a schedule in stage 2.
    """

    source: ClassVar[str] = "Xia et al. 2019, Are anchor points really indispensable in label-noise learning?"

    stage_1: Share = 20 / 420
    stage_2: Share = 200 / 420
    percentile: Percentage = 97.0
    lr_revision: Positive | None = None

    weight_decay: ClassVar[float] = 1e-4  # of stage 3 (authors' code)
    reach: ClassVar[float] = 5e-7 * 200 * 352  # theirs: learning rate, epochs, batches of 128 in 45,000 images

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        super().start(recipe, data, generator)
        K = data.n_classes
        self.T_, self.dT_ = torch.eye(K, device=data.device), nn.Parameter(torch.zeros(K, K, device=data.device))

    @property
    def revised_T_(self) -> Tensor:
        """T + dT as rows of probabilities, (K, K)."""
        T = (self.T_ + self.dT_).clamp_min(LEAST_PROBABILITY)
        return T / T.sum(1, keepdim=True)

    def on_epoch_start(self, epoch: int, data: TrainingSet) -> None:
        epochs, self.epoch_ = self.recipe_.epochs, epoch
        self.first_ = max(1, round(self.stage_1 * epochs))
        revision = max(self.first_ + 1, round((self.stage_1 + self.stage_2) * epochs))
        self.stage_ = 1 + (epoch >= self.first_) + (epoch >= revision)
        if epoch == revision:
            steps = math.ceil(len(data) / self.recipe_.batch_size) * (epochs - revision)
            self.optimizer_ = torch.optim.Adam([*self.nets_.parameters(), self.dT_], weight_decay=self.weight_decay,
                                               lr=self.lr_revision or self.reach / steps)  # fmt: skip

    def loss(self, batch: Batch) -> Tensor:
        logits = self.nets_[0](batch.x)
        loss = losses.cross_entropy(logits, batch.y)
        if self.stage_ > 1:
            weight = importance_weight(logits, batch.y, self.revised_T_)
            loss = loss * (weight if self.stage_ == 3 else weight.detach())
        return loss.mean()

    def run_epoch(self, data: TrainingSet) -> dict[str, float]:
        numbers = super().run_epoch(data)
        if self.epoch_ + 1 == self.first_:
            self.T_ = estimate_T(self.predict(data.x), self.percentile).float().to(data.device)
        return numbers
