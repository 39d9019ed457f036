"""Label refurbishment: replace the noisy labels by better ones that training itself produces."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lnlkit import losses
from lnlkit.methods.base import CE, Method
from lnlkit.methods.domains import Count
from lnlkit.methods.stages import stage_recipe
from lnlkit.training import Batch, Recipe, TrainingSet, average_predictions


class OnSoftLabels(Method):
    """Cross-entropy against `soft_labels_` (N, K), one distribution an example."""

    soft_labels_: Tensor

    def loss(self, batch: Batch) -> Tensor:
        return losses.soft_cross_entropy(self.nets_[0](batch.x), self.soft_labels_[batch.index]).mean()


@dataclass
class SEAL(OnSoftLabels):
    """Self-evolution average label: train on the network's own predictions, averaged over a run, again and again.

    Iteration 0 trains with cross-entropy on the noisy labels. After each of its epochs the softmax of every training
    example is taken in evaluation mode; their mean over all epochs, early ones included, is the soft label of the
    next iteration, which starts from a fresh network and fits the soft labels (`losses.soft_cross_entropy`). The
    noisy label itself is not mixed in again. `iterations` counts those on soft labels: 10 on MNIST, 3 on CIFAR-10
    and Clothing1M; the last one is the loop of `fit`, all others run inside `start`. A run so costs `iterations` + 1
    trainings. `stage_epochs` is the length of the earlier ones (None: as many as the run has; published: 50 on MNIST).
    `soft_labels_` (N, K) are those of the last iteration.

    Notes: Differences from the authors' code. Theirs runs an iteration per call and hands the soft labels on in files;
    here one run does all. As in theirs, every iteration has the same seed, so iteration 0 is the CE run.
    """

    source: ClassVar[str] = "Chen et al. 2021, Beyond class-conditional assumption (SEAL)"

    iterations: Count = 10
    stage_epochs: Count | None = None

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        stage, method = stage_recipe(recipe, self.stage_epochs), CE()
        for _ in range(self.iterations):
            S = average_predictions(method, data, stage, seed=generator.initial_seed()).to(data.device)
            method = OnSoftLabels()
            method.soft_labels_ = S
        self.soft_labels_ = S
        super().start(recipe, data, generator)
