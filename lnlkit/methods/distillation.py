"""Distillation: take the examples whose true label is as good as sure, and learn from them how labels get noisy."""

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from lnlkit import checks, losses, tensors
from lnlkit.methods.base import Method
from lnlkit.methods.domains import Count, NotNegative, Share
from lnlkit.methods.echo_quality import kept_at
from lnlkit.methods.stages import stage_recipe, warm_up
from lnlkit.training import Batch, Recipe, TrainingSet, fit, predict, predict_outputs


class Distilled(NamedTuple):
    """Which of N examples are taken, and the label that each gets: only those of the taken ones are meant."""

    kept: Tensor  # (N,) booleans
    labels: Tensor  # (N,) class numbers


def distil(p, rho: float = 0.1) -> Distilled:
    """The examples with max_k p_k > (1 + rho) / 2, and argmax_k p_k, the Bayes label, for each.

    `p` (N, K): probabilities of the noisy label. If p is right and no label is wrong with probability above `rho`,
    whatever the image, then the class above this threshold is the most likely true one: it could not have got there
    by noise alone.
    Source: Cheng et al. 2020, Learning with bounded instance- and label-dependent label noise; Yang et al. 2022.
    """
    p = torch.as_tensor(tensors.probabilities(p))
    best = p.max(1)
    return Distilled(best.values > (1 + checks.fraction(rho, "rho", below_one=False)) / 2, best.indices)


@dataclass
class TransitionNetwork(Method):
    """The Bayes-label transition network: K x K logits an image, whose rows give P(noisy label | Bayes label, image).

    It is trained on distilled examples, with cross-entropy of the noisy label in the row of the Bayes label.
    `bayes_labels` (M,) belong to the M examples of its set; `first` is the network whose weights it starts from, as
    far as they fit, all but those of the last layer.
    """

    bayes_labels: Tensor = field(repr=False)
    first: torch.nn.Module = field(repr=False)

    def n_outputs(self, data: TrainingSet) -> int:
        return data.n_classes**2

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        super().start(recipe, data, generator)
        own = self.nets_[0].state_dict()
        known = {k: v for k, v in self.first.state_dict().items() if k in own and own[k].shape == v.shape}
        self.nets_[0].load_state_dict(own | known)

    def loss(self, batch: Batch) -> Tensor:
        T, bayes = matrices(self.nets_[0](batch.x)), self.bayes_labels[batch.index]
        rows = T[torch.arange(len(T), device=T.device), bayes]  # (B, K)
        return losses.cross_entropy(rows, batch.y).mean()


def matrices(outputs: Tensor) -> Tensor:
    """The outputs (B, K K) of a transition network as logits (B, K, K), a softmax a row."""
    n_classes = round(outputs.shape[1] ** 0.5)
    return outputs.unflatten(1, (n_classes, n_classes))


@dataclass
class BLTM(Method):
    """Bayes-label transition matrix: distil what is sure, learn from it how noise depends on the image, correct by it.

    1. Cross-entropy for `warmup_epochs` (None: as many as the run has).
    2. `distil` with `rho`: `select(x)` gives which examples are taken and their Bayes labels. `distilled_` are the
       training examples', so distilled_.kept.sum() is their number, and how often labels and truth agree there is
       the accuracy that Paper 04's Table 4 compares.
    3. `TransitionNetwork` on them, for `transition_epochs`.
    4. The loop of `fit`: the warmed-up classifier goes on with the loss corrected by each image's own matrix
       (`losses.instance_forward`), with Adam at `lr`, the authors', which only nudges it.

    The guarantee of step 2 asks for a `rho` that bounds every image's own noise rate, which only the noise's maker
    knows; the default, the authors', is below most rates that they try, so what is distilled there is a guess.
    Earlier stages have the recipe's optimiser (theirs: SGD, 0.01, momentum 0.9, batches of 128).

    Notes: Differences from the authors' code (ShuoYang-1998/BLTM). Theirs takes the warm-up epoch, and the final one,
    of the best clean test accuracy; a method here sees no validation set, so the last warm-up epoch is taken, and
    selection of the final one is the protocol's. Theirs makes one step an epoch on the transition network, on the last
    batch alone (the step stands outside of the loop), here one a batch. Theirs also learns a matrix that is added to
    all T(x), and then divides by the sums of columns instead of rows; at its learning rate that matrix stays below
    0.004, and it is left out here.
    """

    source: ClassVar[str] = (
        "Yang et al. 2022, Estimating instance-dependent Bayes-label transition matrix using a deep neural network"
    )

    rho: Share = 0.1
    warmup_epochs: Count | None = 10
    transition_epochs: Count = 50
    lr: NotNegative = 5e-7
    weight_decay: NotNegative = 1e-4

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        self.warm_net_ = warm_up(recipe, self.warmup_epochs, data, generator).nets_[0]
        self.distilled_ = self.select(data.x)
        super().start(recipe, data, generator)
        self.nets_[0].load_state_dict(self.warm_net_.state_dict())
        self.optimizer_ = torch.optim.Adam(self.nets_.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        self.transition_net_ = self._learn_transitions(recipe, data, generator)

    def _learn_transitions(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> torch.nn.Module:
        kept = self.distilled_.kept.to(data.device)
        if (n := int(kept.sum())) < self.smallest_batch_:
            raise ValueError(
                f"`rho` must let examples be distilled, but at {self.rho:g} the warmed-up network gives "
                f"{n} of {len(data)} a label. Train it longer (warmup_epochs), or take a smaller rho."
            )
        sure = TrainingSet(data.x[kept], data.y[kept], data.n_classes)
        method = TransitionNetwork(self.distilled_.labels.to(data.device)[kept], self.warm_net_)
        fit(method, sure, stage_recipe(recipe, self.transition_epochs), seed=generator.initial_seed())
        return method.nets_[0].eval()

    def select(self, x) -> Distilled:
        """Which of the images the warmed-up network distils, and their Bayes labels, on the CPU."""
        return distil(predict(self.warm_net_, x), self.rho)

    def transitions(self, x) -> Tensor:
        """T(x) (N, K, K) on the CPU for uint8 images: T[n, i, j] = P(noisy = j | Bayes label = i, image n)."""
        return matrices(predict_outputs(self.transition_net_, x)).softmax(2)

    def diagnose(self, splits) -> dict[str, float]:
        """How many training examples are distilled, which share of all, and how many of their labels are the truth.

        kept_at_96 and its like: the share that could be distilled at that accuracy, whatever `rho`.
        """
        kept, labels = (part.numpy() for part in self.distilled_)
        right = labels == splits.train.y_clean
        found = {"distilled": int(kept.sum()), "distilled_share": float(kept.mean()),
                 "distilled_accuracy": float(right[kept].mean())}  # fmt: skip
        return found | kept_at(predict(self.warm_net_, splits.train.x).max(1).values.numpy(), right)

    def loss(self, batch: Batch) -> Tensor:
        with torch.no_grad():
            T = matrices(self.transition_net_(batch.x))
        return losses.instance_forward(self.nets_[0](batch.x), batch.y, T).mean()
