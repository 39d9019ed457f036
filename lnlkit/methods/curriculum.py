"""Curricula: every example gets a weight that is decided from its loss."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnlkit import checks, data, losses, models, noise, seeds
from lnlkit.methods.base import Method
from lnlkit.methods.domains import Count, Rate, Share
from lnlkit.training import Batch, Recipe, TrainingSet, fit


class Mentor(nn.Module):
    """Log odds (B,) that a label is right, from features (B, 3): one hidden layer of 20 tanh units.

    Features are the loss, the loss minus the moving percentile, and the share of the run that is over (`features`).
    They are standardised with the mean and deviation of the examples it is made for.
    """

    def __init__(self, examples: Tensor):
        super().__init__()
        self.register_buffer("mean", examples.mean(0))
        self.register_buffer("scale", examples.std(0).clamp_min(1e-6))
        self.layers = nn.Sequential(nn.Linear(3, 20), nn.Tanh(), nn.Linear(20, 1))

    def forward(self, features: Tensor) -> Tensor:
        return self.layers((features - self.mean) / self.scale).squeeze(1)


def features(values: Tensor, threshold: Tensor, progress: float) -> Tensor:
    """What a mentor sees of a batch with these losses (B,): three columns, (B, 3)."""
    return torch.stack([values, values - threshold, torch.full_like(values, progress)], 1)


@dataclass
class MentorNet(Method):
    """Each example's loss times a weight, which a mentor sets from the loss: small losses first.

    Mentor "predefined" (self-paced): weight 1 where the loss is at most lambda, else 0. lambda is the moving average
    (`decay`) of the batches' `percentile`-th loss percentile. Mentor "learned": the weight is the probability that
    the label is right according to a small network (`Mentor`), trained beforehand on a task whose corruption is known
    and then frozen (`train_mentor`); in the first `burn_in` of the epochs it gives all examples weight 1.

    With either, a share of each batch, chosen at random, gets weight 0 (example dropout): `dropout_burn_in` in the
    first `burn_in` of the epochs, `dropout` afterwards. The loss is the sum of weight times loss over the batch size.

    No noise rate goes in, but the authors set `percentile` by it: 0.75 at 20 and 40 % noise, 0.5 at 80 % (learned: 0.8,
    0.6 and 0.5), so choosing it well takes that knowledge. The learned mentor also needs the clean labels of its
    source task, here the built-in 8x8 digits with `source_rate` symmetric noise. Where the run's own data are those
    digits, that is knowledge of the run's clean labels: do not compare it there with methods that have none.

    Notes: Differences from the authors' code. Their mentor is an LSTM trained on far more; this one is a stand-in that
    has seen one run of `source_epochs` on the digits. Theirs has the label as a fourth input, but feeds it zeros; here
    it is left out, because classes of one task mean nothing in another. Besides this self-paced mentor they have a
    predefined one that mixes it with weights linear in the loss. Their moving average begins at 0, here at the first
    batch's percentile. Their learned mentor sees the same epoch after the burn-in, and drops 90 % of the examples in
    the last 5 % of the run; here neither.
    """

    source: ClassVar[str] = "Jiang et al. 2018, MentorNet: learning data-driven curriculum for very deep networks"

    mentor: Literal["predefined", "learned"] = "predefined"
    percentile: Share = 0.75
    decay: Rate = 0.5
    burn_in: Share = 0.17
    dropout_burn_in: Rate = 0.5
    dropout: Rate = 0.05
    source_rate: Rate = 0.2
    source_epochs: Count = 20

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        super().start(recipe, data, generator)
        self.threshold_, self.mentor_ = None, None
        if self.mentor == "learned":
            seed = generator.initial_seed()  # not a draw: order and weights stay those of the CE run
            self.mentor_ = train_mentor(self.source_rate, self.source_epochs, self.percentile, self.decay, seed)
            self.mentor_.to(recipe.device)

    def on_epoch_start(self, epoch: int, data: TrainingSet) -> None:
        self.progress_ = epoch / self.recipe_.epochs

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        values = losses.cross_entropy(logits, batch.y)  # (B,)
        return (self.weights(values.detach()) * values).mean()

    def weights(self, values: Tensor) -> Tensor:
        """Weights (B,) in [0, 1] for these losses (B,), which also move lambda on."""
        now = values.quantile(self.percentile)
        self.threshold_ = now if self.threshold_ is None else self.decay * self.threshold_ + (1 - self.decay) * now
        burning_in = self.progress_ < self.burn_in
        if self.mentor_ is None:
            v = (values <= self.threshold_).to(values.dtype)
        elif burning_in:
            v = torch.ones_like(values)
        else:
            v = self.mentor_(features(values, self.threshold_, self.progress_)).sigmoid()
        return self._drop(v, self.dropout_burn_in if burning_in else self.dropout)

    def _drop(self, v: Tensor, rate: float) -> Tensor:
        """The weights with all but int((1 - rate) B) of them, at least one, set to 0."""
        if rate == 0:
            return v
        n_kept = max(1, int((1 - rate) * len(v) + 1e-9))
        kept = torch.randperm(len(v), generator=self.generator_)[:n_kept].to(v.device)
        return torch.zeros_like(v).index_copy_(0, kept, v[kept])


class SourceRun(MentorNet):
    """A cross-entropy run that notes every example's features in every step, and whether its label was right."""

    right: Tensor  # (N,) known, because the labels were corrupted on purpose

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        super().start(recipe, data, generator)
        self.features_, self.targets_ = [], []

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        values = losses.cross_entropy(logits, batch.y)
        self.weights(values.detach())
        self.features_.append(features(values.detach(), self.threshold_, self.progress_))
        self.targets_.append(self.right[batch.index])
        return values.mean()


def source_features(noise_rate: float, epochs: int, percentile: float, decay: float, seed: int) -> tuple:
    """Features (M, 3) and whether the label was right (M,), 0 or 1, from a small run on digits with symmetric noise."""
    digits = data.load("digits")
    rng = np.random.default_rng(seeds.derive(seed, "mentor's noise"))
    y = noise.corrupt(digits.y_train, noise.symmetric(10, noise_rate), rng)
    recipe = Recipe(
        lambda n_outputs=None: models.build("mlp", (1, 8, 8), 10), lambda p: torch.optim.Adam(p, lr=3e-3),
        epochs=checks.positive_int(epochs, "source_epochs"), batch_size=128)  # fmt: skip
    run = SourceRun(percentile=percentile, decay=decay, dropout_burn_in=0.0, dropout=0.0)
    run.right = torch.from_numpy(y == digits.y_train).float()
    fit(run, data.Labelled(digits.x_train, y, 10), recipe, seed=seeds.derive(seed, "mentor's source run"))
    return torch.cat(run.features_), torch.cat(run.targets_)


def train_mentor(noise_rate: float, epochs: int, percentile: float, decay: float, seed: int) -> Mentor:
    """A frozen mentor, trained with binary cross-entropy to tell right labels from wrong ones (`source_features`)."""
    examples, right = source_features(noise_rate, epochs, percentile, decay, seed)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seeds.derive(seed, "mentor"))
        mentor = Mentor(examples)
    optimizer = torch.optim.Adam(mentor.parameters(), lr=0.01)
    draw = torch.Generator().manual_seed(seeds.derive(seed, "mentor's batches"))
    for _ in range(400):
        index = torch.randint(len(right), (1024,), generator=draw)
        loss = F.binary_cross_entropy_with_logits(mentor(examples[index]), right[index])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return mentor.eval().requires_grad_(False)
