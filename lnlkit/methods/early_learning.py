"""Early learning: a network fits the right labels first; hold it to what it believed then."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lnlkit import losses
from lnlkit.losses.soft_targets import bounded_probabilities
from lnlkit.methods.base import Method
from lnlkit.methods.domains import NotNegative, Share
from lnlkit.training import Batch, Recipe, TrainingSet, predict


@dataclass
class ELR(Method):
    """Early-learning regularisation: CE + lam log(1 - <p, t>), t an example's own earlier predictions.

    The penalty is `losses.early_learning`. `targets_` (N, K) are the temporal ensemble t: 0 at first, and at each visit
    of an example, before its loss is taken, t <- beta t + (1 - beta) p, so after n visits they sum to 1 - beta^n. With
    lam = 0, or beta = 1, it is cross-entropy. The labels are never changed; the pull of t cancels that of a wrong one.
    The log has the mean `penalty`, which falls from 0 towards -9.2 as the network comes to agree with its own past.

    lam and beta are the authors' for symmetric noise on CIFAR-10; for asymmetric noise they take 1 and 0.9, for
    CIFAR-100 7 and 0.9. What happens before memorising begins counts in visits: where a run has few batches, a large
    beta leaves t small and the penalty weak. This is ELR with one network, without the weight averaging, mixup and
    second network of ELR+.

    Notes: As in the authors' code (shengliu66/ELR), p is held in [1e-4, 1 - 1e-4] in the loss and in t, for which it is
    normalised again. Theirs restarts a cosine schedule every 10 epochs; a schedule belongs to the recipe here.
    """

    source: ClassVar[str] = "Liu et al. 2020, Early-learning regularization prevents memorization of noisy labels"

    lam: NotNegative = 3.0
    beta: Share = 0.7

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        super().start(recipe, data, generator)
        self.targets_ = torch.zeros(len(data), data.n_classes, device=data.device)

    def loss(self, batch: Batch) -> Tensor:
        logits = self.nets_[0](batch.x)
        p = bounded_probabilities(logits.detach())
        seen = self.beta * self.targets_[batch.index] + (1 - self.beta) * p / p.sum(1, keepdim=True)
        self.targets_[batch.index] = seen
        penalty = losses.early_learning(logits, seen).mean()
        self.penalty_ = penalty.detach()
        return losses.cross_entropy(logits, batch.y).mean() + self.lam * penalty

    def step(self, batch: Batch) -> dict[str, Tensor]:
        return super().step(batch) | {"penalty": self.penalty_}

    def diagnose(self, splits) -> dict[str, float]:
        """Of the examples with a wrong label: how many targets name the true class, how many predictions the label.

        target_accuracy: the share of all examples whose target is largest at the true class.
        """
        train, named = splits.train, self.targets_.argmax(1).cpu().numpy()
        wrong, right = train.y != train.y_clean, named == train.y_clean
        found = {"target_accuracy": float(right.mean())}
        if wrong.any():
            predicted = predict(self.nets_[0], train.x).argmax(1).numpy()
            found |= {"wrong_corrected": float(right[wrong].mean()),
                      "wrong_memorised": float((predicted == train.y)[wrong].mean())}  # fmt: skip
        return found
