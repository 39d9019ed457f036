"""Paper 03: features shaped without labels, and supervision that moves from the noisy labels to the predictions."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor, nn

from lnlkit import augment, checks, losses
from lnlkit.methods import feature_quality
from lnlkit.methods.base import Method
from lnlkit.methods.domains import Count, CountFromZero, NotNegative, Share
from lnlkit.methods.restoration import Decoder, Seen, Views
from lnlkit.training import AT_ONCE, Batch, Recipe, TrainingSet, as_inputs, asked, predict, to_unit

Shape = Literal["linear", "cosine"]
View = Literal["clean", "augmented"]
Magnitude = Annotated[int, lambda value, name: checks.between(value, name, 0, 30)]


def progressive_alpha(done: float, end: float = 0.0, shape: Shape = "linear", start: float = 0.0,
                      until: float = 1.0) -> float:  # fmt: skip
    """The weight alpha of the noisy label in Paper 03, Eq. (13), when the share `done` of the training is over.

    It is 1 up to the share `start`, `end` from the share `until` on, and falls in between on a line or half a cosine.
    The paper says "by decaying alpha from 1 to 0" and no more.
    """
    done, end, start, until = (checks.fraction(value, name, below_one=False) for name, value in
                               {"done": done, "end": end, "start": start, "until": until}.items())  # fmt: skip
    checks.one_of(shape, "shape", ["linear", "cosine"])
    if start > until:
        raise ValueError(f"`start` must be at most `until`, {until:g}, but got {start:g}.")
    if done <= start or done >= until:
        return 1.0 if done <= start and done < until else end
    along = (done - start) / (until - start)
    fallen = along if shape == "linear" else (1 - math.cos(math.pi * along)) / 2
    return 1 + (end - 1) * fallen


@dataclass
class RobustFeatures(Method):
    """Augmentation restoration, cluster regularisation and progressive self-bootstrapping: Paper 03, Eq. (14).

    L_bootstrap, Eq. (13); L_rec, Eq. (4): a decoder restores the image x from the last feature map of its augmented
    copy T(x); L_cluster, Eq. (7) with (6) and (9): an extra head sorts features into clusters, which are to be
    informative and the same for an image and its augmented copy.

    Eq. (10) and Eq. (11) as printed have no gradient, and Eq. (12) and Eq. (13) take a logarithm twice; here
    `losses.mutual_information` and the logarithm of the softmax stand in their place. It prints none of these:
    n_ops, magnitude and cutout of RandAugment (T), lambda_mi (its lambda), n_clusters (None: as many as classes), the
    shape of alpha's decay from 1 to alpha_end between the shares alpha_start and alpha_until of the epochs,
    decoder_width. rec_weight and cluster_weight multiply L_rec, the mean over pixels, and L_cluster; 1 in Eq. (14).
    detach: the clean view's clusters in Eq. (9) are a target without gradient, as is usual. view: whether the
    classifier learns from x, as Eq. (12) prints it, or from T(x), which Section 2 allows.

    Without a term: alpha_end = 1 leaves out the bootstrapping, rec_weight = 0 the decoder, cluster_weight = 0 the
    clusters; without all three it is the CE run, bit for bit. Restoration and clusters make the network look at two
    views of each image (`seen_views`): twice the work of a step, though no pass over more data.
    """

    source: ClassVar[str] = "Tai et al., Robust feature learning against noisy labels (Paper 03)"

    n_ops: CountFromZero = 2
    magnitude: Magnitude = 9
    cutout: Share = 0.5
    rec_weight: NotNegative = 1.0
    cluster_weight: NotNegative = 1.0
    lambda_mi: NotNegative = 1.0
    n_clusters: Count | None = None
    detach: bool = True
    alpha_end: Share = 0.0
    alpha_shape: Shape = "linear"
    alpha_start: Share = 0.0
    alpha_until: Share = 1.0
    view: View = "clean"
    decoder_width: Count = 64

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        super().start(recipe, data, generator)
        self.views_, x = Views(self.nets_[0]), to_unit(data.x[:2])
        with asked(self.nets_[0], x):
            seen = self.views_.look(x)
        if self.cluster_weight:
            clusters = nn.Linear(seen.features.shape[1], self.n_clusters or data.n_classes)
            self.nets_.append(clusters.to(recipe.device))
        if self.rec_weight:
            decoder = Decoder(seen.map.shape[1:], x.shape[1:], self.decoder_width)
            self.nets_.append(decoder.to(recipe.device, memory_format=torch.channels_last))
        self.optimizer_ = recipe.optimizer(self.nets_.parameters())

    @property
    def clusters_(self) -> nn.Module:
        """The cluster head g_xi."""
        return self.nets_[1]

    @property
    def decoder_(self) -> nn.Module:
        """The decoder D_psi."""
        return self.nets_[-1]

    @property
    def seen_views(self) -> tuple[View, ...]:
        """What the network sees of each training image: its augmented copy, the image itself, or both."""
        needed = {self.view} | ({"augmented"} if self.rec_weight else set())
        return ("augmented", "clean") if self.cluster_weight or len(needed) > 1 else tuple(needed)

    def on_epoch_start(self, epoch: int, data: TrainingSet) -> None:
        done = epoch / max(self.recipe_.epochs - 1, 1)
        self.alpha_ = progressive_alpha(done, self.alpha_end, self.alpha_shape, self.alpha_start, self.alpha_until)

    def transform(self, x: Tensor, draws: torch.Generator) -> Tensor:
        """T(x): images (B, C, H, W), each augmented by draws of its own."""
        if not self.n_ops and not self.cutout:
            return x
        return augment.rand_augment(x, draws, self.n_ops, self.magnitude, self.cutout)

    def loss(self, batch: Batch) -> Tensor:
        """L_all of a batch, Paper 03, Eq. (14)."""
        return sum(self.parts(batch).values())

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        """The terms of L_all as they are summed, each a scalar: Paper 03, Eq. (7), Eq. (9), Eq. (13) and Eq. (14)."""
        x, n = batch.x, len(batch.x)
        views = {view: x if view == "clean" else self.transform(x, self.generator_) for view in self.seen_views}
        seen = self.views_.look(torch.cat(list(views.values())))
        at = {view: slice(n * i, n * (i + 1)) for i, view in enumerate(views)}
        logits = seen.logits[at[self.view]]
        found = {"bootstrap": losses.bootstrap_classification(logits, batch.y, self.alpha_).mean()}
        if self.rec_weight:
            found["rec"] = self.rec_weight * losses.restoration(self.decoder_(seen.map[at["augmented"]]), x).mean()
        if self.cluster_weight:
            clusters = self.clusters_(seen.features)
            both = clusters[at["clean"]], clusters[at["augmented"]]
            found["cluster"] = self.cluster_weight * self._cluster_loss(*both)
        return found

    def _cluster_loss(self, clean: Tensor, augmented: Tensor) -> Tensor:
        """L_cluster from the cluster logits (B, C) of both views: Paper 03, Eq. (7), Eq. (8) and Eq. (9)."""
        target = clean.detach() if self.detach else clean
        consistency = losses.soft_cross_entropy(augmented, target.softmax(1)).mean()
        return consistency - self.lambda_mi * losses.mutual_information(clean)

    def predict(self, x) -> Tensor:
        """Class probabilities (N, K) on the CPU for uint8 images; neither decoder nor clusters take part."""
        return predict(self.nets_[0], x)

    def look(self, x) -> Seen:
        """Logits, features and last feature maps of uint8 images (N, ...), on the CPU, in evaluation mode."""
        x, device = as_inputs(x), next(self.nets_.parameters()).device
        with asked(self.nets_, x):
            parts = [self.views_.look(to_unit(part.to(device))) for part in x.split(AT_ONCE)]
            return Seen(*(torch.cat(column).cpu() for column in zip(*parts, strict=True)))

    def restore(self, x, seed: int = 0) -> tuple[Tensor, Tensor]:
        """T(x) and its restoration, (N, C, H, W) in [0, 1] on the CPU, of uint8 images (N, ...). Paper 03, Fig. 2."""
        if not self.rec_weight:
            raise ValueError("`rec_weight` must be above 0 for restorations: without L_rec there is no decoder.")
        x, device = as_inputs(x), next(self.nets_.parameters()).device
        draws = torch.Generator().manual_seed(checks.seed(seed))
        with asked(self.nets_, x):
            t = self.transform(to_unit(x.to(device)), draws)
            parts = [self.decoder_(self.views_.look(part).map) for part in t.split(AT_ONCE)]
            return t.cpu(), torch.cat(parts).float().cpu()

    def diagnose(self, splits) -> dict[str, float]:
        """What became of features, clusters, restorations and wrong labels: see `feature_quality.judge`."""
        return feature_quality.judge(self, splits)

    def illustrate(self, splits) -> dict:
        """A map of features and some restorations, for Fig. 1 and Fig. 2: see `feature_quality.illustrate`."""
        return feature_quality.illustrate(self, splits)
