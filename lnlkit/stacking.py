"""Runs trained together, as one stacked network: `fit_together` does in one step what `fit` does in a step of each.

What a small network costs beside its products of matrices is paid once for all runs. `torch.vmap` would take any
network, but on a processor it costs as much as it saves; products of stacked matrices (`torch.bmm`) do not.
"""

import torch
from torch import Tensor, nn

from lnlkit import checks, seeds
from lnlkit.evaluation import Asking
from lnlkit.methods.base import Method
from lnlkit.models import Standardise
from lnlkit.training import AT_ONCE, Recipe, TrainingSet, as_inputs, check_loss, to_unit, torch_defaults

ELEMENTWISE = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.Adagrad)
"""Optimisers that move each weight by its own gradients alone, so that a stack moves as its networks would."""

WEIGHTLESS = (Standardise, nn.Flatten, nn.Identity, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus,
              nn.Tanh, nn.Sigmoid)  # fmt: skip
"""Layers that treat each example alone and learn nothing: a stack has them once."""


class NotStackable(ValueError):
    """These runs cannot be trained together; one by one they can."""

    def __init__(self, said: str):
        super().__init__(f"{said} Train these runs one by one, with fit.")


def stackable(method: type[Method]) -> bool:
    """Whether runs of a method can train together: it is one network, and says no more than its `loss_of`."""
    return method.n_nets == 1 and all(
        getattr(method, name) is getattr(Method, name) for name in ("loss", "step", "run_epoch"))  # fmt: skip


class _Affine(torch.autograd.Function):
    """x W^T + b of K layers, x (K, B, d), W (K, D, d), b (K, 1, D): the products of `nn.Linear`, in the same order.

    With torch's own derivative of `baddbmm`, weights would differ from a single run's in their last bits.
    """

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return torch.baddbmm(bias, x, weight.mT)

    @staticmethod
    def backward(ctx, g: Tensor) -> tuple:
        x, weight = ctx.saved_tensors
        return g.bmm(weight) if ctx.needs_input_grad[0] else None, g.mT.bmm(x), g.sum(1, keepdim=True)


class Linears(nn.Module):
    """A linear layer of each of K networks, for the examples (K * B, d) of one network after another."""

    def __init__(self, layers):
        super().__init__()
        self.layers = tuple(layers)  # in a tuple, they are no part of this module
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))  # (K, D, d)
        self.bias = nn.Parameter(torch.stack([layer.bias.detach() for layer in layers])[:, None])  # (K, 1, D)

    def forward(self, x: Tensor) -> Tensor:
        x_of_each = x.reshape(len(self.weight), -1, self.weight.shape[2])
        return _Affine.apply(x_of_each, self.weight, self.bias).reshape(*x.shape[:-1], -1)

    def share(self, of=lambda part: part) -> None:
        """Gives each layer what `of` makes of its part of the weights: the part itself, or a copy."""
        for k, layer in enumerate(self.layers):
            layer.weight.data, layer.bias.data = of(self.weight.detach()[k]), of(self.bias.detach()[k, 0])


class Stack(nn.Module):
    """Networks of one build as one that takes x (K, B, ...) and gives (K, B, C).

    The networks' own weights become views of the stack's: what the stack learns they know at once.
    """

    def __init__(self, nets: list[nn.Module]):
        super().__init__()
        self.net, self.device = _stacked(nets), next(nets[0].parameters()).device
        if len(list(self.parameters())) != len(list(nets[0].parameters())):
            raise NotStackable("`recipe` must build a network whose layers have weights of their own, but some share.")
        self.share()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x.flatten(0, 1)).unflatten(0, x.shape[:2])

    @torch.no_grad()
    def predict(self, inputs) -> Tensor:
        """Class probabilities (K, N, C) on the CPU, as `training.predict` gives them: of each network for its own x."""
        parts = zip(*(as_inputs(x).split(AT_ONCE) for x in inputs), strict=True)
        return torch.cat([self(to_unit(torch.stack(part).to(self.device))).cpu() for part in parts], 1).softmax(2)

    def share(self, **how) -> None:
        """`Linears.share` of every layer."""
        for layer in self.modules():
            if isinstance(layer, Linears):
                layer.share(**how)


def _stacked(layers) -> nn.Module:
    """One layer for the same layer of each network."""
    first, kinds = layers[0], {type(layer) for layer in layers}
    if kinds == {nn.Sequential} and len({len(layer) for layer in layers}) == 1:
        return nn.Sequential(*(_stacked(of) for of in zip(*layers, strict=True)))
    if kinds == {nn.Linear} and len({layer.weight.shape for layer in layers}) == 1 and _learns(first):
        return Linears(layers)
    if len(kinds) > 1 or kinds <= {nn.Sequential, nn.Linear}:
        raise NotStackable("`recipe` must build the same network for all runs, of linear layers with a bias that all "
                           "learn, but did not.")  # fmt: skip
    if type(first) not in WEIGHTLESS or getattr(first, "start_dim", 1) != 1:
        raise NotStackable("`recipe` must build a network of linear layers and activations, but it has "
                           f"{type(first).__name__}.")  # fmt: skip
    return first


def _learns(layer: nn.Linear) -> bool:
    return layer.bias is not None and layer.weight.requires_grad and layer.bias.requires_grad


