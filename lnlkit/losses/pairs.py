"""Losses of two outputs for one example: of two networks, or of a classifier and a network of transition matrices.

Shapes: B examples in a batch, K classes. Per example, in float32 at least and in the log domain, as in `losses`.
"""

import math

from torch import Tensor

from lnlkit import tensors
from lnlkit.losses.noise_robust import _log_p, _log_p_and_labels
from lnlkit.tensors import wide


def jensen_shannon(logits: Tensor, other: Tensor) -> Tensor:
    """Jensen-Shannon divergence of two predictions, (B,), in nats: (KL(p || m) + KL(q || m)) / 2, m = (p + q) / 2.

    p and q are the softmax of `logits` and `other`, both (B, K). 0 where they agree, log 2 at most, where no class is
    likely in both. The gradient reaches both: detach the one that is to stay.
    Source: Lin 1991; the discrepancy of Xia et al. 2023.
    """
    tensors.same_shape(logits=logits, other=other)
    log_p, log_q = _log_p(logits), _log_p(other)
    log_m = (log_p - math.log(2)).logaddexp(log_q - math.log(2))
    return 0.5 * (log_p.exp() * (log_p - log_m) + log_q.exp() * (log_q - log_m)).sum(1)


def instance_forward(logits: Tensor, y: Tensor, transition_logits: Tensor) -> Tensor:
    """Forward-corrected cross-entropy with a transition matrix an example, (B,): -log sum_i p_i T(x)[i, y].

    Logits (B, K), labels `y` (B,), `transition_logits` (B, K, K), whose softmax over the last axis is T(x): rows sum to
    1. With one T for all it is `losses.forward`. No gradient is stopped: detach the matrices that are to stay.
    Source: Yang et al. 2022, the F-correction of BLTM.
    """
    log_p, y = _log_p_and_labels(logits, y)
    tensors.tensors(transition_logits=transition_logits)
    if transition_logits.shape != (*log_p.shape, log_p.shape[1]):
        raise ValueError(f"`transition_logits` must be {(*log_p.shape, log_p.shape[1])}, a matrix (K, K) an example, "
                         f"but got {tuple(transition_logits.shape)}.")  # fmt: skip
    log_T = wide(transition_logits).log_softmax(2)
    of_label = log_T.gather(2, y[:, None, None].expand(-1, log_T.shape[1], 1))[:, :, 0]  # (B, K): T(x)[i, y]
    return -(log_p + of_label).logsumexp(1)
