"""Paper 04: take noisy labels as right and change the images instead, but keep the originals that hardly changed."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor

from lnlkit import checks, losses
from lnlkit.methods import echo_quality, echo_select, pretrained
from lnlkit.methods.base import CE, Method
from lnlkit.methods.clip_features import ClipFeatures
from lnlkit.methods.controlnet import ControlNetEcho
from lnlkit.methods.domains import Count, NotNegative, Rate, Share, check_fields
from lnlkit.methods.echo_mod import FlowEcho, folder_of
from lnlkit.methods.flow import train_flow
from lnlkit.training import Batch, Recipe, TrainingSet


def _generator(value, name: str):
    """The value, which has `modify`."""
    if not callable(getattr(value, "modify", None)):
        raise TypeError(f"`{name}` must have modify(x, y, seed), as FlowEcho(net) has, but got {value!r}.")
    return value


def _names(value, name: str) -> list:
    """The value, which is a list of texts."""
    return [checks.text(each, name) for each in checks.sequence(value, name)]


Threshold = Annotated[float, lambda value, name: checks.between(value, name, -1, 1)]
Generator = Annotated[object, _generator]
Extractor = Annotated[object, lambda value, name: checks.function(value, name)]
ClassNames = Annotated[list, _names]
LEARNERS = ("ce", "gce", "sl", "bootstrap_classification", "mixup", "robust_features")


class GroupWeightedCE(CE):
    """Cross-entropy in which modified images and originals have the same total weight, as in the authors' code."""

    def __init__(self, is_modified: Tensor):
        super().__init__()
        share = is_modified.float().mean()
        self.weights = torch.where(is_modified, 1 - share, share)  # n_mod w_mod = n_orig w_orig

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        each = losses.cross_entropy(logits, batch.y)
        return (self.weights[batch.index] * each).mean()


