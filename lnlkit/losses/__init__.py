"""Losses as pure functions: logits and targets in, one value per example out, nothing reduced.

Shapes: B examples in a batch, K classes. Logits come before the softmax. Every function works in float32 at least
(half-precision inputs are widened first, so the values are float32 under autocast) and in the log domain, so logits
of +-10,000 give finite values and finite gradients. `y` is the label that is given, which may be wrong.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lnlkit import checks, tensors
from lnlkit.losses.bounded import (
    active_passive,
    asymmetric_unhinged,
    clip_logits,
    clipped_cross_entropy,
    normalised_cross_entropy,
    partially_huberised,
)
from lnlkit.losses.clusters import mutual_information, restoration
from lnlkit.losses.mixtures import choice, mixture_cross_entropy, mixture_nll, rho_kl, weighted_scores
from lnlkit.losses.noise_robust import (
    bootstrap_classification,
    entropy,
    imae,
    imae_weight,
    label_kl,
    prior_kl,
    symmetric_cross_entropy,
)
from lnlkit.losses.pairs import instance_forward, jensen_shannon
from lnlkit.losses.soft_targets import early_learning, squared_error
from lnlkit.tensors import wide

__all__ = [
    "active_passive", "asymmetric_unhinged", "bernoulli_kl", "binary_cross_entropy", "bootstrap",
    "bootstrap_classification", "choice", "clip_logits", "clipped_cross_entropy", "cross_entropy", "dac", "dmi",
    "early_learning", "entropy", "forward", "gaussian_kl", "gce", "imae", "imae_weight", "instance_forward",
    "jensen_shannon", "label_kl", "mixture_cross_entropy", "mixture_nll", "mutual_information",
    "normalised_cross_entropy", "partially_huberised", "prior_kl", "reconstruction", "restoration", "rho_kl",
    "soft_cross_entropy", "squared_error", "symmetric_cross_entropy", "tukey", "weighted_scores",
]  # fmt: skip

DMI_CONSTANT = 0.001  # keeps the logarithm finite when the determinant is 0 (authors' code)


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy of each example, (B,): -log p_y, with p = softmax(logits).

    Logits are (B, K), labels `y` (B,). Raises ValueError when the shapes do not fit.
    """
    y = _class_numbers(logits, y)
    return F.cross_entropy(wide(logits), y, reduction="none")


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy against soft labels, (B,): -sum_k t_k log p_k.

    Logits and targets are (B, K); each row of `targets` is a distribution over the classes. With one-hot targets
    this is `cross_entropy`. No gradient is stopped: detach targets that come from a network.
    Source: the training loss of SEAL, Chen et al. 2021.
    """
    tensors.same_shape(logits=logits, targets=targets)
    tensors.distributions(targets, "targets")
    log_p = wide(logits).log_softmax(1)
    return -(targets.to(log_p.dtype) * log_p).sum(1)


def gce(logits: Tensor, y: Tensor, q: float = 0.7) -> Tensor:
    """Generalised cross-entropy of each example, (B,): (1 - p_y^q) / q.

    `q` in [0, 1] moves from cross-entropy (q = 0, the limit) to 1 - p_y, half the L1 distance (q = 1): the larger q,
    the less an improbable label pulls. Its gradient is p_y^q times that of cross-entropy.
    Source: Zhang and Sabuncu 2018, the loss L_q (with q = 0.7 in their experiments).
    """
    q = checks.fraction(q, "q", below_one=False)
    log_p_y = -cross_entropy(logits, y)
    return -log_p_y if q == 0 else -torch.expm1(q * log_p_y) / q  # expm1: exact for small q, and needs no clamp


def forward(logits: Tensor, y: Tensor, T: Tensor) -> Tensor:
    """Forward-corrected cross-entropy of each example, (B,): -log sum_i p_i T[i, y].

    `T` (K, K) is the transition matrix T[i, j] = P(noisy = j | clean = i), rows sum to 1 (cleanlab's is the
    transpose). The network predicts the clean class, T turns that into the noisy label. With T = I this is
    `cross_entropy`, bit for bit. A label that T gives to no class at all (a column of zeros) has an infinite loss.
    Source: Patrini et al. 2017, Theorem 2.
    """
    y = _class_numbers(logits, y)
    log_p = wide(logits).log_softmax(1)  # (B, K)
    if not isinstance(T, Tensor) or T.is_cpu:  # elsewhere it would wait for the device
        checks.transition_matrix(T.detach() if isinstance(T, Tensor) else T)
    T = torch.as_tensor(T if isinstance(T, Tensor) else np.array(T), dtype=log_p.dtype, device=log_p.device)
    if T.shape != (logits.shape[1],) * 2:
        k = logits.shape[1]
        raise ValueError(f"`T` must have shape ({k}, {k}), one row per class, but got {tuple(T.shape)}.")
    # Summed in the log domain, and without a matrix product, which autocast would round to bfloat16.
    return -torch.logsumexp(log_p + T.T[y].log(), 1)


def dac(logits: Tensor, y: Tensor, alpha: float | Tensor) -> Tensor:
    """Loss of the deep abstaining classifier, (B,): (1 - p_a) CE_K - alpha log(1 - p_a).

    Logits are (B, K + 1), the last one stands for "I abstain"; p_a is its softmax over all K + 1, CE_K the
    cross-entropy over the first K only. Labels `y` (B,) are below K. `alpha` is the price of abstaining.
    With p_a = 0 this is cross-entropy.
    Source: Thulasidasan et al. 2019, Eq. (1).
    """
    if not isinstance(alpha, Tensor):
        checks.not_negative(alpha, "alpha")
    tensors.tensors(logits=logits)
    logits = wide(logits)
    cross = cross_entropy(logits[..., :-1], y)
    # log(1 - p_a) from the other classes' logits, exact also when p_a rounds to 1 (the authors clamp p_a instead).
    log_answer = logits.log_softmax(1)[:, :-1].logsumexp(1)
    return log_answer.exp() * cross - alpha * log_answer


def dmi(logits: Tensor, y: Tensor) -> Tensor:
    """Determinant-based mutual information loss of the whole batch, a scalar: -log(|det U| + 0.001).

    U (K, K) is the un-normalised joint matrix of the batch, U[i, j] = sum over the examples labelled i of p_j.
    The paper's U is divided by B, which without the 0.001 would only shift the loss by a constant. With it the
    un-normalised form of the authors' code is needed: divided by B, |det U| is at most K^-K (1e-10 for ten classes)
    and the gradient is gone. It is the one loss here that cannot be split into examples. Renumbering the classes
    leaves it unchanged, so it cannot tell a right prediction from a consistent renaming: start from a network
    trained with cross-entropy. A class without an example in the batch makes the determinant 0: the value is then
    -log 0.001 and the gradient zero, so use batches much larger than K.
    Source: Xu et al. 2019, the loss L_DMI.
    """
    y = _class_numbers(logits, y)
    p = wide(logits).softmax(1)  # (B, K)
    n_classes = p.shape[1]
    with torch.autocast(p.device.type, enabled=False):  # it would round the matrix product to bfloat16
        joint = F.one_hot(y, n_classes).to(p.dtype).T @ p  # (K, K)
        inverse, failed = torch.linalg.inv_ex(joint.detach())  # the gradient is a multiple of the inverse
        usable = inverse.isfinite().all() & (failed == 0)
        joint = torch.where(usable, joint, torch.eye(n_classes, dtype=p.dtype, device=p.device))
        log_det = torch.linalg.slogdet(joint).logabsdet
    floor = log_det.new_tensor(math.log(DMI_CONSTANT))
    return -torch.where(usable, torch.logaddexp(log_det, floor), floor)


def reconstruction(logits: Tensor, x: Tensor) -> Tensor:
    """Reconstruction loss of each image, (B,): -log P(x | z), Bernoulli, summed over its pixels, in nats.

    Logits and images are (B, ...) of the same shape, pixels in [0, 1]. For pixels between 0 and 1 it is the binary
    cross-entropy, whose least value is the pixels' own entropy, not 0.
    Source: minus the first term of Paper 01, Eq. (1) and Eq. (2).
    """
    tensors.same_shape(logits=logits, x=x)
    if not x.is_floating_point():
        raise ValueError(f"`x` must hold floating-point pixels in [0, 1], but got {x.dtype}. Divide it by 255?")
    tensors.within(x, "x", 0, 1, "Divide it by 255?")
    logits = wide(logits)
    return F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none").flatten(1).sum(1)


def gaussian_kl(mu: Tensor, log_var: Tensor, lambda_mi: float = 0.0) -> Tensor:
    """KL(N(mu, sigma^2) || N(0, I)) + lambda_mi H(N(mu, sigma^2)) of each example, (B,), in nats.

    `mu` and `log_var` = log sigma^2 are (B, D). Sum over D of (mu^2 + sigma^2 - 1 - log sigma^2) / 2, and of the
    entropy (log sigma^2 + log 2 pi + 1) / 2, which Paper 02 adds. As a function of sigma^2 the sum has its minimum at
    1 - lambda_mi; from lambda_mi = 1 on it has none: less is always better.
    Source: lambda_mi = 0: the second term of Paper 01, Eq. (1) and Eq. (2), with P(z | c) = N(0, I); closed form in
    Kingma and Welling 2014, Appendix B. With lambda_mi: Paper 02, Eq. (8), second row, and its constant.
    """
    tensors.same_shape(mu=mu, log_var=log_var)
    _check_weight(lambda_mi)
    mu, log_var = wide(mu), wide(log_var)
    kl = mu.square() + torch.expm1(log_var) - log_var
    entropy = log_var + (math.log(2 * math.pi) + 1)
    return 0.5 * (kl + lambda_mi * entropy).flatten(1).sum(1)


def _class_numbers(logits: Tensor, y: Tensor) -> Tensor:
    """The labels of logits (B, K): int64 (B,)."""
    tensors.tensors(logits=logits, y=y)
    if logits.ndim != 2 or y.shape not in (logits.shape[:1], (len(logits), 1)):
        raise ValueError(
            f"`logits` must be (B, K) and `y` (B,), but got {tuple(logits.shape)} and {tuple(y.shape)}. "
            "Are the labels one-hot, or the two arguments swapped?"
        )
    return tensors.labels(y, logits.shape[1])


def _check_weight(lambda_mi: float | Tensor) -> None:
    if not isinstance(lambda_mi, Tensor):
        checks.not_negative(lambda_mi, "lambda_mi")


# ---- labels as K independent Bernoullis (Paper 02) -------------------------------------------------------------


def binary_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy summed over the labels, (B,): -sum_k (t_k log p_k + (1 - t_k) log(1 - p_k)).

    Logits and targets are (B, K), p = sigmoid(logits), targets are probabilities or 0 and 1. Linear in the targets, and
    no gradient is stopped: detach targets that come from a network.
    """
    tensors.same_shape(logits=logits, targets=targets)
    tensors.within(targets, "targets", 0, 1)
    logits = wide(logits)
    return F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype), reduction="none").sum(1)


