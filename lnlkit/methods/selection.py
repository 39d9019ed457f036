"""Sample selection: learn from the examples whose label looks right, leave out or abstain on the others."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from lnlkit import checks, losses
from lnlkit.methods.base import Method
from lnlkit.methods.domains import Count, CountFromZero, NotNegative, Positive, Rate, Share
from lnlkit.training import Batch, Recipe, TrainingSet, predict_outputs


def judge_selection(kept, right) -> dict[str, float]:
    """What a selection is worth, from masks (N,): which examples are kept, and whose labels are right.

    kept_share of all; selection_precision: of the kept, how many are right; selection_recall: of the right, how many
    are kept. What there is none of has no number.
    """
    masks = {name: checks.label_vectors(np.reshape(checks.array(mask, name), (-1, 1)), name)[:, 0] > 0
             for name, mask in {"kept": kept, "right": right}.items()}  # fmt: skip
    checks.same_length(**masks)
    kept, right = masks.values()
    found = {"kept_share": float(kept.mean())}
    if kept.any():
        found["selection_precision"] = float(right[kept].mean())
    if right.any():
        found["selection_recall"] = float(kept[right].mean())
    return found


@dataclass
class SmallLoss(Method):
    """What methods share that learn from the examples of a batch with the smallest loss.

    In epoch t = 0, 1, ... the share R(t) = forget_rate * min(t / (num_gradual - 1), 1) of a batch is left out: nothing
    in the first epoch, `forget_rate` from epoch num_gradual - 1 on. int((1 - R) B) examples are kept, at least one.
    `forget_rate` is meant to be the true noise rate: extra knowledge, which has no good default, so set it.
    """

    needs: ClassVar[tuple[str, ...]] = ("noise rate",)

    forget_rate: Rate = 0.2
    num_gradual: Count = 10

    def on_epoch_start(self, epoch: int, data: TrainingSet) -> None:
        self.keep_rate_ = 1 - self.forget_rate * min(epoch / max(self.num_gradual - 1, 1), 1)

    def n_kept(self, batch_size: int) -> int:
        """Examples of a batch that each network learns from in the current epoch."""
        return max(1, math.floor(self.keep_rate_ * batch_size + 1e-9))  # (1 - 0.9) * 20 is 1.999... and must be 2


@dataclass
class CoTeaching(SmallLoss):
    """Two networks; on each batch, each learns from the examples on which the other has the smallest loss.

    How many of a batch are left out: `SmallLoss`. `predict` averages the two networks' probabilities. The schedule of
    the authors' optimiser belongs to the recipe.

    Notes: Differences from the authors' code. Theirs divides the mean loss over the kept examples by their number
    again, which shrinks the gradient about B-fold (Adam hides it, SGD does not); here the mean is the mean, as in
    the paper. Theirs begins to count epochs at 1, so its first epoch already leaves out
    forget_rate / (num_gradual - 1). Theirs reports each network's accuracy, here the two are averaged.
    """

    n_nets: ClassVar[int] = 2
    source: ClassVar[str] = "Han et al. 2018, Co-teaching: robust training with extremely noisy labels"

    def loss(self, batch: Batch) -> Tensor:
        return self.swapped(*(losses.cross_entropy(net(batch.x), batch.y) for net in self.nets_))

    def swapped(self, a: Tensor, b: Tensor) -> Tensor:
        """From the losses (B,) of the two networks: the mean of each over the other's choice, added up."""
        kept = self.n_kept(len(a))
        small_a, small_b = (v.argsort(stable=True)[:kept] for v in (a.detach(), b.detach()))
        return a[small_b].mean() + b[small_a].mean()


@dataclass
class CoDis(CoTeaching):
    """Co-teaching that prefers, among examples of small loss, those on which the two networks disagree most.

    Both the choice and the training go by CE - `discrepancy` * JS, the Jensen-Shannon divergence of the two networks'
    predictions (`losses.jensen_shannon`, at most log 2), so each network is also pushed away from the other: two
    networks that agree on everything no longer correct each other. With discrepancy = 0 it is Co-teaching.

    Notes: Differences from the authors' code (xiaoboxia/CoDis). Its "JS" has the two arguments of each KL swapped,
    (KL(m || p) + KL(m || q)) / 2, which has no upper bound; for predictions that are close the two are the same. Its
    first network steps before the gradients of the second one, which torch refuses since 1.5; here both step at once.
    Its batches come in the same order in each epoch. 0.15 is the default of its command, 0.1 that of its function.
    """

    source: ClassVar[str] = (
        "Xia et al. 2023, Combating noisy labels with sample selection by mining high-discrepancy examples")

    discrepancy: NotNegative = 0.15

    def loss(self, batch: Batch) -> Tensor:
        p, q = (net(batch.x) for net in self.nets_)
        of_p, of_q = losses.jensen_shannon(p, q.detach()), losses.jensen_shannon(p.detach(), q)  # each to its own net
        return self.swapped(losses.cross_entropy(p, batch.y) - self.discrepancy * of_p,
                            losses.cross_entropy(q, batch.y) - self.discrepancy * of_q)  # fmt: skip


@dataclass
class SIGUA(SmallLoss):
    """One network that learns the examples of small loss and unlearns, by small steps uphill, some of the others.

    Loss of a batch: mean CE of the kept examples (`SmallLoss` says how many) minus `ascent` times the mean CE of the
    share `bad_share` of the left out ones whose loss is smallest, at least one of them where any is left out. Those
    are the wrong labels that the network is about to memorise, or hard right ones; on the rest nothing is done. With
    ascent = 0 it is training on small losses alone. This is SIGUA_SL of the paper; SIGUA_BC corrects the loss by the
    true transition matrix.

    Unlearning has no lower bound: CE grows without limit as p_y goes to 0. What keeps it in check is `ascent`, and
    that an example of large loss is no longer among those unlearned.

    Notes: Differences from the authors' code (bhanML/SIGUA). The values are its scripts' (bad_share 0.4 for 20 %
    symmetric noise on CIFAR-10). Theirs begins to count epochs at 1, so its first epoch already leaves out
    forget_rate / (num_gradual - 1). Theirs is not a number where nothing is left out; here nothing is unlearned then.
    """

    source: ClassVar[str] = "Han et al. 2020, SIGUA: forgetting may make learning with noisy labels more robust"

    ascent: NotNegative = 0.01
    bad_share: Share = 0.3

    def n_bad(self, left_out: int) -> int:
        """Of so many examples that are left out, those that are unlearned."""
        return min(left_out, max(1, math.floor(self.bad_share * left_out + 1e-9)))

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        values = losses.cross_entropy(logits, batch.y)  # (B,)
        order, kept = values.detach().argsort(stable=True), self.n_kept(len(values))
        bad = self.n_bad(len(values) - kept)
        good = values[order[:kept]].mean()
        return good - self.ascent * values[order[kept : kept + bad]].mean() if bad else good


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

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
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
