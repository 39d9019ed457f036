"""Losses that a wrong label can raise only so far, with the conventions of `lnlkit.losses`."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lnlkit import checks, tensors
from lnlkit.losses.noise_robust import LOG_ZERO, _log_p_and_labels, _of_label, symmetric_cross_entropy
from lnlkit.tensors import wide


def normalised_cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """NCE of each example, (B,): log p_y / sum_k log p_k, cross-entropy over the sum of it for all labels.

    In (0, 1), and 1 when summed over all K labels, whatever the prediction: robust to symmetric noise (Ghosh et al.
    2017). It also falls when the other classes become improbable, at the same p_y.
    Source: Ma et al. 2020, Normalized loss functions for deep learning with noisy labels, NCE.
    """
    log_p, y = _log_p_and_labels(logits, y)
    return _of_label(log_p, y) / log_p.sum(1)


def active_passive(logits: Tensor, y: Tensor, alpha: float = 1.0, beta: float = 1.0,
                   log_zero: float = LOG_ZERO) -> Tensor:  # fmt: skip
    """alpha NCE + beta RCE of each example, (B,): the pair that APL stands for.

    NCE, `normalised_cross_entropy`, is active: it looks at the label's p_y. RCE, -log_zero (1 - p_y) as in
    `symmetric_cross_entropy`, is passive: it looks at what the other classes take. Summed over all labels each is
    constant, so the pair is as robust as its parts, and learns where one alone stands still.
    Source: Ma et al. 2020, active passive loss, NCE+RCE.
    """
    alpha = checks.not_negative(alpha, "alpha")
    passive = symmetric_cross_entropy(logits, y, alpha=0.0, beta=beta, log_zero=log_zero)
    return alpha * normalised_cross_entropy(logits, y) + passive


def partially_huberised(logits: Tensor, y: Tensor, tau: float = 2.0) -> Tensor:
    """Partially Huberised cross-entropy of each example, (B,): -log p_y, and its tangent where p_y is at most 1 / tau.

    The tangent is log tau + 1 - tau p_y, so the loss is at most log tau + 1 and its slope in p_y at most `tau` >= 1.
    tau = 1 is 1 - p_y, `gce` at q = 1; a large tau is cross-entropy. Clipping the gradient in p_y alone, not that of
    the whole loss, is what makes it robust.
    Source: Menon et al. 2020, Can gradient clipping mitigate label noise?, PHuber-CE.
    """
    tau = checks.between(tau, "tau", low=1, high=1e6)
    log_p, y = _log_p_and_labels(logits, y)
    log_p_y = _of_label(log_p, y)
    return torch.where(log_p_y > -math.log(tau), -log_p_y, math.log(tau) + 1 - tau * log_p_y.exp())


def above_one(value: float, name: str) -> float:
    """The value as a float in (1, 1e6]."""
    if checks.between(value, name, low=1, high=1e6) == 1:
        raise ValueError(f"`{name}` must be above 1, but got 1: the loss would have a slope of 0 at its end.")
    return float(value)


def asymmetric_unhinged(logits: Tensor, y: Tensor, a: float = 5.5, q: float = 3.0) -> Tensor:
    """Asymmetric unhinged loss of each example, (B,): ((a - p_y)^q - (a - 1)^q) / q.

    0 at p_y = 1, `a` > 1 and `q` > 0. Its slope in p_y is -(a - p_y)^(q - 1). q = 1 is 1 - p_y; above it examples far
    from their label pull more, by up to (a / (a - 1))^(q - 1) = 1.5 at the defaults, below it less.
    It is computed from 1 - p_y, so that powers of a large `a` do not cancel.
    Source: Zhou et al. 2021 and 2023, Asymmetric loss functions for learning with noisy labels, AUL.
    """
    a, q = above_one(a, "a"), checks.positive(q, "q")
    log_p, y = _log_p_and_labels(logits, y)
    rest = -torch.expm1(_of_label(log_p, y))  # 1 - p_y
    return (a - 1) ** q / q * torch.expm1(q * torch.log1p(rest / (a - 1)))


def clip_logits(logits: Tensor, tau: float) -> Tensor:
    """Logits (B, K) whose Euclidean norm is at most `tau` > 0: longer ones are shortened, the others as they are.

    The order of the classes stays. Where it shortens, the gradient is at right angles to the logits, which so don't
    grow, and tau / norm times as large.
    Source: Wei et al. 2023, Mitigating memorization of noisy labels by clipping the model prediction.
    """
    tau = checks.positive(tau, "tau")
    tensors.tensors(logits=logits)
    if logits.ndim != 2:
        raise ValueError(f"`logits` must be (B, K), one row an example, but got shape {tuple(logits.shape)}.")
    logits = wide(logits)
    norm = torch.linalg.vector_norm(logits, dim=1, keepdim=True)
    return logits * (tau / norm.clamp_min(tau))


def clipped_cross_entropy(logits: Tensor, y: Tensor, tau: float = 1 / 1.5) -> Tensor:
    """Cross-entropy of logits clipped at norm `tau`, (B,): `clip_logits`, then -log p_y.

    It lies between log(1 + (K - 1) exp(-d)) and log(1 + (K - 1) exp(d)) with d = sqrt(2) tau, whatever the logits: a
    wrong label costs little more than a right one. A large tau is cross-entropy.
    Source: Wei et al. 2023, CE with LogitClip.
    """
    log_p, y = _log_p_and_labels(logits, y)
    return -_of_label(clip_logits(logits, tau).log_softmax(1), y)
