"""Confident learning: find the labels that are wrong before training, and train without them."""

import warnings
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from lnlkit import checks
from lnlkit.methods.base import CE
from lnlkit.methods.domains import Count
from lnlkit.methods.extras import extra
from lnlkit.methods.selection import judge_selection
from lnlkit.methods.stages import stage_recipe
from lnlkit.training import Recipe, TrainingSet, fit

Prune = Literal["prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given"]


def several(value, name: str) -> int:
    """The value as an int of at least 2."""
    if checks.positive_int(value, name) < 2:
        raise ValueError(f"`{name}` must be at least 2, but got {value}. One part is left out of each training.")
    return int(value)


def out_of_sample(data: TrainingSet, recipe: Recipe, folds: int = 4, seed: int = 0) -> Tensor:
    """Class probabilities (N, K) of each example, by a network that was trained without it: k-fold cross-validation.

    The networks are trained with cross-entropy; the classes are spread over the folds evenly, as far as that goes.
    """
    from sklearn.model_selection import StratifiedKFold

    checks.instance(data, "data", TrainingSet, "TrainingSet.of(data) makes one.")
    checks.instance(recipe, "recipe", Recipe)
    y, folds, seed = data.y.cpu().numpy(), several(folds, "folds"), checks.seed(seed)
    if folds > (most := np.bincount(y).max()):
        raise ValueError(f"`folds` must be at most the size of the largest class, {most}, but got {folds}.")
    parts, p = StratifiedKFold(folds, shuffle=True, random_state=seed % 2**32), torch.zeros(len(y), data.n_classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class may have fewer examples than there are folds
        split = list(parts.split(y, y))
    for inside, held_out in split:
        method, at = CE(), torch.from_numpy(inside).to(data.device)
        fit(method, TrainingSet(data.x[at], data.y[at], data.n_classes), recipe, seed=seed)
        p[held_out] = method.predict(data.x[torch.from_numpy(held_out).to(data.device)])
    return p


@dataclass
class ConfidentLearning(CE):
    """Confident learning: cross-entropy on the examples whose labels survive a search for wrong ones, by `cleanlab`.

    1. `out_of_sample_` (N, K): probabilities for each example by networks that have not seen it, `folds` trainings of
       `stage_epochs` each (None: as many as the run has; fewer memorise less).
    2. cleanlab counts the confident joint: label i against the class j whose probability is above j's threshold, the
       mean probability of class j among the examples labelled j. From the counts it estimates how many labels i are
       really j, and with `prune` by noise rate takes that many of the largest p_j - p_i out (PBNR; prune_by_class takes
       the smallest p_i, PBC; `both` what both take; the others are C_confusion and the plain argmax). `kept_` (N,) are
       the others.
    3. The loop of `fit`, on those. If all are kept it is the CE run.

    Needs the extra: pip install 'lnlkit[cleanlab]'. A run costs about `folds` trainings of CE.

    Notes: four folds as in the authors' experiments on CIFAR-10 (cleanlab/examples, cifar10_train_crossval.py). For
    their best numbers there they train on what is left with Co-teaching, and weigh the loss of a class by how much of
    it was pruned; here the last stage is plain cross-entropy.
    """

    source: ClassVar[str] = "Northcutt et al. 2021, Confident learning: estimating uncertainty in dataset labels"

    folds: Annotated[int, several] = 4
    prune: Prune = "prune_by_noise_rate"
    stage_epochs: Count | None = None

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        find_label_issues = extra("cleanlab", of="cleanlab").filter.find_label_issues  # before hours of training
        stage = stage_recipe(recipe, self.stage_epochs)
        self.out_of_sample_ = out_of_sample(data, stage, self.folds, generator.initial_seed())
        issues = find_label_issues(data.y.cpu().numpy(), self.out_of_sample_.double().numpy(),
                                   filter_by=self.prune, n_jobs=1)  # fmt: skip
        self.kept_ = torch.from_numpy(~issues).to(data.device)
        self.kept_set_ = TrainingSet(data.x[self.kept_], data.y[self.kept_], data.n_classes)
        super().start(recipe, data, generator)

    def run_epoch(self, data: TrainingSet) -> dict[str, float]:
        return super().run_epoch(self.kept_set_) | {"kept": self.kept_.float().mean().item()}

    def diagnose(self, splits) -> dict[str, float]:
        """How much of the training set is kept, and how right its labels are."""
        return judge_selection(self.kept_.cpu().numpy(), splits.train.y == splits.train.y_clean)
