"""Robust losses: another loss in place of cross-entropy, nothing else changed."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from lnlkit import checks, losses
from lnlkit.losses.noise_robust import LOG_ZERO
from lnlkit.methods.base import Method
from lnlkit.methods.domains import Count, NotNegative, Rate, Share
from lnlkit.methods.stages import warm_up
from lnlkit.training import Batch, Recipe, TrainingSet


@dataclass
class GCE(Method):
    """Generalised cross-entropy, (1 - p_y^q) / q: between cross-entropy (q = 0) and 1 - p_y (q = 1).

    This is the plain loss L_q. The paper's truncated variant, which also drops examples whose p_y is below a threshold,
    is not part of it.
    """

    source: ClassVar[str] = "Zhang and Sabuncu 2018, Generalized cross entropy loss for training with noisy labels"

    q: Share = 0.7

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        return losses.gce(logits, batch.y, self.q).mean()


@dataclass
class BootstrapClassification(Method):
    """Labels mixed with the network's own prediction, a softmax: `losses.bootstrap_classification`.

    beta: weight of the label; None takes the authors' 0.8 (hard) or 0.95 (soft). Paper 03 compares with this method and
    says neither which form nor which beta. Hard is the default here, because it is what Paper 03 builds upon: its own
    bootstrapping is the hard form with a beta that falls during training, so this row is that term held still.
    `Bootstrap` is the method for several labels an example.

    Above beta = 1/2 the hard form delays memorising and does not prevent it: however sure the network is of another
    class, it is drawn to p_y = beta, where the label has become the prediction, and from there on the loss is CE. The
    soft form at 0.95 ends there as well.

    Notes: No code of the authors is known; that of SL (YisenWang/symmetric_cross_entropy_for_noisy_labels) has both
    forms with the same beta and lets the gradient flow through the soft target, as here.
    """

    source: ClassVar[str] = "Reed et al. 2015, Training deep neural networks on noisy labels with bootstrapping"

    hard: bool = True
    beta: Share | None = None

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        beta = self.beta if self.beta is not None else 0.8 if self.hard else 0.95
        return losses.bootstrap_classification(logits, batch.y, beta, self.hard).mean()


@dataclass
class SL(Method):
    """Symmetric cross-entropy: alpha CE + beta RCE, RCE the cross-entropy with label and prediction swapped.

    RCE = -A (1 - p_y) alone is 1 - p_y as in `GCE` at q = 1; alpha is how much of CE it needs to learn hard classes.
    alpha and beta are the authors' for CIFAR-10; theirs are 6 and 0.1 on CIFAR-100, 0.01 and 1 on MNIST.

    Notes: A stands for log 0. The authors' code clips labels at 1e-4, so A = -9.21 there and here; issues in their
    repository call it -4, its decimal logarithm, and quote -4 and -6 from the text. beta and A act as one factor. Their
    code also clips p at 1e-7 in CE, which stops its gradient there; here it is exact.
    """

    source: ClassVar[str] = "Wang et al. 2019, Symmetric cross entropy for robust learning with noisy labels"

    alpha: NotNegative = 0.1
    beta: NotNegative = 1.0
    A: Annotated[float, partial(checks.between, low=-1e4, high=0)] = LOG_ZERO

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        return losses.symmetric_cross_entropy(logits, batch.y, self.alpha, self.beta, self.A).mean()


@dataclass
class IMAE(Method):
    """Improved mean absolute error: examples are weighed by exp(T p_y (1 - p_y)), whatever their loss.

    Each example's gradient in the logits is that of cross-entropy scaled to L1 norm 1, times its weight
    (`losses.imae`), over the sum of the weights of the batch. As MAE it learns most from examples that it half
    believes, and unlike MAE the others keep a share: 1 to exp(T / 4) = 7.4 at T = 8. The norms of a batch's gradients
    sum to 1 however well it is fitted, so steps do not shrink by themselves: a falling learning rate matters more
    than for cross-entropy. The logged loss is the batch's weighted log-odds against the labels, negative once these
    are believed.

    Notes: Confirmed in the authors' code: weight, norm and sum (the layer is printed in
    XinshaoAmosWang/DerivativeManipulation with a second exponent, which the configurations of
    XinshaoAmosWang/Improving-Mean-Absolute-Error-against-CCE set to 1; XinshaoAmosWang/ProSelfLC-AT has it in PyTorch),
    and T on CIFAR-100 with a ResNet-44: 8 at 20 and 40 % symmetric noise, 2 at 60 %, 6 without noise. Not confirmed:
    T on CIFAR-10, taken as 8. The 1e-6 that it adds to the norm is more than a guard: without it logits grow for ever.
    Theirs is also rounded, p_y to 1 in float32, where the gradient here is exact.
    """

    source: ClassVar[str] = "Wang et al. 2019, IMAE for noise-robust learning (arXiv:1903.12141)"

    T: NotNegative = 8.0

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        weights = losses.imae_weight(logits, batch.y, self.T)
        return losses.imae(logits, batch.y, self.T).sum() / weights.sum()


@dataclass
class ChoiceLoss(Method):
    """The loss of Paper 05, Eq. (9), on a plain head: lambda_reg logsumexp(logits) - p_y, one component, no block.

    1 - p_y is half the L1 distance between the prediction and the label, robust by itself. What ChoiceNet gains over
    this is what its block adds; Paper 05 does not make that comparison. `lambda_reg` is the default of `ChoiceNet`.

    Adding one number to all logits leaves p_y as it is and lowers logsumexp, so this loss has no lower bound: the
    logits drift towards minus infinity, the faster the larger `lambda_reg` and the learning rate, and the network can
    fail to learn. The authors' code has 1e-2 with a learning rate of 1e-5. The paper prints one value, 1e-3, and calls
    it enlarged, so its own default is smaller: 1e-4 here.
    """

    source: ClassVar[str] = "Choi et al. 2020 (Paper 05), Eq. (9) without the Cholesky block: this kit's ablation"

    lambda_reg: NotNegative = 1e-4

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        logits = logits[:, None]  # (B, 1, K)
        return losses.choice(logits, batch.y, logits.new_zeros(len(logits), 1), self.lambda_reg).mean()


@dataclass
class DMI(Method):
    """Determinant-based mutual information loss, continuing from a network trained with cross-entropy.

    `warmup_epochs` of cross-entropy (None: as many as the run has) run inside `start`. The loop of `fit` then runs the
    DMI epochs, with an optimiser of its own: SGD with the three values below, the authors', because the gradient of a
    log-determinant has another scale than the recipe's learning rate is made for. At 1e-6 it only nudges the CE
    network; the authors take 100 such epochs. A schedule in the recipe acts on this optimiser too.

    Batches must hold many examples of every class: a class without any makes the determinant 0, and the batch then
    has no gradient. A last batch that is not full is skipped, as in the authors' code, because the determinant of an
    un-normalised joint matrix depends on the size of the batch.

    Notes: Differences from the authors' code. Theirs starts from the CE network of the best noisy-validation epoch and
    keeps the best one by the accuracy on the first noisy-validation batch only; here it starts from the last CE
    epoch, and selection is the protocol's, over the whole validation set. Theirs makes a new optimiser every epoch,
    which forgets the momentum; here one optimiser serves the run.
    """

    source: ClassVar[str] = "Xu et al. 2019, L_DMI: a novel information-theoretic loss function"

    lr: NotNegative = 1e-6
    momentum: Rate = 0.9
    weight_decay: NotNegative = 1e-4
    warmup_epochs: Count | None = None

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        if not data.n_classes <= recipe.batch_size <= len(data):
            raise ValueError(
                f"`batch_size` must be between the number of classes ({data.n_classes}) and the number of training "
                f"examples ({len(data)}) for DMI, which uses full batches only, but got {recipe.batch_size}.")
        absent = sorted(set(range(data.n_classes)) - set(data.y.unique().tolist()))
        if absent:
            raise ValueError(
                f"`y` must hold every class for DMI, but class {absent[0]} never occurs: the determinant is 0 in every "
                "batch and nothing would be learned. Number the classes without it.")
        ce = warm_up(recipe, self.warmup_epochs, data, generator)
        super().start(recipe, data, generator)
        self.nets_.load_state_dict(ce.nets_.state_dict())
        self.optimizer_ = torch.optim.SGD(
            self.nets_.parameters(), lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay)

    def loss(self, batch: Batch) -> Tensor:
        return losses.dmi(self.nets_[0](batch.x), batch.y)

    def run_epoch(self, data: TrainingSet) -> dict[str, float]:
        self.nets_.train()
        batches = data.batches(self.recipe_.batch_size, self.generator_, self.recipe_.augment, drop_last=True)
        steps = [self.step(batch)["loss"] for batch in batches]
        return {"loss": torch.stack(steps).mean().item()}
