"""Robust losses that are bounded: a wrong label can pull only so far. Another loss in place of CE, nothing else."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

from torch import Tensor

from lnlkit import checks, losses
from lnlkit.losses.bounded import above_one
from lnlkit.methods.base import Method
from lnlkit.methods.domains import NotNegative, Positive
from lnlkit.training import Batch

AboveOne = Annotated[float, above_one]
SlopeLimit = Annotated[float, partial(checks.between, low=1, high=1e6)]


@dataclass
class APL(Method):
    """Active passive loss: alpha NCE + beta RCE, `losses.active_passive`.

    Both parts are robust to symmetric noise, and each alone learns too little. RCE is the passive part of `SL`, whose
    active part is CE instead of NCE. alpha and beta are the authors' for CIFAR-10; on MNIST they are 1 and 100, on
    CIFAR-100 10 and 0.1. The family has other pairs; NCE+RCE is the one that later papers call APL.

    RCE's slope in p_y is 9.2 everywhere: at a learning rate that is made for CE, plain gradient descent can end in one
    class for all images and stay there, where p_y is 0 or 1 and nothing pulls. Theirs is 0.01 with momentum.

    Notes: MNIST's 100 is what hitcszx/ALFs runs it with; the authors' own configurations (HanxunH/
    Active-Passive-Losses) have 10 there. Theirs clip the gradient's norm at 5, and p at 1e-7 in RCE, which stops its
    gradient there; here neither is.
    """

    source: ClassVar[str] = "Ma et al. 2020, Normalized loss functions for deep learning with noisy labels"

    alpha: NotNegative = 1.0
    beta: NotNegative = 1.0

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        return losses.active_passive(logits, batch.y, self.alpha, self.beta).mean()


@dataclass
class PCE(Method):
    """Partially Huberised cross-entropy: CE whose slope in p_y is held at `tau`, `losses.partially_huberised`.

    Examples with p_y of at most 1 / tau pull as in 1 - p_y, all others as in CE. A network that starts at even
    probabilities 1 / K starts in the linear part wherever tau is below K. tau = 2 is the authors' for CIFAR-10; it is
    10 on MNIST and CIFAR-100.

    Notes: No code of the authors is known; the values are those of dmizr/phuber (ReScience C 2021), which repeats the
    paper, and whose loss is the same.
    """

    source: ClassVar[str] = "Menon et al. 2020, Can gradient clipping mitigate label noise?"

    tau: SlopeLimit = 2.0

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        return losses.partially_huberised(logits, batch.y, self.tau).mean()


@dataclass
class AUL(Method):
    """Asymmetric unhinged loss: ((a - p_y)^q - (a - 1)^q) / q, `losses.asymmetric_unhinged`.

    Asymmetric: where the right label is the most frequent one of an image, minimising the loss under noise minimises
    it without. a and q are the authors' for CIFAR-10 and CIFAR-100; they are 3 and 0.1 on MNIST.

    At 5.5 and 3 the slope in p_y lies between 20 and 30, against 1 for `GCE` at q = 1: at a learning rate that is made
    for CE, plain gradient descent can end in one class for all images and stay there. Theirs is 0.01 with momentum on
    CIFAR-10.

    Notes: Differences from the authors' code (hitcszx/ALFs). Theirs clips the gradient's norm at 5, which such slopes
    meet often; here it is not clipped.
    """

    source: ClassVar[str] = "Zhou et al. 2023, Asymmetric loss functions for noise-tolerant learning"

    a: AboveOne = 5.5
    q: Positive = 3.0

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        return losses.asymmetric_unhinged(logits, batch.y, self.a, self.q).mean()


@dataclass
class CELC(Method):
    """Cross-entropy with clipped logits: CE of logits whose norm is held at `tau`, `losses.clipped_cross_entropy`.

    At tau = 1 / 1.5 and ten classes the loss of a network that is sure of a class is 1.70 if that is the label and 2.40
    if it is not, so what is logged hardly falls. The gradient shrinks as logits grow, which slows memorising under SGD;
    Adam rescales gradients and undoes that. `predict` is the softmax of the logits as they are: their order, and so the
    accuracy, is that of clipped ones.

    Notes: tau is the one setting that the sources print, for CIFAR-10 with 50 % symmetric noise (`--temp 1.5`, README
    of hongxin001/LogitClip); none is known for MNIST, and it is meant to be chosen on validation data. Differences
    from the authors' code: theirs takes tau = 1 / temp for the length of clipped logits, as here, and temp for the
    length from which on they are clipped; where these differ the loss jumps, and lengths between them pass. Here both
    are tau, as in the paper.
    """

    source: ClassVar[str] = "Wei et al. 2023, Mitigating memorization of noisy labels by clipping the model prediction"

    tau: Positive = 1 / 1.5

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        return losses.clipped_cross_entropy(logits, batch.y, self.tau).mean()
