"""Robust losses: another loss in place of cross-entropy, nothing else changed."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lnlkit import losses
from lnlkit.methods.base import Method
from lnlkit.methods.domains import Count, NotNegative, Rate, Share
from lnlkit.methods.stages import warm_up
from lnlkit.training import Batch, Recipe, TrainingSet


@dataclass
class GCE(Method):
    """Generalised cross-entropy, (1 - p_y^q) / q: between cross-entropy (q = 0) and 1 - p_y (q = 1).

    This is the plain loss L_q. The paper's truncated variant, which also drops examples whose p_y is below a threshold,
    is not part of it.
    """

    source: ClassVar[str] = "Zhang and Sabuncu 2018, Generalized cross entropy loss for training with noisy labels"

    q: Share = 0.7

    def loss(self, batch: Batch) -> Tensor:
        return losses.gce(self.nets_[0](batch.x), batch.y, self.q).mean()


@dataclass
class ChoiceLoss(Method):
    """The loss of Paper 05, Eq. (9), on a plain head: lambda_reg logsumexp(logits) - p_y, one component, no block.

    1 - p_y is half the L1 distance between the prediction and the label, robust by itself. What ChoiceNet gains over
    this is what its block adds; Paper 05 does not make that comparison. `lambda_reg` is the default of `ChoiceNet`.

    Adding one number to all logits leaves p_y as it is and lowers logsumexp, so this loss has no lower bound: the
    logits drift towards minus infinity, the faster the larger `lambda_reg` and the learning rate, and the network can
    fail to learn. The authors' code has 1e-2 with a learning rate of 1e-5. The paper prints one value, 1e-3, and calls
    it enlarged, so its own default is smaller: 1e-4 here.
    """

    source: ClassVar[str] = "Choi et al. 2020 (Paper 05), Eq. (9) without the Cholesky block: this kit's ablation"

    lambda_reg: NotNegative = 1e-4

    def loss(self, batch: Batch) -> Tensor:
        logits = self.nets_[0](batch.x)[:, None]  # (B, 1, K)
        return losses.choice(logits, batch.y, logits.new_zeros(len(logits), 1), self.lambda_reg).mean()


@dataclass
class DMI(Method):
    """Determinant-based mutual information loss, continuing from a network trained with cross-entropy.

    `warmup_epochs` of cross-entropy (None: as many as the run has) run inside `start`. The loop of `fit` then runs the
    DMI epochs, with an optimiser of its own: SGD with the three values below, the authors', because the gradient of a
    log-determinant has another scale than the recipe's learning rate is made for. At 1e-6 it only nudges the CE
    network; the authors take 100 such epochs. A schedule in the recipe acts on this optimiser too.

    Batches must hold many examples of every class: a class without any makes the determinant 0, and the batch then
    has no gradient. A last batch that is not full is skipped, as in the authors' code, because the determinant of an
    un-normalised joint matrix depends on the size of the batch.

    Notes: Differences from the authors' code. Theirs starts from the CE network of the best noisy-validation epoch and
    keeps the best one by the accuracy on the first noisy-validation batch only; here it starts from the last CE
    epoch, and selection is the protocol's, over the whole validation set. Theirs makes a new optimiser every epoch,
    which forgets the momentum; here one optimiser serves the run.
    """

    source: ClassVar[str] = "Xu et al. 2019, L_DMI: a novel information-theoretic loss function"

    lr: NotNegative = 1e-6
    momentum: Rate = 0.9
    weight_decay: NotNegative = 1e-4
    warmup_epochs: Count | None = None

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        if not data.n_classes <= recipe.batch_size <= len(data):
            raise ValueError(
                f"`batch_size` must be between the number of classes ({data.n_classes}) and the number of training "
                f"examples ({len(data)}) for DMI, which uses full batches only, but got {recipe.batch_size}.")
        absent = sorted(set(range(data.n_classes)) - set(data.y.unique().tolist()))
        if absent:
            raise ValueError(
                f"`y` must hold every class for DMI, but class {absent[0]} never occurs: the determinant is 0 in every "
                "batch and nothing would be learned. Number the classes without it.")
        ce = warm_up(recipe, self.warmup_epochs, data, generator)
        super().start(recipe, data, generator)
        self.nets_.load_state_dict(ce.nets_.state_dict())
        self.optimizer_ = torch.optim.SGD(
            self.nets_.parameters(), lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay)

    def loss(self, batch: Batch) -> Tensor:
        return losses.dmi(self.nets_[0](batch.x), batch.y)

    def run_epoch(self, data: TrainingSet) -> dict[str, float]:
        self.nets_.train()
        batches = data.batches(self.recipe_.batch_size, self.generator_, self.recipe_.augment, drop_last=True)
        steps = [self.step(batch)["loss"] for batch in batches]
        return {"loss": torch.stack(steps).mean().item()}
