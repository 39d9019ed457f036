"""The losses of mixtures and of correlated components (Paper 05), with the conventions of `lnlkit.losses`."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lnlkit import checks, tensors
from lnlkit.tensors import wide

LOG_PI_CURE = "Did you mean its logarithm?"


def weighted_scores(first: Tensor, second: Tensor, y: Tensor, pi: Tensor, minus: bool = False) -> Tensor:
    """Loss of two classifiers of labels -1 and 1, elementwise. Paper 05, Eq. (4).

    -((1 - pi) first + pi second) y, for the scores W h(x) of the first classifier and those of the second, labels `y`
    as observed and the weight `pi` of the second. The paper prints a minus before pi, which reverses the second one.
    Its conclusion, pi near 1 for flipped labels, is about one that is reversed already (rho < 0) and needs the plus.
    The loss is linear in pi and in the scores: it has no lower bound.
    """
    tensors.tensors(first=first, second=second, y=y, pi=pi)
    tensors.within(y, "y", -1, 1, "Labels of Eq. (4) are -1 and 1.")
    tensors.within(pi, "pi", 0, 1)
    second = -wide(second) if minus else wide(second)
    return -((1 - pi) * wide(first) + pi * second) * y


def mixture_nll(y: Tensor, log_pi: Tensor, mu: Tensor, var: Tensor) -> Tensor:
    """Negative log likelihood of each example, (B,): -log sum_k pi_k N(y; mu_k, var_k). Paper 05, Eq. (3) and Eq. (7).

    Targets `y` (B, D), log weights (B, K), means and variances (B, K, D) of Gaussians with independent dimensions. The
    paper prints the log likelihood with a plus sign, which would be minimised by the worst fit.
    """
    tensors.tensors(y=y, log_pi=log_pi, mu=mu, var=var)
    if mu.ndim != 3 or y.shape != mu[:, 0].shape:  # a target (B,) would be broadcast, silently when K = B
        raise ValueError(f"`y` must be (B, D) and `mu` (B, K, D), but got {tuple(y.shape)} and {tuple(mu.shape)}.")
    tensors.same_shape(log_pi=log_pi, **{"mu[:, :, 0]": mu[:, :, 0]})
    tensors.same_shape(mu=mu, var=var)
    tensors.within(log_pi, "log_pi", -math.inf, 0, LOG_PI_CURE)
    tensors.above_zero(var, "var", "variances")
    log_pi, mu, var = wide(log_pi), wide(mu), wide(var)
    squared = (y[:, None].to(mu.dtype) - mu) ** 2
    log_density = -0.5 * (squared / var + var.log() + math.log(2 * math.pi)).sum(2)
    return -(log_pi + log_density).logsumexp(1)


def rho_kl(rho: Tensor, log_pi: Tensor, normalised: bool = True) -> Tensor:
    """KL(softmax(rho) || pi) of each example, (B,), from correlations and log weights (B, K). Paper 05, Eq. (8).

    Not `normalised`, the correlations stand in the place of their softmax, as in the authors' code: they must be 0 or
    more then.
    """
    tensors.same_shape(rho=rho, log_pi=log_pi)
    tensors.within(log_pi, "log_pi", -math.inf, 0, LOG_PI_CURE)
    if not normalised:
        tensors.within(rho, "rho", 0, 1)
        return (torch.special.xlogy(wide(rho), wide(rho)) - wide(rho) * wide(log_pi)).sum(1)
    log_rho_bar = wide(rho).log_softmax(1)
    return (log_rho_bar.exp() * (log_rho_bar - wide(log_pi))).sum(1)


def choice(logits: Tensor, y: Tensor, log_pi: Tensor, lambda_reg: float = 1e-4) -> Tensor:
    """ChoiceNet's classification loss of each example, (B,). Paper 05, Eq. (9).

    -sum_k pi_k (softmax(logits_k)_y - lambda_reg * logsumexp(logits_k)), for logits (B, K, D) of K components and
    labels (B,). There is no logarithm in the first term: 1 - p_y is half the L1 distance between p and the one-hot
    label, which is robust to label noise by itself. K = 1 with log_pi = 0 is the same loss on a plain head.

    The loss has no lower bound: adding one number to all logits leaves the first term as it is and moves the second,
    so the logits drift towards minus infinity, the faster the larger `lambda_reg` and the learning rate.
    """
    y = _check_components(logits, y, log_pi)
    checks.not_negative(lambda_reg, "lambda_reg")
    logits, log_pi = wide(logits), wide(log_pi)
    p_y = logits.softmax(2).gather(2, y[:, None, None].expand(-1, logits.shape[1], 1)).squeeze(2)
    return -(log_pi.exp() * (p_y - lambda_reg * logits.logsumexp(2))).sum(1)


def mixture_cross_entropy(logits: Tensor, y: Tensor, log_pi: Tensor) -> Tensor:
    """Cross-entropy of each component, weighted, (B,): -sum_k pi_k log softmax(logits_k)_y; shapes as in `choice`."""
    y = _check_components(logits, y, log_pi)
    log_p = wide(logits).log_softmax(2).gather(2, y[:, None, None].expand(-1, logits.shape[1], 1)).squeeze(2)
    return -(wide(log_pi).exp() * log_p).sum(1)


def _check_components(logits: Tensor, y: Tensor, log_pi: Tensor) -> Tensor:
    tensors.tensors(logits=logits, y=y, log_pi=log_pi)
    if logits.ndim != 3 or y.shape != logits.shape[:1] or log_pi.shape != logits.shape[:2]:
        got = ", ".join(str(tuple(a.shape)) for a in (logits, y, log_pi))
        raise ValueError(
            f"`logits` must be (B, K, D), `y` (B,) and `log_pi` (B, K), but got {got}. Are the labels one-hot, or is "
            "the dimension of the components missing (logits[:, None])?"
        )
    tensors.within(log_pi, "log_pi", -math.inf, 0, LOG_PI_CURE)
    return tensors.labels(y, logits.shape[2])
