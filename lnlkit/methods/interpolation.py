"""Interpolation: train on blends of two examples and of their labels."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from lnlkit import losses
from lnlkit.methods.base import Method
from lnlkit.methods.domains import NotNegative
from lnlkit.training import Batch


@dataclass
class Mixup(Method):
    """Cross-entropy on x = lam x_a + (1 - lam) x_b: lam CE(y_a) + (1 - lam) CE(y_b).

    The partners b are the batch in another order. One lam a batch is drawn from Beta(alpha, alpha). `alpha` = 0 is
    plain cross-entropy, 1 draws lam evenly from [0, 1], and the larger it is, the closer lam comes to 1/2. The default
    1 is that of the authors' code for CIFAR-10, meant for clean labels; their experiments on corrupted labels use
    values up to 32.

    Notes: As in the authors' code, images are mixed within a batch and lam is shared by all of it; the code of Paper 05
    draws one lam for each example from Beta(0.5, 0.5).
    """

    source: ClassVar[str] = "Zhang et al. 2018, mixup: beyond empirical risk minimization"

    alpha: NotNegative = 1.0

    def draw(self, batch_size: int) -> tuple[float, Tensor]:
        """The weight lam of the first of two examples, and the positions (B,) of the second ones in the batch."""
        if self.alpha == 0:
            return 1.0, torch.arange(batch_size)
        seed = int(torch.randint(2**62, (1,), generator=self.generator_))  # torch's Beta takes no generator
        lam = np.random.default_rng(seed).beta(self.alpha, self.alpha)
        return float(lam), torch.randperm(batch_size, generator=self.generator_)

    def loss(self, batch: Batch) -> Tensor:
        lam, partner = self.draw(len(batch.y))
        partner = partner.to(batch.y.device)
        logits = self.nets_[0](lam * batch.x + (1 - lam) * batch.x[partner])
        own, other = (losses.cross_entropy(logits, y).mean() for y in (batch.y, batch.y[partner]))
        return lam * own + (1 - lam) * other
