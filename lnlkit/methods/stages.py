"""Earlier stages of a method that trains in several: they run inside its `start`, before the loop of `fit`."""

from dataclasses import replace

import torch

from lnlkit.methods.base import CE
from lnlkit.training import Recipe, TrainingSet, fit


def stage_recipe(recipe: Recipe, epochs: int | None) -> Recipe:
    """The run's recipe for a stage of so many epochs; None: as many as the run has."""
    return recipe if epochs is None else replace(recipe, epochs=epochs)


def warm_up(recipe: Recipe, epochs: int | None, data: TrainingSet, generator: torch.Generator) -> CE:
    """Cross-entropy trained for `warmup_epochs` with the seed of the run: it is the CE run that tables compare with."""
    ce = CE()
    fit(ce, data, stage_recipe(recipe, epochs), seed=generator.initial_seed())
    return ce
