"""fit(): the training loop. It drives any object with the contract of `lnlkit.methods.base.Method`."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lnlkit import checks, seeds, tensors


class Batch(NamedTuple):
    x: Tensor  # (B, C, H, W) in [0, 1]; for regression (B, d) inputs
    y: Tensor  # (B,)         noisy labels; for regression (B, D) noisy targets; of several labels (B, K), 0 or 1
    index: Tensor  # (B,)         positions in the training set


def as_images(x) -> Tensor:
    """uint8 tensor (N, C, H, W) from NumPy images (N, H, W) or (N, H, W, C); such a tensor passes unchanged."""
    x = x if isinstance(x, Tensor) else checks.array(x, "x")
    if isinstance(x, Tensor) and x.dtype == torch.uint8 and x.ndim == 4:
        return x
    if x.dtype != np.uint8 or x.ndim not in (3, 4):
        cure = " Images in [0, 1]? Use (255 * x).round().astype(np.uint8)." if "float" in str(x.dtype) else ""
        raise ValueError(f"`x` must be uint8 images (N, H, W) or (N, H, W, C), or a tensor (N, C, H, W), but got "
                         f"{x.dtype} of shape {tuple(x.shape)}.{cure}")  # fmt: skip
    x = x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(x))


def as_inputs(x) -> Tensor:
    """Images as by `as_images`; rows of finite numbers (N, d), features or the inputs of a regression, as float32."""
    x = x if isinstance(x, Tensor) else checks.array(x, "x")
    if x.ndim != 2:
        return as_images(x)
    if not isinstance(x, Tensor):
        return torch.from_numpy(np.ascontiguousarray(checks.numbers(x, "x"), dtype=np.float32))
    if not x.isfinite().all():
        raise ValueError("`x` must hold finite numbers, but some of them are NaN or infinite.")
    return x.float()


def to_unit(x: Tensor) -> Tensor:
    """Pixels 0..255 as floats in [0, 1]; inputs that are floats already, as they are."""
    return x.float() / 255 if x.dtype == torch.uint8 else x


class TrainingSet:
    """What a method sees, on the device: uint8 images (N, C, H, W) and noisy labels (N,), nothing that is clean.

    For regression: inputs (N, d) and noisy targets (N, D) as float32, and `n_classes` is None. With several labels an
    example: noisy label vectors (N, K) of 0 and 1 as float32.
    """

    def __init__(self, x: Tensor, y: Tensor, n_classes: int | None):
        self.x, self.y, self.n_classes = x, y, n_classes

    @classmethod
    def of(cls, data, device="cpu") -> "TrainingSet":
        """From `NoisyData`, `NoisyTargets` or `NoisyMultiLabel` (their visible part), `Labelled` or a `TrainingSet`."""
        if isinstance(data, cls):
            return data
        seen = data.visible() if hasattr(data, "visible") else data
        if not (hasattr(seen, "x") and hasattr(seen, "y")):
            raise TypeError(f"`data` must be a set such as Labelled(x, y, n_classes), but got {type(data).__name__}.")
        n_classes, x = getattr(seen, "n_classes", None), as_inputs(seen.x)
        y = _visible_labels(seen.y, n_classes)
        checks.same_length(x=x, y=y)
        if not len(y):
            raise ValueError("`data` must hold at least one example, but it is empty.")
        device = pick_device(device)
        return cls(x.to(device), y.to(device), n_classes)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return tuple(self.x.shape[1:])

    @property
    def task(self) -> str:
        """The task of the methods that can learn from it: that of its labels."""
        return "regression" if self.n_classes is None else "multilabel" if self.y.ndim == 2 else "classification"

    @property
    def n_outputs(self) -> int:
        """Classes, or the dimensions of a regression target."""
        return self.y.shape[1] if self.n_classes is None else self.n_classes

    @property
    def device(self) -> torch.device:
        return self.x.device

    def batches(self, batch_size: int, generator: torch.Generator, augment: Callable | None = None,
                shuffle: bool = True, drop_last: bool = False, smallest: int = 1) -> Iterator[Batch]:  # fmt: skip
        """One pass over the data. A last batch of fewer than `smallest` examples joins the one before it."""
        if min(checks.positive_int(batch_size, "batch_size"), len(self)) < smallest:
            raise ValueError(f"`batch_size` must be at least {smallest} for this network with batch norm, as must be "
                             f"the number of examples ({len(self)}), but got {batch_size}.")  # fmt: skip
        tensors.generator(generator)
        order = torch.randperm(len(self), generator=generator) if shuffle else torch.arange(len(self))
        parts = list(order.to(self.device).split(batch_size))
        if len(parts[-1]) < smallest:
            parts[-2:] = [torch.cat(parts[-2:])]
        for index in parts:
            if drop_last and len(index) < batch_size:
                return
            x = to_unit(self.x[index])
            yield Batch(augment(x, generator) if augment else x, self.y[index], index)


def _visible_labels(y, n_classes: int | None) -> Tensor:
    """A copy: class numbers (N,) as int64, label vectors (N, K) or, without classes, targets (N, D) as float32."""
    if n_classes is None:
        return torch.tensor(checks.numbers(y, "y", 2), dtype=torch.float32)
    y = checks.labels_or_vectors(y, "y", checks.positive_int(n_classes, "n_classes"))
    return torch.tensor(y, dtype=torch.float32 if y.ndim == 2 else torch.int64)


@dataclass(frozen=True)
class Recipe:
    """Network, optimiser and epochs of a run: equal for all methods that are compared. Earlier stages come on top.

    `make_net(n_outputs=None)` builds a network (None: one output a class), `make_optimizer(parameters)` an optimiser,
    `make_schedule(optimizer)` a learning-rate schedule that is stepped once an epoch. `amp` computes in bfloat16.
    """

    make_net: Callable[..., nn.Module]
    make_optimizer: Callable[[Any], torch.optim.Optimizer]
    epochs: int = 10
    batch_size: int = 128
    augment: Callable | None = None
    device: str = "cpu"
    make_schedule: Callable | None = None
    amp: bool = False

    def __post_init__(self) -> None:
        for name in ("make_net", "make_optimizer", "augment", "make_schedule"):
            checks.function(getattr(self, name), name, optional=name in ("augment", "make_schedule"))
        if isinstance(self.make_net, nn.Module):
            raise TypeError("`make_net` must be a function that builds a network, but got a network, which two runs "
                            "would share. Did you mean lambda n_outputs=None: models.build(...)?")  # fmt: skip
        checked = {name: checks.positive_int(getattr(self, name), name) for name in ("epochs", "batch_size")}
        for name, value in {**checked, "device": pick_device(self.device)}.items():  # frozen, hence this way
            object.__setattr__(self, name, value)
        checks.instance(self.amp, "amp", bool)

    def network(self, n_outputs: int | None = None) -> nn.Module:
        """A fresh network on the run's device."""
        net = checks.instance(self.make_net(n_outputs), "make_net", nn.Module, "It must return a network.")
        net = net.to(self.device, memory_format=torch.channels_last)
        return HalfPrecision(net) if self.amp else net


OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}


def optimizer_of(settings: dict) -> Callable[[Any], torch.optim.Optimizer]:
    """`make_optimizer` of a Recipe from a configuration's settings: {"name": "sgd" or "adam", "lr": ..., ...}."""
    options = dict(checks.instance(settings, "settings", dict))
    optimizer = OPTIMIZERS[checks.one_of(options.pop("name", None), "optimizer", OPTIMIZERS)]
    try:
        optimizer([torch.zeros(1)], **options)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`settings` must be those of torch's {optimizer.__name__}, but it says: {error}.") from error
    return lambda parameters: optimizer(parameters, **options)


class HalfPrecision(nn.Module):
    """A network computed in bfloat16 whose logits come out in float32, so that losses stay exact."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16):
            return self.net(x).float()


def pick_device(device: str = "auto") -> str:
    """"cuda" where there is one, else "cpu", for "auto"; else the device as named, which must be there."""
    has_gpu, name = torch.cuda.is_available(), str(device)
    if name == "auto":
        return "cuda" if has_gpu else "cpu"
    gpus = {"cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))} if has_gpu else set()
    if name not in {"cpu", *gpus}:
        there = "auto, cpu or cuda" if has_gpu else "auto or cpu, because torch finds no GPU here"
        raise ValueError(f"`device` must be {there}, but got {device!r}.")
    return name


def fit(method, data, recipe: Recipe, *, seed: int = 0, after_epoch: Callable | None = None,
        progress: Callable[[str], None] | None = None) -> list[dict]:  # fmt: skip
    """History of a training run: one row an epoch with the method's own numbers and those of `after_epoch(method)`.

    The method is handed images and noisy labels only. Initialisation, shuffling and every draw of the method come
    from `seed`, the first from a seed of its own (`seeds.derive`); the global random state is left as it was.
    """
    if isinstance(method, type) or not hasattr(method, "run_epoch"):
        raise TypeError(f"`method` must be a method such as methods.make('ce'), but got {method!r}.")
    checks.instance(recipe, "recipe", Recipe)
    for name, function in {"after_epoch": after_epoch, "progress": progress}.items():
        checks.function(function, name, optional=True)
    seed, seen, history = checks.seed(seed), TrainingSet.of(data, recipe.device), []
    if method.task != seen.task:
        raise ValueError(f"`method` must be one for {seen.task}, the task of the data, but {type(method).__name__} is "
                         f"one for {method.task}.")  # fmt: skip
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seeds.derive(seed, "initialisation"))
        generator = torch.Generator().manual_seed(seed)
        method.start(recipe, seen, generator)
        schedule = recipe.make_schedule(method.optimizer_) if recipe.make_schedule else None
        for epoch in range(recipe.epochs):
            method.on_epoch_start(epoch, seen)
            row = {"epoch": epoch, **method.run_epoch(seen)}
            if not math.isfinite(row.get("loss", 0.0)):
                raise FloatingPointError(f"the loss of {type(method).__name__} became {row['loss']} in epoch {epoch}: "
                                         "lower the learning rate.")  # fmt: skip
            if schedule:
                schedule.step()
            if after_epoch:
                row |= after_epoch(method)
            history.append(row)
            if progress:
                progress(f"epoch {epoch + 1}/{recipe.epochs}  loss {row.get('loss', float('nan')):.3f}")
    return history


@torch.no_grad()
def predict_outputs(net: nn.Module, x, batch_size: int = 1024) -> Tensor:
    """Outputs (N, K) on the CPU for uint8 images or inputs (N, d), in evaluation mode, without gradients."""
    was_training = checks.instance(net, "net", nn.Module).training
    net.eval()
    device = next(net.parameters()).device
    parts = as_inputs(x).split(checks.positive_int(batch_size, "batch_size"))
    chunks = [net(to_unit(part.to(device))).float().cpu() for part in parts]
    net.train(was_training)
    return torch.cat(chunks)


def predict(net: nn.Module, x, batch_size: int = 1024) -> Tensor:
    """Class probabilities (N, K) on the CPU for uint8 images, in evaluation mode, without gradients."""
    return predict_outputs(net, x, batch_size).softmax(1)


def average_predictions(method, data, recipe: Recipe, *, seed: int = 0, progress=None) -> Tensor:
    """S (N, K): the softmax output for every training example, averaged over the epochs of a training run.

    S = sum_t S^t / T (Paper 01, Section 2.3; Chen et al. 2021), each S^t taken after epoch t in evaluation mode.
    The IDN generator trains on clean labels, SEAL on noisy ones: the labels are whatever `data` carries.
    """
    seen = TrainingSet.of(data, checks.instance(recipe, "recipe", Recipe).device)
    total = torch.zeros(len(seen), seen.n_outputs)

    def add(method):
        total.add_(method.predict(seen.x))
        return {}

    fit(method, seen, recipe, seed=seed, after_epoch=add, progress=progress)
    return total / recipe.epochs
