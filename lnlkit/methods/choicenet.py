"""Paper 05: a mixture whose components are correlated with the target; the correlation says how good a label is."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnlkit import checks, losses, models, tensors
from lnlkit.methods.base import Method
from lnlkit.methods.domains import Correlation, Count, NotNegative, Positive, Share
from lnlkit.training import AT_ONCE, Batch, Recipe, TrainingSet, as_inputs, asked, predict_outputs, to_unit


def cholesky_transform(w: Tensor, z: Tensor, rho, mu_w, sigma_w, sigma_z) -> Tensor:
    """A variable correlated with w by rho, made from w ~ N(mu_w, sigma_w^2) and z ~ N(0, sigma_z^2). Paper 05, Eq. (5).

    rho mu_w + s (rho sigma_z / sigma_w (w - mu_w) + s z), with s = sqrt(1 - rho^2). Its mean is rho mu_w, its standard
    deviation s sigma_z, its correlation with w is rho for |rho| < 1. At |rho| = 1 it is the constant rho mu_w. All
    arguments broadcast. The gradient in rho grows without bound as |rho| goes to 1: `CholeskyBlock` avoids that.
    """
    tensors.tensors(w=w, z=z)
    rho, sigma_w, sigma_z = (torch.as_tensor(v, dtype=w.dtype, device=w.device) for v in (rho, sigma_w, sigma_z))
    tensors.within(rho, "rho", -1, 1)
    tensors.within(sigma_z, "sigma_z", 0)
    tensors.above_zero(sigma_w, "sigma_w", "standard deviations")
    s = ((1 - rho) * (1 + rho)).clamp_min(0).sqrt()
    return rho * mu_w + s * (rho * sigma_z / sigma_w * (w - mu_w) + s * z)


class Mixture(NamedTuple):
    """What a block says about a batch: K components for D outputs."""

    log_pi: Tensor  # (B, K)    log of the mixture weights
    mu: Tensor  # (B, K, D) means; logits in classification
    var: Tensor  # (B, K, D) variances
    rho: Tensor  # (B, K)    correlations with the target


Rho = Literal["tanh", "abs_tanh", "sigmoid", "sigmoid_relu"]
RHO = get_args(Rho)
Outer = Literal["sqrt", "linear"]
Draws = Literal["shared", "separate"]
Heads = Literal["linear", "normalised"]
Regulariser = Literal["divergence", "unnormalised"]


def correlation(a: Tensor, activation: str) -> tuple[Tensor, Tensor]:
    """rho and sqrt(1 - rho^2) from a pre-activation, both with finite gradients however close |rho| is to 1.

    For tanh the root is 1 / cosh(a), for the sigmoid sqrt(sigmoid(-a) (1 + sigmoid(a))): no difference of nearly equal
    numbers, no root of zero.
    """
    if checks.one_of(activation, "activation", RHO) in ("tanh", "abs_tanh"):
        e, rho = torch.exp(-a.abs()), torch.tanh(a)
        return rho.abs() if activation == "abs_tanh" else rho, 2 * e / (1 + e**2)
    if activation == "sigmoid_relu":
        a = F.relu(a)
    rho = torch.sigmoid(a)
    return rho, torch.exp(0.5 * F.logsigmoid(-a)) * (1 + rho).sqrt()


class CholeskyBlock(nn.Module):
    """The mixture of correlated densities on features h (B, Q): Algorithm 1 of Paper 05, Eq. (6) and Fig. 2.

    Component k has weights W_k = Cholesky(W*, Z, rho_k(h)), so its output is computed without building them: with
    a = mu* h, b = (sigma_z e_w) h and c = (sigma_z e_z) h for standard normal e_w, e_z it is
    rho_k a + s_k (rho_k b + s_k c), s_k = sqrt(1 - rho_k^2). The variance of W* has cancelled: w - mu_w = sigma_w e_w
    is divided by sigma_w in Eq. (5), so nothing that the network computes depends on it and there is no parameter for
    it here. A constant 1 among the features gives W its bias.

    rho: "tanh" (paper), its absolute value "abs_tanh" (ablation: only the sign is gone), "sigmoid" or "sigmoid_relu"
    (authors' code). rho_first: correlation of the first component in training, 1 in the paper; it is always 1 in
    inference. outer: "sqrt" (paper) or "linear", the factor s_k in front of the bracket or its square (authors' code).
    draws: "shared", one W* and Z for all components and examples of a step (Algorithm 1), or "separate" (authors'
    code). double_softmax: mixture weights from a softmax of a softmax (authors' code for classification). heads: what
    makes correlations, weights and variances of the features, "linear" layers (paper), or "normalised", with batch norm
    after each and, for weights and variances, a ReLU after that (authors' code for classification; its ReLU for rho is
    in "sigmoid_relu"). target_bias: whether mu* has one (paper's text: not said; authors' code: no). fixed_rho: the
    correlation of all other components, for ablations; None: learned.
    """

    def __init__(self, n_features: int, n_outputs: int, *, K: int, tau_inv: float, sigma_z: float, rho: str = "tanh",
                 rho_first: float = 1.0, outer: str = "sqrt", draws: str = "shared", double_softmax: bool = False,
                 heads: str = "linear", target_bias: bool = True, fixed_rho: float | None = None):  # fmt: skip
        super().__init__()
        self.K, self.sigma_z = checks.positive_int(K, "K"), checks.not_negative(sigma_z, "sigma_z")
        self.tau_inv = checks.positive(tau_inv, "tau_inv")
        self.rho = checks.one_of(rho, "rho", RHO)
        self.outer = checks.one_of(outer, "outer", get_args(Outer))
        self.draws = checks.one_of(draws, "draws", get_args(Draws))
        self.rho_first = checks.fraction(rho_first, "rho_first", below_one=False)
        if fixed_rho is not None:
            checks.between(fixed_rho, "fixed_rho", -1, 1)
        self.double_softmax, self.fixed_rho = double_softmax, fixed_rho
        heads = checks.one_of(heads, "heads", get_args(Heads))
        self.target = nn.Linear(n_features, n_outputs, bias=target_bias)  # mu*, the mean of W*
        self.to_rho, self.to_pi = _head(n_features, K, heads), _head(n_features, K, heads, relu=True)
        self.to_log_var = _head(n_features, n_outputs, heads, relu=True)  # log Sigma_0: D, as in the text, for all k

    def forward(self, h: Tensor) -> Tensor:
        """The mean of the first component, (B, D), which models the target: all that inference uses."""
        return self.target(h)

    def mixture(self, h: Tensor, sample: bool) -> Mixture:
        """The mixture for features (B, Q), with sampled weights (training) or with their means."""
        first_rho = self.rho_first if sample else 1.0
        rho, s = self._correlations(h, first_rho)
        log_pi = self.to_pi(h)
        log_pi = (log_pi.softmax(1) if self.double_softmax else log_pi).log_softmax(1)
        var = (s**2)[:, :, None] * self.to_log_var(h).clamp(max=20.0).exp()[:, None] + self.tau_inv
        r, s = rho[:, :, None], s[:, :, None]
        mu = r * self.target(h)[:, None]
        if sample:
            b, c = self._noise(h), self._noise(h)
            mu = mu + (s if self.outer == "sqrt" else s**2) * (r * b + s * c)
        return Mixture(log_pi, mu, var, rho)

    def _correlations(self, h: Tensor, first: float) -> tuple[Tensor, Tensor]:
        """rho and sqrt(1 - rho^2), (B, K) each."""
        if self.fixed_rho is None:
            rho, s = correlation(self.to_rho(h), self.rho)
        else:
            rho = h.new_full((len(h), self.K), float(self.fixed_rho))
            s = (1 - rho**2).sqrt()
        head = torch.full_like(rho[:, :1], first)
        return torch.cat([head, rho[:, 1:]], 1), torch.cat([(1 - head**2).sqrt(), s[:, 1:]], 1)

    def _noise(self, h: Tensor) -> Tensor:
        """(sigma_z e) h for a standard normal matrix e: (B, 1, D), or (B, K, D) with a matrix per component."""
        if self.target.bias is not None:
            h = F.pad(h, (0, 1), value=1.0)
        D = self.target.out_features
        if self.draws == "shared":
            return (self.sigma_z * h @ torch.randn(h.shape[1], D, dtype=h.dtype, device=h.device))[:, None]
        e = torch.randn(len(h), self.K, D, dtype=h.dtype, device=h.device)
        return self.sigma_z * h.norm(dim=1)[:, None, None] * e


def _head(n_features: int, n_outputs: int, heads: str, relu: bool = False) -> nn.Module:
    """A linear layer on the features, with batch norm and perhaps a ReLU after it where heads are "normalised"."""
    linear = nn.Linear(n_features, n_outputs)
    if heads == "linear":
        return linear
    return nn.Sequential(linear, nn.BatchNorm1d(n_outputs), *([nn.ReLU()] if relu else []))


class ChoiceNetwork(nn.Module):
    """Any network whose last linear layer is replaced by a Cholesky block. Paper 05, Fig. 3."""

    def __init__(self, body: nn.Module, block: nn.Module):
        super().__init__()
        self.body, self.block = body, block

    def forward(self, x: Tensor) -> Tensor:
        return self.block(self.body(x))

    def mixture(self, x: Tensor, sample: bool) -> Mixture:
        return self.block.mixture(self.body(x), sample)


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
