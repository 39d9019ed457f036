"""Mixture density networks: ChoiceNet's mixture without the correlation between its components."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from lnlkit import checks, losses, models
from lnlkit.methods.choicenet import ChoiceNetwork, HasMixture, Mixture
from lnlkit.methods.domains import Count, NotNegative
from lnlkit.training import Batch, Recipe, TrainingSet, predict_outputs


class IndependentBlock(nn.Module):
    """K components on features h (B, Q), each with linear layers of its own: weights, means and log variances.

    Variances are exp(linear) + tau_inv, one for each component and output. No correlation is modelled: the `rho` of its
    mixtures is 0. So no component is the target's by construction; the prediction is the mean of the component with
    the largest weight.
    """

    def __init__(self, n_features: int, n_outputs: int, *, K: int, tau_inv: float):
        super().__init__()
        self.K, self.tau_inv = checks.positive_int(K, "K"), checks.not_negative(tau_inv, "tau_inv")
        self.to_pi = nn.Linear(n_features, K)
        self.to_mu, self.to_log_var = nn.Linear(n_features, K * n_outputs), nn.Linear(n_features, K * n_outputs)

    def forward(self, h: Tensor) -> Tensor:
        """The mean (B, D) of the most probable component."""
        mixture = self.mixture(h)
        return mixture.mu[torch.arange(len(h), device=h.device), mixture.log_pi.argmax(1)]

    def mixture(self, h: Tensor, sample: bool = False) -> Mixture:
        """The mixture for features (B, Q). Nothing in it is sampled, so `sample` changes nothing."""
        log_pi = self.to_pi(h).log_softmax(1)
        mu, log_var = (layer(h).unflatten(1, (self.K, -1)) for layer in (self.to_mu, self.to_log_var))  # (B, K, D)
        return Mixture(log_pi, mu, log_var.clamp(max=20.0).exp() + self.tau_inv, torch.zeros_like(log_pi))


class IndependentMixture(HasMixture):
    """A network whose last linear layer is replaced by an `IndependentBlock`."""

    K: int
    tau_inv: float

    def make_network(self, recipe: Recipe, data: TrainingSet) -> nn.Module:
        body, n_features = models.split_head(recipe.network(self.n_outputs(data)))
        block = IndependentBlock(n_features, self.n_outputs(data), K=self.K, tau_inv=self.tau_inv)
        return ChoiceNetwork(body, block).to(recipe.device)


@dataclass
class MDN(IndependentMixture):
    """Mixture density network: negative log likelihood of a Gaussian mixture; regression.

    K components, five in Paper 05; tau_inv: the smallest variance, that of `ChoiceNetRegression`. It predicts the mean
    of the component with the largest weight.

    Notes: Differences from Paper 05's authors' code. Their baseline has the same number as standard deviation in the
    quadratic term and as variance in the logarithm, so it is no density; here it is one. Theirs has 10 components.
    """

    task: ClassVar[str] = "regression"
    source: ClassVar[str] = "Bishop 1994, Mixture density networks"

    K: Count = 5
    tau_inv: NotNegative = 1e-2

    def loss(self, batch: Batch) -> Tensor:
        mixture = self.nets_[0].mixture(batch.x, sample=True)
        return losses.mixture_nll(batch.y, mixture.log_pi, mixture.mu, mixture.var).mean()

    def predict(self, x) -> Tensor:
        """Predicted targets (N, D) on the CPU: the mean of the most probable component."""
        return predict_outputs(self.nets_[0], x)


@dataclass
class MDNClassification(IndependentMixture):
    """ChoiceNet without correlation: independent components as logits, with the loss of Paper 05, Eq. (9).

    Each component's logits get Gaussian noise of its variance in training. The prediction is the softmax of the
    component with the largest weight. Defaults are those of `ChoiceNet`, so that only the block differs; Paper 05
    reports an MDN in Table 2 and does not say what its loss was. On `lambda_reg` see `robust.ChoiceLoss`.
    """

    source: ClassVar[str] = "Bishop 1994, Mixture density networks; for classification in Paper 05, Table 2"

    K: Count = 10
    tau_inv: NotNegative = 1e-4
    lambda_reg: NotNegative = 1e-4

    def loss(self, batch: Batch) -> Tensor:
        mixture = self.nets_[0].mixture(batch.x, sample=True)
        logits = mixture.mu + mixture.var.sqrt() * torch.randn_like(mixture.mu)
        return losses.choice(logits, batch.y, mixture.log_pi, self.lambda_reg).mean()
