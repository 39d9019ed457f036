"""What shapes features without labels: restored images and informative clusters (Paper 03)."""

import torch
from torch import Tensor

from lnlkit import tensors
from lnlkit.tensors import wide


def restoration(restored: Tensor, x: Tensor) -> Tensor:
    """Squared error of each restored image, (B,), averaged over its values. Paper 03, Eq. (4).

    restored and x are (B, ...) of the same shape, pixels in [0, 1]. The paper prints the sum, which is this times the
    number of values of an image (784 on MNIST, 3,072 on CIFAR-10), and a weight of 1 in Eq. (14).
    """
    tensors.same_shape(restored=restored, x=x)
    return (wide(restored) - wide(x)).square().flatten(1).mean(1)


def mutual_information(logits: Tensor) -> Tensor:
    """I(x; c) of a batch and its clusters, a scalar in nats, from 0 to log C: to be maximised.

    logits (B, C) of the cluster of each example. H(c) is the entropy of the *mean* assignment of the batch, H(c | x)
    the mean entropy of an assignment: high where all clusters are used and each example is sure of its own:
    Paper 03, Eq. (6), Eq. (10) and Eq. (11). The paper prints the last two for one example, where their difference is
    the constant -log C, without any gradient. Needs batches much larger than C. Source: Krause et al. 2010.
    """
    tensors.tensors(logits=logits)
    if logits.ndim != 2:
        raise ValueError(f"`logits` must be (B, C), one row an example, but got shape {tuple(logits.shape)}.")
    log_p = wide(logits).log_softmax(1)
    log_mean = torch.logsumexp(log_p, 0) - log_p.new_tensor(float(len(log_p))).log()
    return -(log_mean.exp() * log_mean).sum() + (log_p.exp() * log_p).sum(1).mean()