@dataclass
class EchoAlign(Method):
    """Modify each image towards its label (EchoMod), keep the originals that hardly changed (EchoSelect), learn.

    Paper 04, Algorithm 1: X' = G(X, Y~); originals with S(X', X) >= `threshold` stay, for the others the modified
    image goes in; then `learner` is trained on this refined set, as long as any other method. The paper sets tau to
    0.4 at 30 % noise and to 0.52 at 45 and 50 %, for CLIP's features.

    generator: "flow", the small `flow.FlowNet` with `strength`, `guidance` and `steps`, or "controlnet", the paper's
    own, which needs `class_names` (`controlnet.ControlNetEcho`; its images are kept in the data folder). knows: what
    the flow has learned from (`pretrained`): clean labels of an "other domain", as the paper's generator knows the
    world, those of "other images" of this very domain, which is more than the paper's knows, or nothing but the
    "noisy labels" of this set, a control. extractor: "early", a network trained
    on the noisy labels for `early_epochs`, or "clip", the paper's (`clip_features.ClipFeatures`). echo and features:
    objects to use instead, anything with `modify(x, y, seed)`, and images -> (N, D).

    What the authors' code does and the paper does not say: modified = "all" puts every modified image in, also those
    of the originals that stay; group_weights weighs both kinds alike; fine_tune: so many of the epochs, the last ones,
    see selected originals only. Ablations of Table 3: originals = "none" with modified = "all" is Instance
    Modification Only, modified = "none" is EchoSelect Only.
    """

    source: ClassVar[str] = "Zheng et al., Can we treat noisy labels as accurate? (Paper 04)"

    threshold: Threshold = 0.5
    originals: Literal["selected", "none"] = "selected"
    modified: Literal["rejected", "all", "none"] = "rejected"
    group_weights: bool = False
    fine_tune: Share = 0.0
    learner: Literal[LEARNERS] = "ce"
    generator: Literal["flow", "controlnet"] = "flow"
    class_names: ClassNames | None = None
    extractor: Literal["early", "clip"] = "early"
    strength: Share = 0.7
    guidance: NotNegative = 2.0
    steps: Count = 10
    knows: Literal["other images", "other domain", "noisy labels"] = "other images"
    flow_epochs: Count = 20
    early_epochs: Count = 5
    echo: Generator | None = field(default=None, repr=False, compare=False)
    features: Extractor | None = field(default=None, repr=False, compare=False)

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        check_fields(self)
        self._check_choices()
        self.recipe_, self.generator_, self.seed_ = recipe, generator, generator.initial_seed()
        self.modified_ = self.modify(recipe, data)
        self.selected_ = self.select(recipe, data)
        self.sets_ = self.refine(data)
        self.learner_ = self._make_learner()
        self.learner_.start(recipe, self.sets_["refined"], generator)
        self.nets_, self.optimizer_ = self.learner_.nets_, self.learner_.optimizer_

    def _check_choices(self) -> None:
        if self.originals == "none" and self.modified != "all":
            raise ValueError(f"`modified` must be 'all' where no originals stay, but got {self.modified!r}.")
        if self.group_weights and self.learner != "ce":
            raise ValueError(f"`learner` must be 'ce' with group_weights, but got {self.learner!r}.")
        if self.generator == "controlnet" and self.class_names is None:
            raise ValueError("`class_names` must be the names of the classes for ControlNet, but got None.")

    def modify(self, recipe: Recipe, data: TrainingSet) -> Tensor:
        """X': the images of a set, each changed towards its label; uint8 (N, C, H, W)."""
        self.echo_ = self.echo
        if self.echo_ is None and self.generator == "controlnet":
            self.echo_ = ControlNetEcho(self.class_names, device=recipe.device, folder=folder_of(data, self.seed_))
        elif self.echo_ is None:
            net = (train_flow(data, epochs=self.flow_epochs, seed=self.seed_, device=recipe.device)
                   if self.knows == "noisy labels" else pretrained.flow_for(data, self.knows))  # fmt: skip
            self.echo_ = FlowEcho(net.to(data.device), self.strength, self.guidance, self.steps)
        return torch.as_tensor(self.echo_.modify(data.x, data.y, seed=self.seed_), device=data.device)

    def select(self, recipe: Recipe, data: TrainingSet) -> Tensor:
        """Which originals stay, bool (N,); the similarities are in `similarity_`."""
        self.features_ = self.features
        if self.features_ is None and self.extractor == "clip":
            self.features_ = ClipFeatures(device=recipe.device)
        elif self.features_ is None:
            self.features_ = echo_select.early_features(data, recipe, self.early_epochs, self.seed_)
        z_modified, z = (torch.as_tensor(self.features_(x)) for x in (self.modified_, data.x))
        self.similarity_ = echo_select.similarity(z_modified, z)
        return echo_select.select(self.similarity_, self.threshold).to(data.device)

    def refine(self, data: TrainingSet) -> dict[str, TrainingSet]:
        """The set to learn from, and its originals alone. Paper 04, Algorithm 1, lines 3 to 8."""
        kept = self.selected_ if self.originals == "selected" else torch.zeros_like(self.selected_)
        changed = {"rejected": ~kept, "all": torch.ones_like(kept), "none": torch.zeros_like(kept)}[self.modified]
        if not (kept.any() or changed.any()):
            raise ValueError(f"`threshold` must leave something to learn from, but at {self.threshold} no original is "
                             f"kept: the similarities go up to {self.similarity_.max():.2f}.")  # fmt: skip
        if self.modified == "rejected":  # in the order of the originals, so that tau = -1 is the learner's own run
            where = changed[:, None, None, None]
            refined = TrainingSet(torch.where(where, self.modified_, data.x), data.y, data.n_classes)
            self.is_modified_ = changed
        else:
            refined = TrainingSet(torch.cat([data.x[kept], self.modified_[changed]]),
                                  torch.cat([data.y[kept], data.y[changed]]), data.n_classes)  # fmt: skip
            self.is_modified_ = torch.arange(len(refined), device=data.device) >= kept.sum()
        return {"refined": refined, "originals": TrainingSet(data.x[kept], data.y[kept], data.n_classes)}

    def _make_learner(self) -> Method:
        from lnlkit.methods import make

        return GroupWeightedCE(self.is_modified_) if self.group_weights else make(self.learner)

    def on_epoch_start(self, epoch: int, data: TrainingSet) -> None:
        left = self.recipe_.epochs - epoch
        only = left <= round(self.fine_tune * self.recipe_.epochs) and len(self.sets_["originals"]) > 0
        self.now_ = self.sets_["originals" if only else "refined"]
        if only and self.group_weights:
            self.learner_.weights = torch.ones(len(self.now_), device=self.now_.device)
        self.learner_.on_epoch_start(epoch, self.now_)

    def run_epoch(self, data: TrainingSet) -> dict[str, float]:
        return self.learner_.run_epoch(self.now_)

    def predict(self, x) -> Tensor:
        return self.learner_.predict(x)

    def diagnose(self, splits) -> dict[str, float]:
        """What became of images, similarities and selection: see `echo_quality.judge`."""
        return echo_quality.judge(self, splits)

    def illustrate(self, splits) -> dict:
        """Similarities and some modified images, for Fig. 1 and Fig. 3: see `echo_quality.illustrate`."""
        return echo_quality.illustrate(self, splits)


@dataclass
class EchoAlignSmallLoss(EchoAlign):
    """EchoAlign whose originals are selected by their small loss, as the authors' code does at symmetric noise."""

    needs: ClassVar[tuple[str, ...]] = ("noise rate",)

    forget_rate: Rate = 0.2
    loss_epochs: Count = 20

    def select(self, recipe: Recipe, data: TrainingSet) -> Tensor:
        """Which originals stay, bool (N,); minus their losses stand for the similarities in `similarity_`."""
        found = echo_select.mean_losses(data, recipe, self.loss_epochs, self.seed_)
        self.similarity_ = -found
        return echo_select.small_loss(found, data, self.forget_rate)

    def illustrate(self, splits) -> dict:
        """Nothing: its images are those of `EchoAlign`, and it has no similarities."""
        return {}
