"""Sample selection: learn from the examples whose label looks right, leave out or abstain on the others."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lnlkit import losses
from lnlkit.methods.base import Method
from lnlkit.methods.domains import Count, CountFromZero, NotNegative, Positive, Rate
from lnlkit.training import Batch, Recipe, TrainingSet, predict_outputs


@dataclass
class CoTeaching(Method):
    """Two networks; on each batch, each learns from the examples on which the other has the smallest loss.

    In epoch t = 0, 1, ... the share R(t) = forget_rate * min(t / (num_gradual - 1), 1) of a batch is left out: nothing
    in the first epoch, `forget_rate` from epoch num_gradual - 1 on. int((1 - R) B) examples are kept, at least one.
    `predict` averages the two networks' probabilities. `forget_rate` is meant to be the true noise rate: extra
    knowledge, which has no good default, so set it. The schedule of the authors' optimiser belongs to the recipe.

    Notes: Differences from the authors' code. Theirs divides the mean loss over the kept examples by their number
    again, which shrinks the gradient about B-fold (Adam hides it, SGD does not); here the mean is the mean, as in
    the paper. Theirs begins to count epochs at 1, so its first epoch already leaves out
    forget_rate / (num_gradual - 1). Theirs reports each network's accuracy, here the two are averaged.
    """

    n_nets: ClassVar[int] = 2
    needs: ClassVar[tuple[str, ...]] = ("noise rate",)
    source: ClassVar[str] = "Han et al. 2018, Co-teaching: robust training with extremely noisy labels"

    forget_rate: Rate = 0.2
    num_gradual: Count = 10

    def on_epoch_start(self, epoch: int, data: TrainingSet) -> None:
        self.keep_rate_ = 1 - self.forget_rate * min(epoch / max(self.num_gradual - 1, 1), 1)

    def n_kept(self, batch_size: int) -> int:
        """Examples of a batch that each network learns from in the current epoch."""
        return max(1, math.floor(self.keep_rate_ * batch_size + 1e-9))  # (1 - 0.9) * 20 is 1.999... and must be 2

    def loss(self, batch: Batch) -> Tensor:
        a, b = (losses.cross_entropy(net(batch.x), batch.y) for net in self.nets_)  # (B,) each
        kept = self.n_kept(len(batch.y))
        small_a, small_b = (v.argsort(stable=True)[:kept] for v in (a.detach(), b.detach()))
        return a[small_b].mean() + b[small_a].mean()


@dataclass
class DAC(Method):
    """Deep abstaining classifier: an extra output takes the examples that are not worth learning, at a price.

    `learn_epochs` of cross-entropy over all K + 1 outputs; then (1 - p_a) CE - alpha log(1 - p_a) (`losses.dac`).
    The price alpha starts at the running mean of (1 - p_a) CE (weight 0.05 for each new batch) over `alpha_init_factor`
    and rises linearly, epoch by epoch, to `alpha_final` in the last one, when it hardly pays to abstain. `alpha_` is
    the price now. `predict` gives probabilities of the K classes, without the abstention; `abstention` gives p_a.
    So abstaining is not counted as an error here; the code of Chen et al. 2021 counts it as one, so their DAC row is
    at a disadvantage where the classifier still abstains. `learn_epochs` is the default of the authors' script.

    Notes: Differences from the authors' code. Theirs caps p_a at 1 - 1e-7, beyond which the gradient towards answering
    is zero; here log(1 - p_a) is computed from the logits, without a cap. Theirs adds weight decay and a schedule of
    its own, which belong to the recipe here. A run that would end within `learn_epochs` is refused; theirs is plain CE.
    """

    source: ClassVar[str] = "Thulasidasan et al. 2019, Combating label noise in deep learning using abstention"

    learn_epochs: CountFromZero = 10
    alpha_final: NotNegative = 1.0
    alpha_init_factor: Positive = 64.0

    ewma_weight: ClassVar[float] = 0.05

    def n_outputs(self, data: TrainingSet) -> int:
        return data.n_classes + 1

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        if self.learn_epochs >= recipe.epochs:
            raise ValueError(
                f"`learn_epochs` must be below the {recipe.epochs} epochs of the run, but got {self.learn_epochs}. "
                "Abstaining begins only after them.")  # fmt: skip
        super().start(recipe, data, generator)
        self.mean_loss_ = self.alpha_start_ = self.alpha_ = None

    def on_epoch_start(self, epoch: int, data: TrainingSet) -> None:
        self.epoch_ = epoch
        if self.alpha_start_ is not None:
            ramp = (epoch - self.learn_epochs) / (self.recipe_.epochs - 1 - self.learn_epochs)
            self.alpha_ = self.alpha_start_ + (self.alpha_final - self.alpha_start_) * ramp

    def loss(self, batch: Batch) -> Tensor:
        logits = self.nets_[0](batch.x)  # (B, K + 1)
        if self.alpha_start_ is None:
            self._average_loss(logits.detach(), batch.y)
        if self.epoch_ < self.learn_epochs:
            return losses.cross_entropy(logits, batch.y).mean()
        if self.alpha_start_ is None:  # the first batch on which it may abstain
            self.alpha_start_ = self.alpha_ = self.mean_loss_ / self.alpha_init_factor
        return losses.dac(logits, batch.y, self.alpha_).mean()

    def _average_loss(self, logits: Tensor, y: Tensor) -> None:
        """Running mean of (1 - p_a) CE over batches, from the first batch on."""
        now = losses.dac(logits, y, alpha=0.0).mean()
        before = now if self.mean_loss_ is None else self.mean_loss_
        self.mean_loss_ = self.ewma_weight * now + (1 - self.ewma_weight) * before

    def predict(self, x) -> Tensor:
        return predict_outputs(self.nets_[0], x)[:, :-1].softmax(1)  # p_k / (1 - p_a)

    def abstention(self, x) -> Tensor:
        """Probability of abstaining, (N,), on the CPU for uint8 images."""
        return predict_outputs(self.nets_[0], x).softmax(1)[:, -1]
