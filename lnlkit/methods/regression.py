"""Regression: a plain network, and a loss that decides how far an outlier can pull."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lnlkit import checks, losses, tensors
from lnlkit.methods.base import Method
from lnlkit.methods.domains import CountFromZero, NotNegative, Positive
from lnlkit.training import Batch, Recipe, TrainingSet, predict_outputs


@dataclass
class Regression(Method):
    """The base of regression methods: the outputs of the network are the predicted targets."""

    task: ClassVar[str] = "regression"

    def predict(self, x) -> Tensor:
        """Predicted targets (N, D) on the CPU for inputs (N, d)."""
        return predict_outputs(self.nets_[0], x)


@dataclass
class L2(Regression):
    """Mean squared error: fits the mean of the targets, which every outlier moves."""

    source: ClassVar[str] = "standard training"

    def loss_of(self, outputs: Tensor, batch: Batch) -> Tensor:
        return ((batch.y - outputs) ** 2).mean()


@dataclass
class L1(Regression):
    """Mean absolute error: fits the median of the targets."""

    source: ClassVar[str] = "standard training"

    def loss_of(self, outputs: Tensor, batch: Batch) -> Tensor:
        return (batch.y - outputs).abs().mean()


@dataclass
class RobustLoss(Regression):
    """Tukey's biweight of residuals in units of their spread: points beyond c spreads have no gradient at all.

    The spread of each output is `spread` of the batch's residuals, taken as a constant by the gradient. The first
    `wide_steps` updates use `widening` times the spread, so that the untrained network is pulled by nearly all points.
    The loss is spread * tukey(residual / spread), so that its gradient is tukey'(residual / spread) as in the authors'
    code: bounded, and not larger for being close to the targets.

    Targets should be standardised and batches hold dozens of examples. Residuals that all lie further from 0 than c
    spreads leave nothing to learn from; in a batch of one example the spread is 0.

    Paper 05 names this loss "RL" and gives no settings. c, the widening and the gradient are those of the code of
    Belagiannis et al. (bazilas/matconvnet-deepReg), which rounds c to 4.685; the smallest spread is this kit's choice.
    """

    source: ClassVar[str] = "Belagiannis et al. 2015, Robust optimization for deep regression"

    c: Positive = 4.6851
    leak: NotNegative = 0.0
    widening: Positive = 7.0
    wide_steps: CountFromZero = 50

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        super().start(recipe, data, generator)
        self.steps_ = 0

    def loss(self, batch: Batch) -> Tensor:
        residual = batch.y - self.nets_[0](batch.x)  # (B, D)
        scale = spread(residual.detach()) * (self.widening if self.steps_ < self.wide_steps else 1.0)
        return (scale * losses.tukey(residual / scale, self.c, self.leak)).mean()

    def step(self, batch: Batch) -> dict[str, Tensor]:
        numbers = super().step(batch)
        self.steps_ += 1
        return numbers


@dataclass
class LeakyRobustLoss(RobustLoss):
    """`RobustLoss` that goes on rising beyond c spreads, with slope `leak`: far points keep a small gradient.

    Paper 05 compares with a "LeakyRL" that its text does not define: this form and the slope are this kit's choice.
    """

    source: ClassVar[str] = "named in Choi et al. 2020 (Paper 05, Table 1), after Belagiannis et al. 2015"

    leak: NotNegative = 0.1


def spread(residual: Tensor, smallest: float = 1e-6) -> Tensor:
    """Robust standard deviation of residuals (B, D), (D,): 1.4826 * median |r - median r|, at least `smallest`.

    For Gaussian residuals it estimates their standard deviation; outliers, if fewer than half, hardly move it.
    """
    tensors.same_shape(residual=residual)
    checks.positive(smallest, "smallest")
    deviation = (residual - residual.quantile(0.5, dim=0)).abs()
    return (1.4826 * deviation.quantile(0.5, dim=0)).clamp_min(smallest)
