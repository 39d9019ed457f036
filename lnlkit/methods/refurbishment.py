"""Label refurbishment: replace the noisy labels by better ones that training itself produces."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from lnlkit import losses
from lnlkit.methods.base import CE, Method
from lnlkit.methods.domains import Count, NotNegative, Positive, Share
from lnlkit.methods.stages import stage_recipe
from lnlkit.training import Batch, Recipe, TrainingSet, average_predictions, fit


class OnSoftLabels(Method):
    """Cross-entropy against `soft_labels_` (N, K), one distribution an example."""

    soft_labels_: Tensor

    def loss(self, batch: Batch) -> Tensor:
        return losses.soft_cross_entropy(self.nets_[0](batch.x), self.soft_labels_[batch.index]).mean()


@dataclass
class SEAL(OnSoftLabels):
    """Self-evolution average label: train on the network's own predictions, averaged over a run, again and again.

    Iteration 0 trains with cross-entropy on the noisy labels. After each of its epochs the softmax of every training
    example is taken in evaluation mode; their mean over all epochs, early ones included, is the soft label of the
    next iteration, which starts from a fresh network and fits the soft labels (`losses.soft_cross_entropy`). The
    noisy label itself is not mixed in again. `iterations` counts those on soft labels: 10 on MNIST, 3 on CIFAR-10
    and Clothing1M; the last one is the loop of `fit`, all others run inside `start`. A run so costs `iterations` + 1
    trainings. `stage_epochs` is the length of the earlier ones (None: as many as the run has; published: 50 on MNIST).
    `soft_labels_` (N, K) are those of the last iteration.

    Notes: Differences from the authors' code. Theirs runs an iteration per call and hands the soft labels on in files;
    here one run does all. As in theirs, every iteration has the same seed, so iteration 0 is the CE run.
    """

    source: ClassVar[str] = "Chen et al. 2021, Beyond class-conditional assumption (SEAL)"

    iterations: Count = 10
    stage_epochs: Count | None = None

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        stage, method = stage_recipe(recipe, self.stage_epochs), CE()
        for _ in range(self.iterations):
            S = average_predictions(method, data, stage, seed=generator.initial_seed()).to(data.device)
            method = OnSoftLabels()
            method.soft_labels_ = S
        self.soft_labels_ = S
        super().start(recipe, data, generator)


@dataclass
class Relabelling(OnSoftLabels):
    """The first step of `JointOptimization`: the network learns from labels that it replaces by its own outputs.

    `begin`: the epoch, counted from 1, after which labels are first replaced; from then on after every one, by the mean
    softmax output of the last `window` epochs, each example as it was seen in training. `alpha` and `beta` weigh
    `losses.prior_kl`, without which all labels may become one, and `losses.entropy`, without which they become even.
    """

    alpha: NotNegative
    beta: NotNegative
    begin: Count
    window: Count

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        super().start(recipe, data, generator)
        self.soft_labels_ = F.one_hot(data.y, data.n_classes).float()
        self.outputs_ = self.soft_labels_.new_zeros(self.window, *self.soft_labels_.shape)  # of the last epochs

    def on_epoch_start(self, epoch: int, data: TrainingSet) -> None:
        self.epoch_ = epoch

    def loss(self, batch: Batch) -> Tensor:
        logits = self.nets_[0](batch.x)
        self.outputs_[self.epoch_ % self.window, batch.index] = logits.detach().float().softmax(1)
        fitted = losses.soft_cross_entropy(logits, self.soft_labels_[batch.index]).mean()
        return fitted + self.alpha * losses.prior_kl(logits) + self.beta * losses.entropy(logits).mean()

    def run_epoch(self, data: TrainingSet) -> dict[str, float]:
        numbers, done = super().run_epoch(data), self.epoch_ + 1
        if done >= self.begin:
            self.soft_labels_ = self.outputs_[:done].mean(0)
        return numbers


@dataclass
class JointOptimization(OnSoftLabels):
    """Joint optimisation of network and labels; then a fresh network on the labels that came out.

    Step 1, `Relabelling`, runs inside `start`; step 2, cross-entropy on `soft_labels_` (N, K), is the loop of `fit`.
    Lengths are shares, so that short runs have all of it: `first_step` is that of step 1 over the epochs of the run
    (200 to 120 published), `begin` and `window` are shares of step 1 (70 and 10 of 200). Labels come from outputs that
    training computes anyway, so the cost is 1 + `first_step` trainings: 2.7.

    Step 1 must not memorise before it relabels: its learning rate is held at the recipe's first, which should be high;
    a schedule of the recipe acts in step 2 alone. alpha and beta are the authors' for 70 % symmetric noise on CIFAR-10.
    They choose both and the learning rate by noise rate (0.8, 0.4 and 0.03 for 40 % asymmetric), which takes that
    knowledge. The class shares are taken to be equal, as in theirs.

    Notes: Differences from the authors' code (DaikiTanaka-UT/JointOptimization, Chainer). Theirs is two programs with
    learning rates of their own (step 2: 0.2, ten times less after one and two thirds); here both have the recipe's,
    and the same seed, so the second network starts as the first did. Theirs drops the constant -log K of the prior's
    term.
    """

    source: ClassVar[str] = "Tanaka et al. 2018, Joint optimization framework for learning with noisy labels"

    alpha: NotNegative = 1.2
    beta: NotNegative = 0.8
    first_step: Positive = 200 / 120
    begin: Share = 70 / 200
    window: Share = 10 / 200

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        epochs = max(1, round(self.first_step * recipe.epochs))
        begin, window = (max(1, round(share * epochs)) for share in (self.begin, self.window))
        step = Relabelling(self.alpha, self.beta, begin, window)
        fit(step, data, replace(recipe, epochs=epochs, make_schedule=None), seed=generator.initial_seed())
        self.soft_labels_ = step.soft_labels_
        super().start(recipe, data, generator)


@dataclass
class PENCIL(Method):
    """Labels as parameters: a distribution an example, softmax(`label_logits_`), learned beside the network.

    Three stages in one run. Stage 1, the share `stage_1` of the epochs: cross-entropy on the noisy labels y. Stage 2,
    the share `stage_2`: KL(p || t) + alpha CE(t, y) + beta H(p), of which the network gets the gradient in p, its
    prediction, and label_logits, 10 for y and 0 else at first, get a step of `label_step` times theirs. Stage 3, the
    rest: KL(p || t) with the labels t as they are then. The recipe's learning rate and schedule act on the network in
    all three stages, and never on the labels. No extra pass: a run costs as much as CE.

    A label at rest between p and y is t = (p + alpha y) / (1 + alpha): it follows a sure network for alpha < 1. Steps
    above 4 / (1 + alpha) jump to and fro across that point. `label_step`: None takes 2, or 600 / 128 `as_coded`.

    as_coded: the losses of the authors' code. It averages KL and entropy over the K classes too, a factor 1 / K, and
    takes the cross-entropy of t as if it were logits, a softmax twice, which halves its pull where two classes are
    level. A label so leaves its class only for alpha < 2 / K, 0.2 for ten classes and below the code's own 0.4. Users
    report labels that do not improve (issue 4 there). Both are put right by default.

    Notes: Differences from the authors' code (yikun2019/PENCIL). alpha, beta and the stages (70, 130 and 120 epochs)
    are its defaults; the paper chooses alpha, beta, the learning rate and lambda by noise type and rate. Its label step
    is lambda = 600 times the gradient of a batch's mean, so smaller for larger batches and huge for a last one of a few
    examples; here it multiplies the gradient of an example's own loss, for which 600 / 128 is the same at batches of
    128. Its learning rate is constant up to stage 3, which begins at 0.2 and after a third of it is 0.2 // 10 = 0, so
    that nothing more is learned.
    """

    source: ClassVar[str] = "Yi and Wu 2019, Probabilistic end-to-end noise correction for learning with noisy labels"

    alpha: NotNegative = 0.4
    beta: NotNegative = 0.1
    label_step: NotNegative | None = None
    stage_1: Share = 70 / 320
    stage_2: Share = 130 / 320
    as_coded: bool = False

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        super().start(recipe, data, generator)
        self.label_logits_ = 10.0 * F.one_hot(data.y, data.n_classes).float()

    @property
    def soft_labels_(self) -> Tensor:
        """The label distributions now, (N, K)."""
        return self.label_logits_.softmax(1)

    def on_epoch_start(self, epoch: int, data: TrainingSet) -> None:
        epochs = self.recipe_.epochs
        first = max(1, round(self.stage_1 * epochs))
        second = max(first, round((self.stage_1 + self.stage_2) * epochs))
        self.stage_ = 1 + (epoch >= first) + (epoch >= second)

    def loss(self, batch: Batch) -> Tensor:
        logits = self.nets_[0](batch.x)
        if self.stage_ == 1:
            return losses.cross_entropy(logits, batch.y).mean()
        self.labels_ = self.label_logits_[batch.index].requires_grad_(self.stage_ == 2)
        share = 1 / logits.shape[1] if self.as_coded else 1.0
        fitted = share * losses.label_kl(logits, self.labels_)
        if self.stage_ == 3:
            return fitted.mean()
        t = self.labels_.softmax(1) if self.as_coded else self.labels_
        compatible = losses.cross_entropy(t, batch.y)
        return (fitted + self.alpha * compatible + self.beta * share * losses.entropy(logits)).mean()

    def step(self, batch: Batch) -> dict[str, Tensor]:
        numbers = super().step(batch)
        if self.stage_ == 2:  # the gradient of an example's own loss, not of the batch's mean
            step = self.label_step if self.label_step is not None else 600 / 128 if self.as_coded else 2.0
            self.label_logits_[batch.index] -= step * len(batch.y) * self.labels_.grad
        return numbers
