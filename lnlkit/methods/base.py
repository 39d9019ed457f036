"""The contract of every method, and plain cross-entropy training."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from lnlkit import losses
from lnlkit.training import Batch, Recipe, TrainingSet, predict


@dataclass
class Method:
    """A training recipe. Override the narrowest of `loss`, `step`, `run_epoch` that suffices.

    Fields are hyper-parameters with the paper's defaults; state made in training ends in `_`. A method with earlier
    stages runs them inside `start` (through `training.fit`); the loop of `fit` runs the last stage.
    """

    task: ClassVar[str] = "classification"  # or "multilabel" or "regression"
    n_nets: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ()  # knowledge beyond noisy labels, shown in every table
    source: ClassVar[str] = ""

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        """Make networks and optimiser. One optimiser serves several networks: each loss reaches only its own."""
        self.recipe_, self.generator_ = recipe, generator
        self.nets_ = nn.ModuleList(self.make_network(recipe, data) for _ in range(self.n_nets))
        self.optimizer_ = recipe.make_optimizer(self.nets_.parameters())

    def make_network(self, recipe: Recipe, data: TrainingSet) -> nn.Module:
        """One network on the run's device: the recipe's, unless a method puts a head of its own on it."""
        return recipe.network(self.n_outputs(data))

    def n_outputs(self, data: TrainingSet) -> int:
        """Outputs of the network: one a class, unless a method adds its own."""
        return data.n_outputs

    def on_epoch_start(self, epoch: int, data: TrainingSet) -> None:
        """Schedules and relabelling."""

    def loss(self, batch: Batch) -> Tensor:
        """The scalar to be minimised on one batch."""
        raise NotImplementedError

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One update; returns detached numbers for the log."""
        loss = self.loss(batch)
        self.optimizer_.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer_.step()
        return {"loss": loss.detach()}

    def run_epoch(self, data: TrainingSet) -> dict[str, float]:
        """One pass over the data; the mean of the steps' numbers."""
        self.nets_.train()
        batches = data.batches(self.recipe_.batch_size, self.generator_, self.recipe_.augment)
        logs = [self.step(batch) for batch in batches]
        return {k: torch.stack([log[k] for log in logs]).mean().item() for k in logs[0]}

    def predict(self, x) -> Tensor:
        """Class probabilities (N, K) on the CPU for uint8 images: the mean over the networks."""
        return torch.stack([predict(net, x) for net in self.nets_]).mean(0)


@dataclass
class CE(Method):
    """Plain cross-entropy on the noisy labels: the baseline of everything."""

    source: ClassVar[str] = "standard training"

    def loss(self, batch: Batch) -> Tensor:
        return losses.cross_entropy(self.nets_[0](batch.x), batch.y).mean()
