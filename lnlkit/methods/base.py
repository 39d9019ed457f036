"""The contract of every method, and plain cross-entropy training."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from lnlkit import losses
from lnlkit.methods.domains import check_fields
from lnlkit.training import Batch, Recipe, TrainingSet, predict, to_unit


class NotTrained(ValueError, AttributeError):
    """Something is asked of a method that only a training gives it."""


@dataclass
class Method:
    """A training recipe. Override the narrowest of `loss_of`, `loss`, `step`, `run_epoch` that suffices.

    Fields are hyper-parameters with the paper's defaults, their annotations say what they may be (`domains`); state
    made in training ends in `_`. A method with earlier stages runs them inside `start` (through `training.fit`); the
    loop of `fit` runs the last stage.
    """

    task: ClassVar[str] = "classification"  # or "multilabel" or "regression"
    n_nets: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ()  # knowledge beyond noisy labels, shown in every table
    source: ClassVar[str] = ""

    def __post_init__(self) -> None:
        check_fields(self)

    def __getattr__(self, name: str):
        """Only for what is not there: state that a training would have made."""
        if name.endswith("_") and not name.startswith("_"):
            raise NotTrained(f"`{type(self).__name__}` must be trained first, by training.fit(method, data, recipe).")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        """Make networks and optimiser. One optimiser serves several networks: each loss reaches only its own."""
        check_fields(self)  # they may have been set since it was made
        self.recipe_, self.generator_ = recipe, generator
        self.nets_ = nn.ModuleList(self.make_network(recipe, data) for _ in range(self.n_nets))
        self.optimizer_ = recipe.optimizer(self.nets_.parameters())
        self.smallest_batch_ = smallest_batch(self.nets_[0], data, self.n_outputs(data))

    def make_network(self, recipe: Recipe, data: TrainingSet) -> nn.Module:
        """One network on the run's device: the recipe's, unless a method puts a head of its own on it."""
        return recipe.network(self.n_outputs(data))

    def n_outputs(self, data: TrainingSet) -> int:
        """Outputs of the network: one a class, unless a method adds its own."""
        return data.n_outputs

    def on_epoch_start(self, epoch: int, data: TrainingSet) -> None:
        """Schedules and relabelling."""

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        """The scalar to be minimised, from what the network says of a batch: logits (B, K), or outputs (B, D).

        Runs of methods that say no more than this can train together: `stacking.fit_together`.
        """
        raise NotImplementedError

    def loss(self, batch: Batch) -> Tensor:
        """The scalar to be minimised on one batch."""
        return self.loss_of(self.nets_[0](batch.x), batch)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One update; returns detached numbers for the log."""
        loss = self.loss(batch)
        self.optimizer_.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer_.step()
        return {"loss": loss.detach()}

    def run_epoch(self, data: TrainingSet) -> dict[str, float]:
        """One pass over the data; the mean of the steps' numbers."""
        self.nets_.train()
        batches = data.batches(self.recipe_.batch_size, self.generator_, self.recipe_.augment,
                               smallest=self.smallest_batch_)  # fmt: skip
        logs = [self.step(batch) for batch in batches]
        return {k: torch.stack([log[k] for log in logs]).mean().item() for k in logs[0]}

    def predict(self, x) -> Tensor:
        """Class probabilities (N, K) on the CPU for uint8 images: the mean over the networks."""
        return torch.stack([predict(net, x) for net in self.nets_]).mean(0)


@dataclass
class CE(Method):
    """Plain cross-entropy on the noisy labels: the baseline of everything."""

    source: ClassVar[str] = "standard training"

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        return losses.cross_entropy(logits, batch.y).mean()


@torch.no_grad()
def smallest_batch(net: nn.Module, data: TrainingSet, n_outputs: int) -> int:
    """The fewest examples that the network trains on at once: 2 where batch norm sees one value of each, else 1.

    It is tried on two examples, in evaluation mode, and refused unless it takes them and gives `n_outputs` for each. A
    classifier may have outputs to spare.
    """
    x, single, was_training = to_unit(data.x[:2]), [], net.training
    hooks = [layer.register_forward_hook(lambda layer, _, out: single.append(out.numel() == len(out) * out.shape[1]))
             for layer in net.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]  # fmt: skip
    try:
        with torch.random.fork_rng(devices=[]):  # a network may draw
            shape = tuple(net.eval()(x).shape)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ValueError(f"`make_net` must build a network for examples of shape {tuple(x.shape[1:])}, but it says: "
                         f"{str(error).splitlines()[0].rstrip('.')}.") from error  # fmt: skip
    finally:
        net.train(was_training)
        for hook in hooks:
            hook.remove()
    spare = data.task == "classification" and len(shape) == 2 and shape[1] > n_outputs
    if shape != (len(x), n_outputs) and not spare:
        raise ValueError(f"`make_net` must build a network that gives {(len(x), n_outputs)} for {len(x)} examples, but "
                         f"got {shape}. Does it use its argument n_outputs?")  # fmt: skip
    return 2 if any(single) else 1
