"""Paper 05: a mixture whose components are correlated with the target; the correlation says how good a label is."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from lnlkit import losses, models
from lnlkit.methods.base import Method
from lnlkit.methods.cholesky import RHO as RHO
from lnlkit.methods.cholesky import ChoiceNetwork, CholeskyBlock, Draws, Heads, Mixture, Outer, Rho
from lnlkit.methods.cholesky import cholesky_transform as cholesky_transform
from lnlkit.methods.cholesky import correlation as correlation
from lnlkit.methods.domains import Correlation, Count, NotNegative, Positive, Share
from lnlkit.training import AT_ONCE, Batch, Recipe, TrainingSet, as_inputs, asked, predict_outputs, to_unit

Regulariser = Literal["divergence", "unnormalised"]


class HasMixture(Method):
    """A method whose network is a `ChoiceNetwork`: its mixture can be looked at."""

    def mixture(self, x) -> Mixture:
        """The mixture for images or inputs, on the CPU, with the means of the weights: what figures show."""
        net, device = self.nets_[0], next(self.nets_[0].parameters()).device
        x = as_inputs(x)
        with asked(net, x):
            parts = [net.mixture(to_unit(part.to(device)), sample=False) for part in x.split(AT_ONCE)]
        return Mixture(*(torch.cat(column).float().cpu() for column in zip(*parts, strict=True)))


@dataclass
class ChoiceNet(HasMixture):
    """Classification with a mixture of correlated components; the first, with correlation 1, is the prediction.

    K components; tau_inv: variance of the target, 1/tau; lambda_reg: weight of the log-sum-exp in Eq. (9); kl_weight:
    weight of Eq. (8), whose correlations are normalised by a softmax ("divergence") or taken as they are
    ("unnormalised", the authors' code); sigma_z: standard deviation of Z. loss_kind "ce" puts cross-entropy in the
    place of Eq. (9). The other fields are those of `CholeskyBlock`.

    These are the paper's choices as printed. With its correlations from -1 to 1 the target may come out upside down,
    see `AuthorsChoiceNet`. Defaults that the paper's text does not give (K = 10, tau_inv, kl_weight, sigma_z) are those
    of the authors' code for MNIST; `lambda_reg` is smaller than there, see `robust.ChoiceLoss`. Learning rate and
    clipping of gradients are left to the recipe.
    """

    source: ClassVar[str] = "Choi et al. 2020, Task agnostic robust learning by correlation-guided MDNs (Paper 05)"

    K: Count = 10
    tau_inv: Positive = 1e-4
    lambda_reg: NotNegative = 1e-4
    kl_weight: NotNegative = 1e-4
    sigma_z: NotNegative = math.exp(-1.0)
    rho: Rho = "tanh"
    rho_first: Share = 1.0
    outer: Outer = "sqrt"
    draws: Draws = "shared"
    double_softmax: bool = False
    heads: Heads = "linear"
    target_bias: bool = True
    regulariser: Regulariser = "divergence"
    fixed_rho: Correlation | None = None
    loss_kind: Literal["choice", "ce"] = "choice"

    def __post_init__(self) -> None:
        super().__post_init__()
        below_0 = self.rho == "tanh" if self.fixed_rho is None else self.fixed_rho < 0
        if self.regulariser == "unnormalised" and below_0 and self.K > 1:
            raise ValueError("`regulariser` must be 'divergence' for correlations below 0, which have no logarithm, "
                             "but got 'unnormalised'.")  # fmt: skip

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        super().start(recipe, data, generator)
        if self.heads == "normalised":  # their batch norm sees one value of each example
            self.smallest_batch_ = 2

    def make_network(self, recipe: Recipe, data: TrainingSet) -> nn.Module:
        body, n_features = models.split_head(recipe.network(self.n_outputs(data)))
        names = ("K", "tau_inv", "sigma_z", "rho", "rho_first", "outer", "draws", "double_softmax", "heads",
                 "target_bias", "fixed_rho")  # fmt: skip
        block = CholeskyBlock(n_features, self.n_outputs(data), **{name: getattr(self, name) for name in names})
        return ChoiceNetwork(body, block).to(recipe.device)

    def loss(self, batch: Batch) -> Tensor:
        mixture = self.nets_[0].mixture(batch.x, sample=True)
        logits = mixture.mu + mixture.var.sqrt() * torch.randn_like(mixture.mu)
        if self.loss_kind == "choice":
            fit = losses.choice(logits, batch.y, mixture.log_pi, self.lambda_reg)
        else:
            fit = losses.mixture_cross_entropy(logits, batch.y, mixture.log_pi)
        return (fit + self.kl_weight * self._kl(mixture)).mean()

    def _kl(self, mixture: Mixture) -> Tensor:
        return losses.rho_kl(mixture.rho, mixture.log_pi, normalised=self.regulariser == "divergence")

    def diagnose(self, splits) -> dict[str, float]:
        """What the mixture says of the test images: whose logit is right, and the component with the largest weight.

        largest_right and smallest_right: accuracy of the target's largest and of its smallest logit. Where the heaviest
        component has a correlation near -1, the target has come out upside down and its smallest logit is the right
        one. second_says_c: share of the images of class c in which the second of two components says 1 (Fig. 5).
        """
        x, y = splits.test.x, torch.as_tensor(splits.test.y)
        mixture = self.mixture(x)
        pi, target = mixture.log_pi.exp().mean(0), mixture.mu[:, 0]
        heaviest = pi.argmax()
        found = {"largest_right": (target.argmax(1) == y), "smallest_right": (target.argmin(1) == y),
                 "first_weight": pi[0], "heaviest_weight": pi[heaviest],
                 "heaviest_rho": mixture.rho[:, heaviest]}  # fmt: skip
        if mixture.mu.shape[1:] == (2, 2):
            says_1 = mixture.mu[:, 1].argmax(1) == 1
            found |= {f"second_says_1_of_{c}": says_1[y == c] for c in (0, 1)}
        return {name: float(values.double().mean()) for name, values in found.items()}


@dataclass
class AuthorsChoiceNet(ChoiceNet):
    """ChoiceNet with the choices of its authors' code for MNIST (sjchoi86/choicenet, 2018), which work.

    What differs from `ChoiceNet`: correlations from 0.5 to 1, 0.95 for the first component in training, normalised
    heads, no bias, weights from a softmax of a softmax, 1 - rho^2 in front of the bracket of Eq. (5), separate draws,
    and Eq. (8) without its softmax. Left out: clipping of gradients, weight decay and the learning rate of 1e-5, which
    belong to the recipe, and the lambda_reg of 1e-2 that goes with it.
    """

    rho: Rho = "sigmoid_relu"
    rho_first: Share = 0.95
    outer: Outer = "linear"
    draws: Draws = "separate"
    double_softmax: bool = True
    heads: Heads = "normalised"
    target_bias: bool = False
    regulariser: Regulariser = "unnormalised"


@dataclass
class ChoiceNetRegression(ChoiceNet):
    """Regression with a mixture of correlated components. Paper 05, Eq. (7) and Eq. (8).

    lambda_1 weighs the squared error of the first component, lambda_2 the negative log likelihood of the mixture: the
    paper employs both and gives no values. With lambda_1 = 0, as the authors' code was run, nothing ties the sign of
    the first component to the data: one with rho = -1 explains them as well. The other defaults are those of that code.
    `loss_kind` and `lambda_reg` belong to classification and have no effect.
    """

    task: ClassVar[str] = "regression"

    K: Count = 5
    tau_inv: Positive = 1e-2
    kl_weight: NotNegative = 1e-6
    sigma_z: NotNegative = 1.0
    lambda_1: NotNegative = 1.0
    lambda_2: NotNegative = 1.0

    def loss(self, batch: Batch) -> Tensor:
        mixture = self.nets_[0].mixture(batch.x, sample=True)
        fit = self.lambda_2 * losses.mixture_nll(batch.y, mixture.log_pi, mixture.mu, mixture.var)
        if self.lambda_1:
            fit = fit + self.lambda_1 * ((batch.y - mixture.mu[:, 0]) ** 2).sum(1)
        return (fit + self.kl_weight * self._kl(mixture)).mean()

    def predict(self, x) -> Tensor:
        """Predicted targets (N, D) on the CPU: the mean of the first component."""
        return predict_outputs(self.nets_[0], x)


@dataclass
class AuthorsChoiceNetRegression(ChoiceNetRegression):
    """Regression with the choices of the authors' code (2018): no squared error, correlations from 0 to 1.

    As `AuthorsChoiceNet`, but with linear heads (its batch norm there is left out: inputs in one dimension), a bias and
    a softmax in Eq. (8), whose weight is 1e-6.
    """

    rho: Rho = "sigmoid"
    rho_first: Share = 0.99
    outer: Outer = "linear"
    draws: Draws = "separate"
    lambda_1: NotNegative = 0.0
