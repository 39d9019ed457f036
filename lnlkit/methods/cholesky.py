"""The network of paper 05: the Cholesky transform, and the block of correlated components that is built on it."""

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnlkit import checks, tensors


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
