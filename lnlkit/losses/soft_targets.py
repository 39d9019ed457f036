"""Losses against targets that training itself makes, with the conventions of `lnlkit.losses`."""

from __future__ import annotations

import torch
from torch import Tensor

from lnlkit import tensors
from lnlkit.losses.noise_robust import _log_p

P_FLOOR = 1e-4  # a probability stays this far from 0 and from 1 in `early_learning` (authors' code)


def bounded_probabilities(logits: Tensor) -> Tensor:
    """softmax(logits), (B, K), held in [1e-4, 1 - 1e-4]: rows sum to 1 but for that. No gradient where it is held."""
    return _log_p(logits).exp().clamp(P_FLOOR, 1 - P_FLOOR)


def early_learning(logits: Tensor, targets: Tensor) -> Tensor:
    """Early-learning regularisation of each example, (B,): log(1 - <p, t>), p the `bounded_probabilities`.

    Logits and targets t are (B, K); rows of `targets` sum to 1 at most, as a running mean that began at 0 does. Between
    log 1e-4 = -9.2, where p and t are sure of the same class, and 0: minimised, it pulls p towards t, the harder the
    closer they are, so that a wrong label cannot win an example back. The gradient in logit k is
    p_k (<p, t> - t_k) / (1 - <p, t>). None is stopped in t: detach targets that come from the network.
    Source: Liu et al. 2020, the regulariser of L_ELR = L_CE + lambda mean log(1 - <p, t>).
    """
    tensors.same_shape(logits=logits, targets=targets)
    tensors.within(targets, "targets", 0, 1)
    tensors.within(targets.sum(1), "targets", 0, 1, "That is the sum of a row: is each a distribution?")
    p = bounded_probabilities(logits)
    return torch.log1p(-(p * targets.to(p.dtype)).sum(1))


def squared_error(logits: Tensor, targets: Tensor) -> Tensor:
    """Squared error of each prediction, (B,): the mean over k of (p_k - t_k)^2, the Brier score over K.

    Logits and targets are (B, K), p = softmax(logits). At most 2 / K, where both are sure of different classes, so a
    wrong target pulls only so far. No gradient is stopped in the targets.
    Source: the loss on unlabelled examples of Li et al. 2020 (DivideMix), who sum over k in print and average in code.
    """
    tensors.same_shape(logits=logits, targets=targets)
    tensors.distributions(targets, "targets")
    p = _log_p(logits).exp()
    return (p - targets.to(p.dtype)).square().mean(1)
