"""Methods for several labels an example, each a Bernoulli: plain training and bootstrapping."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from lnlkit import losses
from lnlkit.methods.base import Method
from lnlkit.methods.domains import Share
from lnlkit.training import Batch, predict_outputs


class MultiLabelMethod(Method):
    """A method whose labels are vectors (B, K) of 0 and 1 and whose network says one logit a label.

    `nets_[0]` is the classifier P(z | x): it alone predicts. Other modules of a method may follow it in `nets_`.
    """

    task: ClassVar[str] = "multilabel"

    @property
    def classifier_(self) -> nn.Module:
        return self.nets_[0]

    def predict(self, x) -> Tensor:
        """Probabilities (N, K) on the CPU that each label is right for images or features, each row on its own."""
        return predict_outputs(self.classifier_, x).sigmoid()


@dataclass
class BCE(MultiLabelMethod):
    """Plain binary cross-entropy on the noisy labels: Resnet-N and MLP-N of Paper 02."""

    source: ClassVar[str] = "standard training"

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        return losses.binary_cross_entropy(logits, batch.y).mean()


@dataclass
class Bootstrap(MultiLabelMethod):
    """Labels mixed with the network's own prediction, `losses.bootstrap`.

    beta: weight of the label; None takes the authors' 0.95 (soft) or 0.8 (hard). Paper 02 compares with this method
    and says neither which form nor which beta.
    """

    source: ClassVar[str] = "Reed et al. 2015, Training deep neural networks on noisy labels with bootstrapping"

    hard: bool = False
    beta: Share | None = None

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        beta = self.beta if self.beta is not None else 0.8 if self.hard else 0.95
        return losses.bootstrap(logits, batch.y, beta, self.hard).mean()
