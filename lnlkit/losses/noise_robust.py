"""Losses that trust a noisy label less, and what label correction adds, with the conventions of `lnlkit.losses`."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lnlkit import checks, tensors
from lnlkit.tensors import wide

LOG_ZERO = math.log(1e-4)  # what SL puts in the place of log 0 (authors' code)
NORM_FLOOR = 1e-6  # added by IMAE to a gradient's norm, so that a label known for certain stops pulling (authors' code)


def bootstrap_classification(logits: Tensor, y: Tensor, beta: float, hard: bool = True) -> Tensor:
    """Cross-entropy against a mixture of label and prediction, (B,): targets beta e_y + (1 - beta) t.

    Logits (B, K), labels `y` (B,), p = softmax(logits). Hard: t is the class with the largest p, a target without
    gradient. Soft: t = p, and the gradient flows through it, so the loss is beta CE + (1 - beta) H(p). Were it stopped,
    the gradient would be beta (p - e_y): plain training at a smaller learning rate. `bootstrap` has K Bernoullis.
    Source: Reed et al. 2015, Eq. (6) and (7); their beta is 0.95 (soft) and 0.8 (hard). Hard, with a beta that falls
    from 1 to 0: Paper 03, Eq. (12) and Eq. (13), where y-hat is a logarithm already and has another; p is meant.
    """
    beta = checks.fraction(beta, "beta", below_one=False)
    log_p, y = _log_p_and_labels(logits, y)
    own = -log_p.max(1).values if hard else _entropy(log_p)
    return -beta * _of_label(log_p, y) + (1 - beta) * own


def symmetric_cross_entropy(logits: Tensor, y: Tensor, alpha: float = 0.1, beta: float = 1.0,
                            log_zero: float = LOG_ZERO) -> Tensor:  # fmt: skip
    """alpha CE + beta RCE of each example, (B,): -alpha log p_y - beta log_zero (1 - p_y).

    The reverse cross-entropy RCE = -sum_k p_k log t_k has the label where CE has the prediction; `log_zero` <= 0 (A in
    the paper) stands for the logarithm of a label that is 0. RCE is -log_zero / 2 times the L1 distance of p and e_y:
    robust, and slow where p_y is small, which CE makes up for.
    Source: Wang et al. 2019, Symmetric cross entropy, the loss of SL.
    """
    alpha, beta = checks.not_negative(alpha, "alpha"), checks.not_negative(beta, "beta")
    log_zero = checks.between(log_zero, "log_zero", low=-1e4, high=0)
    log_p, y = _log_p_and_labels(logits, y)
    log_p_y = _of_label(log_p, y)
    return -alpha * log_p_y + beta * log_zero * torch.expm1(log_p_y)


def imae_weight(logits: Tensor, y: Tensor, T: float = 8.0) -> Tensor:
    """The weight exp(T p_y (1 - p_y)) that IMAE gives an example, (B,), without gradient.

    It is 1 for examples that are fitted or far from it, and largest, exp(T / 4), at p_y = 1/2. MAE's own weight,
    4 p_y (1 - p_y) as the L1 norm of its gradient in the logits, has the same order and falls to 0. T = 0 weighs all
    alike.
    """
    T = checks.not_negative(T, "T")
    log_p, y = _log_p_and_labels(logits, y)
    log_p_y = _of_label(log_p.detach(), y)
    return (-T * log_p_y.exp() * torch.expm1(log_p_y)).exp()


def imae(logits: Tensor, y: Tensor, T: float = 8.0) -> Tensor:
    """Improved MAE, (B,), of which only the gradient has a meaning: `imae_weight` times that of CE, brought to norm 1.

    IMAE prescribes gradients, not a loss: that of cross-entropy in the logits, p - e_y, over its L1 norm 2 (1 - p_y) (+
    `NORM_FLOOR`, without which logits drift apart forever), times the weight. It is computed as half the weight times
    the log-odds against the label, log((1 - p_y) / p_y), whose gradient is exact also where p_y rounds to 1. The value
    is negative for p_y > 1/2.
    Source: Wang et al. 2019, IMAE (arXiv:1903.12141).
    """
    weight = imae_weight(logits, y, T)
    logits, y = wide(logits), tensors.labels(y, logits.shape[1])
    others = logits.scatter(1, y[:, None], -math.inf).logsumexp(1)
    norm = 2 * (others - logits.logsumexp(1)).detach().exp()  # 2 (1 - p_y)
    return weight * norm / (norm + NORM_FLOOR) / 2 * (others - _of_label(logits, y))


def entropy(logits: Tensor) -> Tensor:
    """Entropy of each prediction in nats, (B,): -sum_k p_k log p_k, from logits (B, K). Its gradient sharpens them."""
    return _entropy(_log_p(logits))


def prior_kl(logits: Tensor, prior: Tensor | None = None) -> Tensor:
    """KL(prior || mean prediction of the batch), a scalar in nats: sum_k q_k log(q_k / mean p_k).

    Logits (B, K), `prior` q (K,) with the share of each class, uniform by default. It keeps a network that also makes
    its labels from calling everything one class. Needs batches much larger than K.
    Source: Tanaka et al. 2018, the loss L_p.
    """
    log_p = _log_p(logits)
    n, k = log_p.shape
    if prior is None:
        prior = log_p.new_full((k,), 1 / k)
    tensors.tensors(prior=prior)
    if prior.shape != (k,):
        raise ValueError(f"`prior` must be (K,), one share a class, here ({k},), but got {tuple(prior.shape)}.")
    tensors.distributions(prior[None], "prior")
    prior = prior.to(log_p.dtype)
    return torch.xlogy(prior, prior).sum() - (prior * (log_p.logsumexp(0) - math.log(n))).sum()


def label_kl(logits: Tensor, label_logits: Tensor) -> Tensor:
    """KL(p || t) of each prediction and its label distribution, (B,), in nats: sum_k p_k log(p_k / t_k).

    p = softmax(logits) and t = softmax(label_logits), both (B, K); the gradient reaches both. It is the other way round
    than cross-entropy's KL(t || p): a prediction is free to be sure of one of several classes that the label allows.
    Source: Yi and Wu 2019, the classification loss L_c of PENCIL.
    """
    tensors.same_shape(logits=logits, label_logits=label_logits)
    log_p = _log_p(logits)
    return (log_p.exp() * (log_p - wide(label_logits).log_softmax(1))).sum(1)


def _log_p(logits: Tensor) -> Tensor:
    """The logarithm of the softmax, (B, K)."""
    tensors.tensors(logits=logits)
    if logits.ndim != 2:
        raise ValueError(f"`logits` must be (B, K), one row an example, but got shape {tuple(logits.shape)}.")
    return wide(logits).log_softmax(1)


def _log_p_and_labels(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The logarithm of the softmax, (B, K), and the labels as int64 (B,)."""
    log_p = _log_p(logits)
    tensors.tensors(y=y)
    if y.shape not in (logits.shape[:1], (len(logits), 1)):
        raise ValueError(f"`logits` must be (B, K) and `y` (B,), but got {tuple(logits.shape)} and {tuple(y.shape)}. "
                         "Are the labels one-hot, or the two arguments swapped?")  # fmt: skip
    return log_p, tensors.labels(y, logits.shape[1])


def _of_label(values: Tensor, y: Tensor) -> Tensor:
    return values.gather(1, y[:, None])[:, 0]


def _entropy(log_p: Tensor) -> Tensor:
    return -(log_p.exp() * log_p).sum(1)
