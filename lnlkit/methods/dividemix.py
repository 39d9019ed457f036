"""Selection with semi-supervised learning: labels that look wrong are dropped, their images stay."""

import itertools
import math
import warnings
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from lnlkit import checks, losses, tensors
from lnlkit.methods.domains import Count, CountFromZero, NotNegative, Positive, Rate
from lnlkit.methods.interpolation import Mixup
from lnlkit.methods.selection import judge_selection
from lnlkit.training import Batch, Recipe, TrainingSet, predict_outputs


def clean_probability(values, seed: int = 0) -> Tensor:
    """P(the label is right) of each example, (N,), from losses (N,): its loss belongs to the lower of two Gaussians.

    The losses are brought to [0, 1] and a mixture of two Gaussians is fitted to them, with the authors' settings. Its
    answer need not fall with the loss everywhere: the wider Gaussian wins on both sides of the narrower one.
    Source: Li et al. 2020, Section 3.1.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    values = checks.numbers(values.detach().cpu() if isinstance(values, Tensor) else values, "values", 1)
    if len(values) < 2:
        raise ValueError(f"`values` must hold at least 2 losses, for two Gaussians, but got {len(values)}.")
    scaled = (values - values.min()) / max(values.max() - values.min(), 1e-12)
    mixture = GaussianMixture(2, max_iter=10, tol=1e-2, reg_covar=5e-4, random_state=checks.seed(seed) % 2**32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # ten iterations are meant to be enough
        p = mixture.fit(scaled[:, None]).predict_proba(scaled[:, None])
    return torch.from_numpy(p[:, mixture.means_[:, 0].argmin()]).float()


def sharpen(p: Tensor, temperature: float = 0.5) -> Tensor:
    """Probabilities (B, K) made surer: p^(1 / temperature), normalised. 1 leaves them; near 0 they become one-hot."""
    tensors.same_shape(p=p)
    tensors.distributions(p, "p")
    return (p.log() / checks.positive(temperature, "temperature")).softmax(1)


class Divided(NamedTuple):
    """What network `k` learns from in a step: a batch with labels, `p_clean` (B,) of these, and one without."""

    k: int
    labelled: Batch
    p_clean: Tensor
    unlabelled: Batch | None
    weight: float  # lambda_u as it is now


@dataclass
class DivideMix(Mixup):
    """Two networks; each divides the data by its losses for the other, which drops the labels that look wrong.

    The first `warmup_epochs`: cross-entropy (minus `confidence_penalty` times the entropy; the authors take 1 for
    asymmetric noise). Then, each epoch: `clean_probability` of both networks, `p_clean_` (2, N); network k learns with
    labels where the other one's is above `p_threshold` (the most likely one, if none is), without labels elsewhere.
    Of each image of a batch there are `n_views` augmentations (M). Targets are mean predictions over them, sharpened:
    p_clean y + (1 - p_clean) p of network k alone (co-refinement), or p of both networks (co-guessing). All images and
    targets are mixed as in `Mixup`, with lam >= 1/2 (MixMatch), and the loss is L_X + lambda_u L_U + L_reg: soft
    cross-entropy on labelled ones, squared error (mean over classes) on the others, and `losses.prior_kl` to even class
    shares. lambda_u rises linearly from 0 over `rampup_epochs`. The log has `kept`, the share learned with labels.

    Where the recipe has no augmentation the views of an image are the same image, so averaging over them does nothing
    and what is left of the semi-supervised part is mixing: augment to get what the paper describes. An epoch costs
    about seven of CE where 60 % keep their labels, counted in passes through a network. One optimiser serves both
    networks, as elsewhere: a step touches only the one that has gradients.

    lambda_u = 25 is the code's; the paper chooses it by noise rate and type (CIFAR-10: 0 for 20 % and for asymmetric
    noise, 25 for 50 and 80 %), on clean validation data.

    Notes: Differences from the authors' code (LiJunnan1992/DivideMix). Theirs guesses with the learning network in
    training mode, which also moves its batch statistics; here guesses are made in evaluation mode. At 90 % noise theirs
    averages the losses of five epochs and raises the threshold to 0.6, which takes knowing the rate. Theirs predicts
    by summed logits, here by mean probabilities. The paper sums squared errors over classes; 25 belongs to the mean.
    """

    n_nets: ClassVar[int] = 2
    source: ClassVar[str] = "Li et al. 2020, DivideMix: learning with noisy labels as semi-supervised learning"

    alpha: NotNegative = 4.0
    lambda_u: NotNegative = 25.0
    p_threshold: Rate = 0.5
    temperature: Positive = 0.5
    n_views: Count = 2
    warmup_epochs: CountFromZero = 10
    rampup_epochs: CountFromZero = 16
    confidence_penalty: NotNegative = 0.0

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        if self.warmup_epochs >= recipe.epochs:
            raise ValueError(f"`warmup_epochs` must be below the {recipe.epochs} epochs of the run, but got "
                             f"{self.warmup_epochs}. The data are divided only after them.")  # fmt: skip
        super().start(recipe, data, generator)

    def on_epoch_start(self, epoch: int, data: TrainingSet) -> None:
        self.epoch_ = epoch
        if epoch >= self.warmup_epochs:
            self.p_clean_ = torch.stack([self._p_clean(net, data) for net in self.nets_]).to(data.device)

    def _p_clean(self, net: nn.Module, data: TrainingSet) -> Tensor:
        seed = int(torch.randint(2**31, (1,), generator=self.generator_))
        return clean_probability(losses.cross_entropy(predict_outputs(net, data.x), data.y.cpu()), seed)

    def kept(self, k: int) -> Tensor:
        """The examples whose labels network k learns, bool (N,): those that the other network takes for right."""
        p = self.p_clean_[1 - k]
        return (p > self.p_threshold) | (p == p.max())

    def run_epoch(self, data: TrainingSet) -> dict[str, float]:
        if self.epoch_ < self.warmup_epochs:
            return super().run_epoch(data) | {"kept": 1.0}
        self.nets_.train()
        means = [torch.stack([self.step(batch)["loss"] for batch in self.divided(k, data)]).mean() for k in (0, 1)]
        return {"loss": sum(means).item(), "kept": torch.cat([self.kept(0), self.kept(1)]).float().mean().item()}

    def divided(self, k: int, data: TrainingSet):
        """The batches of network k in one epoch: all examples with labels once, the others as often as that takes."""
        kept, size, generator = self.kept(k), self.recipe_.batch_size, self.generator_
        p_clean, labelled, others = self.p_clean_[1 - k][kept], _part(data, kept), _part(data, ~kept)
        smallest = min(self.smallest_batch_, len(labelled))
        passes = (others.batches(size, generator) for _ in itertools.count())
        unlabelled = itertools.chain.from_iterable(passes) if len(others) else itertools.repeat(None)
        for i, batch in enumerate(labelled.batches(size, generator, smallest=smallest)):
            since = self.epoch_ - self.warmup_epochs + i / math.ceil(len(labelled) / size)
            weight = self.lambda_u * min(since / self.rampup_epochs, 1) if self.rampup_epochs else self.lambda_u
            yield Divided(k, batch, p_clean[batch.index], next(unlabelled), weight)

    def loss(self, batch: Batch | Divided) -> Tensor:
        if isinstance(batch, Divided):
            return self.mixed_loss(batch)
        return sum(self._warm_loss(net(batch.x), batch.y).mean() for net in self.nets_)

    def _warm_loss(self, logits: Tensor, y: Tensor) -> Tensor:
        return losses.cross_entropy(logits, y) - self.confidence_penalty * losses.entropy(logits)

    def mixed_loss(self, batch: Divided) -> Tensor:
        """L_X + lambda_u L_U + L_reg of one network on a mixed batch."""
        x, targets, n_labelled = self.mixed(batch)
        logits = self.nets_[batch.k](x)
        fitted = losses.soft_cross_entropy(logits[:n_labelled], targets[:n_labelled]).mean() + losses.prior_kl(logits)
        if batch.unlabelled is None:
            return fitted
        return fitted + batch.weight * losses.squared_error(logits[n_labelled:], targets[n_labelled:]).mean()

    @torch.no_grad()
    def mixed(self, batch: Divided) -> tuple[Tensor, Tensor, int]:
        """Mixed images, their targets, and how many at the beginning come from labelled examples."""
        own, views = self.nets_[batch.k], self._views(batch.labelled.x)
        p, w = _guess([own], views), batch.p_clean[:, None]
        y = nn.functional.one_hot(batch.labelled.y, p.shape[1]).to(p.dtype)
        targets = [sharpen(w * y + (1 - w) * p, self.temperature)] * self.n_views
        n_labelled = len(y) * self.n_views
        if batch.unlabelled is not None:
            others = self._views(batch.unlabelled.x)
            targets += [sharpen(_guess(self.nets_, others), self.temperature)] * self.n_views
            views = views + others
        x, t = torch.cat(views), torch.cat(targets)
        lam, partner = self.draw(len(x))
        lam, partner = max(lam, 1 - lam), partner.to(x.device)
        return lam * x + (1 - lam) * x[partner], lam * t + (1 - lam) * t[partner], n_labelled

    def _views(self, x: Tensor) -> list[Tensor]:
        augment = self.recipe_.augment
        return [augment(x, self.generator_) if augment else x for _ in range(self.n_views)]

    def diagnose(self, splits) -> dict[str, float]:
        """How many training examples keep their labels in the last epoch, how many rightly: mean of both networks."""
        right = splits.train.y == splits.train.y_clean
        found = [judge_selection(self.kept(k).cpu().numpy(), right) for k in (0, 1)]
        return {name: (found[0][name] + found[1][name]) / 2 for name in found[0]}


def _part(data: TrainingSet, where: Tensor) -> TrainingSet:
    return TrainingSet(data.x[where], data.y[where], data.n_classes)


def _guess(nets, views: list[Tensor]) -> Tensor:
    """The mean prediction of networks for the views of images, (B, K), in evaluation mode."""
    found = []
    for net in nets:
        net.eval()
        found += [net(view).float().softmax(1) for view in views]
        net.train()
    return torch.stack(found).mean(0)