@torch_defaults()
def fit_together(methods, sets, recipe: Recipe, *, seeds: list[int], after_epoch: list | None = None) -> list[list]:
    """History of each of several runs of one recipe, trained as one stacked network: what `fit` gives, to rounding.

    methods, sets, seeds: those of each run; sets have the same number of examples. Afterwards each method is as if it
    had been trained by `fit`, but for the state of its optimiser. after_epoch: a function (or None) for each run;
    where all are `evaluation.Asking`, networks are asked together, too. What `start` trains, it trains one by one.
    Raises `NotStackable` for runs that only `fit` can train.
    """
    methods, seen, seeds, trackers = _checked(methods, sets, recipe, seeds, after_epoch)
    histories = [[] for _ in methods]
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        for method, data, seed in zip(methods, seen, seeds, strict=True):
            _start(method, recipe, data, seed)
        stack = Stack([method.nets_[0] for method in methods])
        optimizer = _optimizer(recipe, stack)
        schedule = recipe.schedule(optimizer)
        for epoch in range(recipe.epochs):
            for method, data in zip(methods, seen, strict=True):
                method.on_epoch_start(epoch, data)
            rows = [{"epoch": epoch, "loss": loss} for loss in _run_epoch(stack, methods, seen, optimizer)]
            for method, row in zip(methods, rows, strict=True):
                check_loss(method, row)
            if schedule:
                schedule.step()
            measured = _measured(stack, methods, trackers)
            for history, row, more in zip(histories, rows, measured, strict=True):
                history.append(row | more)
    stack.share(of=torch.clone)
    return histories


def _checked(methods, sets, recipe, seeds, after_epoch):
    """The runs' methods, sets as methods see them, seeds and functions, one of each a run."""
    methods, sets = checks.sequence(methods, "methods"), checks.sequence(sets, "sets")
    seeds = [checks.seed(seed, "seeds") for seed in checks.sequence(seeds, "seeds")]
    trackers = [None] * len(methods) if after_epoch is None else checks.sequence(after_epoch, "after_epoch")
    checks.same_length(methods=methods, sets=sets, seeds=seeds, after_epoch=trackers)
    if len({id(method) for method in methods}) < len(methods):
        raise ValueError("`methods` must be one for each run, but one of them is there twice: make it anew.")
    for tracker in trackers:
        checks.function(tracker, "after_epoch", optional=True, of=["method"])
    checks.instance(recipe, "recipe", Recipe)
    for method in methods:
        checks.instance(method, "methods", Method, "Did you mean methods.make(name)?")
        if not stackable(type(method)):
            raise NotStackable("`methods` must be such that say no more than the loss of a network's outputs "
                               f"(`loss_of`), but {type(method).__name__} does more.")  # fmt: skip
    seen = [TrainingSet.of(data, recipe.device) for data in sets]
    kinds = {(len(data), data.image_shape, data.n_outputs, data.task) for data in seen}
    if len(kinds) > 1:
        raise NotStackable("`sets` must have the same number of examples, of the same shape and classes, but got "
                           f"{' and '.join(str(kind[:3]) for kind in sorted(kinds, key=str))}.")  # fmt: skip
    for method in methods:
        if method.task != seen[0].task:
            raise ValueError(f"`methods` must be for {seen[0].task}, the task of the data, but {type(method).__name__} "
                             f"is one for {method.task}.")  # fmt: skip
    return methods, seen, seeds, trackers


def _start(method: Method, recipe: Recipe, data: TrainingSet, seed: int) -> None:
    """Starts a run as `fit` does: the same weights, and a generator in the same state."""
    torch.manual_seed(seeds.derive(seed, "initialisation"))
    method.start(recipe, data, torch.Generator().manual_seed(seed))


def _optimizer(recipe: Recipe, stack: Stack) -> torch.optim.Optimizer:
    found = recipe.optimizer(stack.parameters())
    if type(found) not in ELEMENTWISE:
        raise NotStackable(f"`make_optimizer` must return one of {', '.join(kind.__name__ for kind in ELEMENTWISE)}, "
                           f"but returned {type(found).__name__}.")  # fmt: skip
    return found


def _run_epoch(stack: Stack, methods, seen, optimizer) -> list[float]:
    """One pass of every run over its own data; the mean loss of each."""
    recipe = methods[0].recipe_
    batches = [
        data.batches(recipe.batch_size, method.generator_, recipe.augment, smallest=method.smallest_batch_)
        for method, data in zip(methods, seen, strict=True)
    ]
    logs = []
    for step in zip(*batches, strict=True):
        outputs = stack(torch.stack([batch.x for batch in step])).unbind()
        losses = torch.stack([method.loss_of(*of) for method, *of in zip(methods, outputs, step, strict=True)])
        optimizer.zero_grad(set_to_none=True)
        losses.sum().backward()  # to the weights of each run the gradient of its own loss
        optimizer.step()
        logs.append(losses.detach())
    return [of_run.mean().item() for of_run in torch.stack(logs, 1)]


def _measured(stack: Stack, methods, trackers) -> list[dict]:
    """What each run's function says after an epoch."""
    plain = all(type(method).predict is Method.predict for method in methods)
    if plain and all(isinstance(tracker, Asking) for tracker in trackers):
        shapes = {tuple(tuple(x.shape) for x in tracker.inputs) for tracker in trackers}
        if len(shapes) == 1:
            answers = [stack.predict(inputs) for inputs in zip(*(t.inputs for t in trackers), strict=True)]
            return [tracker.measure(*of) for tracker, of in zip(trackers, zip(*answers, strict=True), strict=True)]
    return [checks.instance((tracker and tracker(method)) or {}, "after_epoch", dict, "It must return a dict or None.")
            for tracker, method in zip(trackers, methods, strict=True)]  # fmt: skip
