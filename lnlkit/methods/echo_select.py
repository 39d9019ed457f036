"""EchoSelect: which originals to keep, by how little their modified copies differ (Paper 04, Section 4.2)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnlkit import checks, losses, tensors
from lnlkit.methods.base import CE
from lnlkit.methods.restoration import Views
from lnlkit.methods.stages import stage_recipe
from lnlkit.training import AT_ONCE, Recipe, TrainingSet, as_images, asked, fit, to_unit


def similarity(z_modified: Tensor, z: Tensor) -> Tensor:
    """Cosine of the features of each modified image and of its original, (N,), from (N, D). Paper 04, Eq. (1)."""
    tensors.same_shape(z_modified=z_modified, z=z)
    return F.cosine_similarity(z_modified, z, dim=1)


def select(similarities: Tensor, threshold: float) -> Tensor:
    """Which originals stay, bool (N,): S >= tau. Of the others the modified image goes in. Paper 04, Algorithm 1."""
    tensors.tensors(similarities=similarities)
    return similarities >= checks.between(threshold, "threshold", -1, 1)


class NetworkFeatures:
    """Features before the last linear layer of a classifier: what stands for CLIP's image encoder here."""

    def __init__(self, net: nn.Module):
        self.views = Views(net)

    def __call__(self, x) -> Tensor:
        """Features (N, D), on the CPU, of uint8 images (N, ...)."""
        x, device = as_images(x), next(self.views.net.parameters()).device
        with asked(self.views.net, x):
            return torch.cat([self.views.look(to_unit(part.to(device))).features.cpu() for part in x.split(AT_ONCE)])


def early_features(data: TrainingSet, recipe: Recipe, epochs: int, seed: int) -> NetworkFeatures:
    """Features of a network that was trained on the noisy labels for so few epochs that it knows few by heart."""
    ce = CE()
    fit(ce, data, stage_recipe(recipe, epochs), seed=seed)
    return NetworkFeatures(ce.nets_[0])


class _MeanLoss(CE):
    """Cross-entropy training that sums each example's loss over the epochs."""

    def start(self, recipe, data, generator):
        super().start(recipe, data, generator)
        self.sums_ = torch.zeros(len(data), device=data.device)

    def loss_of(self, logits, batch):
        each = losses.cross_entropy(logits, batch.y)
        self.sums_[batch.index] += each.detach()
        return each.mean()


def mean_losses(data: TrainingSet, recipe: Recipe, epochs: int, seed: int) -> Tensor:
    """Each example's cross-entropy, averaged over the epochs of a training of its own, (N,)."""
    ce = _MeanLoss()
    fit(ce, data, stage_recipe(recipe, epochs), seed=seed)
    return ce.sums_ / epochs


def small_loss(losses: Tensor, data: TrainingSet, noise_rate: float) -> Tensor:
    """Which examples the authors' code keeps at symmetric noise, bool (N,): of each given class those of small loss.

    losses: (N,), of `mean_losses`. Of a class min(1 - 1.2 r, 0.9 (1 - r)) stay, r being the noise rate, which it has to
    know. Source: small_loss_trick.py of KevinCarpricorn/EchoAlign; the paper says that CLIP selects.
    """
    rate = checks.fraction(noise_rate, "noise_rate")
    keep = max(0.0, min(1 - 1.2 * rate, 0.9 * (1 - rate)))
    chosen = torch.zeros(len(data), dtype=torch.bool, device=data.device)
    for label in range(data.n_classes):
        members = (data.y == label).nonzero()[:, 0]
        chosen[members[losses[members].argsort(stable=True)[: int(keep * len(members) + 1e-9)]]] = True
    return chosen
