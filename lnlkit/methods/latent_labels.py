"""Latent labels with a linear transition to the noisy ones: the two baselines of Paper 02 that model label noise."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnlkit import losses, models, tensors
from lnlkit.methods.domains import CountFromZero, NotNegative
from lnlkit.methods.multilabel import MultiLabelMethod
from lnlkit.training import Batch, Recipe, TrainingSet

LEAK = 1e-6  # share of Q taken from the uniform matrix: no label is impossible, so gradients in Q are finite
LEAST_SHARE = 0.1  # of P(noisy label = 0), see `linear_noise_loss`: gradients in the logits stay below 10
TINY = 1e-30  # keeps the logarithm finite where every sigmoid of a row has rounded to 0


def project_to_simplex(rows: Tensor) -> Tensor:
    """The nearest distributions (R, K) to rows of numbers (R, K): what is negative becomes 0, each row sums to 1.

    max(v - theta, 0), with theta such that the sum is 1, found by sorting. Source: Duchi et al. 2008, Fig. 1.
    """
    tensors.same_shape(rows=rows)
    largest_first = rows.sort(1, descending=True).values
    excess = largest_first.cumsum(1) - 1
    counts = torch.arange(1, rows.shape[1] + 1, dtype=rows.dtype, device=rows.device)
    n_positive = (largest_first * counts > excess).sum(1, keepdim=True)
    theta = excess.gather(1, n_positive - 1) / n_positive
    return (rows - theta).clamp_min(0)


def linear_noise_loss(logits: Tensor, y: Tensor, Q: Tensor) -> Tensor:
    """Binary cross-entropy of each example behind a linear noise layer, (B,): noisy probabilities p Q.

    Logits and labels `y` (B, K), p = sigmoid(logits) of the latent labels; Q[i, j] = P(noisy label j | latent label i),
    (K, K), rows sum to 1. With Q = I it is `losses.binary_cross_entropy`. For K Bernoullis p Q can exceed 1, where a
    column of Q sums to more than 1. P(noisy label = 0) is (1 - p) Q + 1 - column sums, computed so that nothing cancels
    when p rounds to 1; it counts as at least a tenth of (1 - p) Q, which keeps p Q below 1 and its gradient alive.
    """
    tensors.same_shape(logits=logits, y=y)
    tensors.within(y, "y", 0, 1)
    tensors.transition(Q, "Q", y.shape[1])
    Q = (1 - LEAK) * Q + LEAK / len(Q)
    absent = (-logits).sigmoid() @ Q  # (B, K)
    on = (logits.sigmoid() @ Q).clamp(TINY, 1.0)
    off = torch.maximum(absent + (1 - Q.sum(0)), LEAST_SHARE * absent).clamp_min(TINY)
    return -(y * on.log() + (1 - y) * off.log()).sum(1)


class LinearNoise(nn.Module):
    """The matrix Q (K, K), the identity at first."""

    def __init__(self, n_classes: int):
        super().__init__()
        self.Q = nn.Parameter(torch.eye(n_classes))

    @torch.no_grad()
    def project(self) -> None:
        """Rows back onto the simplex."""
        self.Q.copy_(project_to_simplex(self.Q))


@dataclass
class LearnQ(MultiLabelMethod):
    """A linear layer Q between latent and noisy labels, learned with the classifier; noisy probabilities are p Q.

    Q starts as the identity and stays it for `warmup_epochs` (None: a third of the run's epochs), which is plain
    training. Then it is learned with weight decay `weight_decay` / 2 * sum(Q^2) and projected onto the simplex, row by
    row, after every step. The decay makes Q diffuse, lowers its trace and so pushes the classifier to be the sharper of
    the two: with Q = I a classifier that has learned the noise fits as well. `Q_` is the matrix now.

    The published method is for one label an example, p a softmax. For K Bernoullis this is our reading: Paper 02 only
    calls the transition linear. For its artificial noise that is exact: permuting a vector z with probability P gives
    E[y | z] = (1 - P) z + P sum(z) / K, which is z Q with Q = (1 - P) I + P/K 1 1^T.

    Notes: No code of the authors is known. warmup_epochs and weight_decay are this kit's choice, as are the limits in
    `linear_noise_loss` and a norm of at most 1 for the gradient in Q: at Q = I it is p_i / p_j for a label j that the
    classifier denies, which has no bound.
    """

    source: ClassVar[str] = "Sukhbaatar et al. 2015, Training convolutional networks with noisy labels"

    warmup_epochs: CountFromZero | None = None
    weight_decay: NotNegative = 0.1

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        warmup = recipe.epochs // 3 if self.warmup_epochs is None else self.warmup_epochs
        self.warmup_ = _check_warmup(warmup, recipe.epochs)
        super().start(recipe, data, generator)
        noise = LinearNoise(data.n_outputs).to(recipe.device)
        self.nets_.append(noise)
        self.optimizer_.add_param_group({"params": [noise.Q], "weight_decay": 0.0})  # its decay is in the loss
        self.epoch_ = 0

    @property
    def Q_(self) -> Tensor:
        """Q[i, j] = P(noisy label j | latent label i), (K, K), on the CPU."""
        return self.nets_[1].Q.detach().cpu()

    def on_epoch_start(self, epoch: int, data: TrainingSet) -> None:
        self.epoch_ = epoch

    def loss(self, batch: Batch) -> Tensor:
        logits = self.classifier_(batch.x)
        if self.epoch_ < self.warmup_:
            return losses.binary_cross_entropy(logits, batch.y).mean()
        Q = self.nets_[1].Q
        return linear_noise_loss(logits, batch.y, Q).mean() + self.weight_decay / 2 * Q.square().sum()

    def step(self, batch: Batch) -> dict[str, Tensor]:
        loss = self.loss(batch)
        self.optimizer_.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.nets_[1].parameters(), 1.0)
        self.optimizer_.step()
        self.nets_[1].project()
        return {"loss": loss.detach()}


def image_noise_loss(logits: Tensor, y: Tensor, on_absent: Tensor, on_present: Tensor) -> Tensor:
    """Binary cross-entropy of each example behind a 2 x 2 noise of its own for each label, (B,), in the log domain.

    P(y = 1 | x) = r(1 | z = 1) v + r(1 | z = 0) (1 - v). Logits of v = P(z = 1 | x), labels `y` and the logits of
    r(1 | z = 0) and of r(1 | z = 1) are (B, K). With r = 0 and r = 1 it is `losses.binary_cross_entropy`.
    Source: Misra et al. 2016, the noise conditioned on the image.
    """
    tensors.same_shape(logits=logits, y=y, on_absent=on_absent, on_present=on_present)
    tensors.within(y, "y", 0, 1)
    present, absent = F.logsigmoid(logits), F.logsigmoid(-logits)
    on = torch.logaddexp(F.logsigmoid(on_present) + present, F.logsigmoid(on_absent) + absent)
    off = torch.logaddexp(F.logsigmoid(-on_present) + present, F.logsigmoid(-on_absent) + absent)
    return -(y * on + (1 - y) * off).sum(1)


class ImageNoiseNetwork(nn.Module):
    """A network with its own last layer as the visual classifier, and beside it a linear layer for the noise.

    Both see the same features. `forward` gives the logits (B, K) of the visual classifier alone.
    """

    def __init__(self, net: nn.Module, n_classes: int, log_odds: float):
        super().__init__()
        linear = [layer for layer in net.modules() if isinstance(layer, nn.Linear)]
        self.body, n_features = models.split_head(net)
        self.visual, self.noise = linear[-1], nn.Linear(n_features, 2 * n_classes)
        nn.init.normal_(self.noise.weight, std=0.001)
        with torch.no_grad():
            self.noise.bias.copy_(log_odds * torch.tensor([-1.0, 1.0]).repeat_interleave(n_classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.visual(self.body(x))

    def noisy(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (B, K) of the visual classifier, of r(1 | z = 0, x) and of r(1 | z = 1, x)."""
        h = self.body(x)
        return self.visual(h), *self.noise(h).chunk(2, 1)


@dataclass
class ICNM(MultiLabelMethod):
    """Image-conditioned noise: each label of each image has its own chances of being added and of being left out.

    v = P(z = 1 | x) and r(y | z, x) are linear layers on the same features, see `image_noise_loss`. The first
    `warmup_epochs` are plain training of v, two as in the authors' code; then the noise joins in, near the identity:
    r(1 | 1) = r(0 | 0) = sigmoid(log_odds), 0.964 for every image. Only v predicts.

    Notes: Differences from the authors' code (imisra/latent-noise-icnm, Caffe). Theirs has four outputs a label, the
    joint of (y, z), turned into conditionals; these depend on two differences only, which are the two outputs here.
    Biases and weights start as there. Theirs learns the last layers ten times faster, decays the noise's biases, drops
    out half the features and starts the learning rate anew after the warm-up; here all of that is the recipe's.
    """

    source: ClassVar[str] = "Misra et al. 2016, Seeing through the human reporting bias"

    warmup_epochs: CountFromZero = 2
    log_odds: NotNegative = 3.29

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        _check_warmup(self.warmup_epochs, recipe.epochs)
        super().start(recipe, data, generator)
        self.epoch_ = 0

    def make_network(self, recipe: Recipe, data: TrainingSet) -> nn.Module:
        K = self.n_outputs(data)
        return ImageNoiseNetwork(recipe.network(K), K, self.log_odds).to(recipe.device)

    def on_epoch_start(self, epoch: int, data: TrainingSet) -> None:
        self.epoch_ = epoch

    def loss(self, batch: Batch) -> Tensor:
        if self.epoch_ < self.warmup_epochs:
            return losses.binary_cross_entropy(self.classifier_(batch.x), batch.y).mean()
        logits, on_absent, on_present = self.classifier_.noisy(batch.x)
        return image_noise_loss(logits, batch.y, on_absent, on_present).mean()


def _check_warmup(epochs: int, of: int) -> int:
    """The epochs of plain training, which leave at least one of the run's `of` epochs for the noise."""
    if epochs >= of:
        raise ValueError(f"`warmup_epochs` must be below the {of} epochs of the run, but got {epochs}. "
                         "The noise is modelled only after them.")  # fmt: skip
    return epochs