def bootstrap(logits: Tensor, y: Tensor, beta: float, hard: bool = False) -> Tensor:
    """Binary cross-entropy against a mixture of label and prediction, (B,): targets beta y + (1 - beta) t.

    Logits (B, K), labels `y` (B, K) of 0 and 1, p = sigmoid(logits). Soft: t = p, and the gradient flows through it,
    which adds (1 - beta) times the entropy of the prediction to the loss. Were it stopped, the gradient would be
    beta (p - y): plain training at a smaller learning rate. Hard: t = 1 where p > 1/2, else 0.
    Source: Reed et al. 2015, Eq. (6) and (7), here for K Bernoullis; their beta is 0.95 (soft) and 0.8 (hard).
    """
    beta = checks.fraction(beta, "beta", below_one=False)
    tensors.same_shape(logits=logits, y=y)
    tensors.within(y, "y", 0, 1)
    p = wide(logits).sigmoid()
    t = (p > 0.5).to(p.dtype) if hard else p
    return binary_cross_entropy(logits, beta * y.to(p.dtype) + (1 - beta) * t)


def bernoulli_kl(q_logits: Tensor, p_logits: Tensor, lambda_mi: float = 0.0) -> Tensor:
    """KL(q || P) + lambda_mi H(q) of K Bernoullis, (B,), from logits (B, K). Paper 02, Eq. (8), first row.

    sum_k sum_z q(z) ln(q(z)^(1 - lambda_mi) / P(z)), in the log domain: finite for saturated probabilities.
    """
    tensors.same_shape(q_logits=q_logits, p_logits=p_logits)
    _check_weight(lambda_mi)
    a, b = wide(q_logits), wide(p_logits)
    q, rest = a.sigmoid(), (-a).sigmoid()
    negative_entropy = q * F.logsigmoid(a) + rest * F.logsigmoid(-a)
    log_p = q * F.logsigmoid(b) + rest * F.logsigmoid(-b)
    return ((1 - lambda_mi) * negative_entropy - log_p).sum(1)


def tukey(residual: Tensor, c: float = 4.6851, leak: float = 0.0) -> Tensor:
    """Tukey's biweight, elementwise: c^2/6 (1 - (1 - (r/c)^2)^3) up to |r| = c, constant beyond.

    Residuals are in units of the noise: divide by 1.4826 times their median absolute deviation first. c = 4.6851 gives
    95 % efficiency on Gaussian noise. `leak` > 0 lets the loss go on rising by leak * (|r| - c) beyond c, so that far
    points keep a gradient.
    Source: Belagiannis et al. 2015 (the loss of Paper 05's "RL"); the leaky form is not defined in Paper 05's text.
    """
    tensors.tensors(residual=residual)
    c, leak = checks.positive(c, "c"), checks.not_negative(leak, "leak")
    size = wide(residual).abs()
    v = (size / c).clamp(max=1.0) ** 2
    biweight = c**2 / 6 * v * (3 - 3 * v + v**2)  # 1 - (1 - v)^3, but exact for small residuals
    return biweight + leak * (size - c).clamp(min=0.0)
