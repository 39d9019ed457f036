"""fit(): the training loop. It drives any object with the contract of `lnlkit.methods.base.Method`."""

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lnlkit import checks, seeds, tensors
from lnlkit.recipe import OPTIMIZERS, HalfPrecision, Recipe, decay_of, optimizer_of, pick_device


class Batch(NamedTuple):
    x: Tensor  # (B, C, H, W) in [0, 1]; for regression (B, d) inputs
    y: Tensor  # (B,)         noisy labels; for regression (B, D) noisy targets; of several labels (B, K), 0 or 1
    index: Tensor  # (B,)         positions in the training set


CHANNELS = (1, 3)
AT_ONCE = 128  # examples that a network is asked about: their activations stay in a CPU's cache, of 1,024 they do not
__all__ = [
    "AT_ONCE", "OPTIMIZERS", "Batch", "HalfPrecision", "Recipe", "TrainingSet", "as_images", "as_inputs", "asked",
    "average_predictions", "check_loss", "decay_of", "fit", "optimizer_of", "pick_device", "predict", "predict_outputs",
    "to_unit", "torch_defaults",
]  # fmt: skip


def as_images(x) -> Tensor:
    """uint8 tensor (N, C, H, W) from NumPy images (N, H, W) or (N, H, W, C); such a tensor passes unchanged."""
    x = x if isinstance(x, Tensor) else checks.array(x, "x")
    if isinstance(x, Tensor):
        if x.dtype == torch.uint8 and x.ndim == 4 and x.shape[1] in CHANNELS:
            return x
        cure = " Use .permute(0, 3, 1, 2)." if x.ndim == 4 and x.shape[3] in CHANNELS else ""
        raise ValueError(f"`x` must be a uint8 tensor (N, 1 or 3, H, W), or images as an array, but got {x.dtype} of "
                         f"shape {tuple(x.shape)}.{cure}")  # fmt: skip
    if x.dtype != np.uint8 or x.ndim not in (3, 4) or len(x):
        x = checks.inputs(x, "x")  # of no images, only the kind counts
    x = x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(x))


def as_inputs(x) -> Tensor:
    """Images as by `as_images`; rows of finite numbers (N, d), features or the inputs of a regression, as float32."""
    x = x if isinstance(x, Tensor) else checks.array(x, "x")
    if x.ndim != 2 or x.dtype in (np.uint8, torch.uint8):
        return as_images(x)
    if not isinstance(x, Tensor):
        return torch.from_numpy(np.ascontiguousarray(checks.float32(x, "x")))
    x = x.float()
    if not x.isfinite().all():
        raise ValueError("`x` must hold finite numbers, but some of them are NaN, infinite or too large for float32.")
    return x


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
            yield Batch(_augmented(x, generator, augment) if augment else x, self.y[index], index)


def _augmented(x: Tensor, generator: torch.Generator, augment: Callable) -> Tensor:
    found = augment(x, generator)
    if not isinstance(found, Tensor) or found.dtype != x.dtype or found.shape[:2] != x.shape[:2]:
        got = f"{found.dtype} of shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(f"`augment` must return images as it gets them, {x.dtype} of shape {tuple(x.shape)}, but got "
                         f"{got}.")  # fmt: skip
    return found


def _visible_labels(y, n_classes: int | None) -> Tensor:
    """A copy: class numbers (N,) as int64, label vectors (N, K) or, without classes, targets (N, D) as float32."""
    if n_classes is None:
        return torch.tensor(checks.float32(y, "y", 2))
    y = checks.labels_or_vectors(y, "y", checks.positive_int(n_classes, "n_classes"))
    return torch.tensor(y, dtype=torch.float32 if y.ndim == 2 else torch.int64)


@contextlib.contextmanager
def torch_defaults():
    """Gradients, float32 and the CPU, as torch has it by default, whatever a notebook has set."""
    dtype, device = torch.get_default_dtype(), torch.empty(0).device  # a `with torch.device(...)`, too
    torch.set_default_dtype(torch.float32)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            with contextlib.nullcontext() if device.type == "cpu" else torch.device("cpu"):
                yield
    finally:
        torch.set_default_dtype(dtype)


@torch_defaults()
def fit(method, data, recipe: Recipe, *, seed: int = 0, after_epoch: Callable | None = None,
        progress: Callable[[str], None] | None = None) -> list[dict]:  # fmt: skip
    """History of a training run: one row an epoch with the method's own numbers and those of `after_epoch(method)`.

    The method is handed images and noisy labels only. Initialisation, shuffling and every draw of the method come
    from `seed`, the first from a seed of its own (`seeds.derive`); the global random state is left as it was.
    """
    if isinstance(method, type) or not hasattr(method, "run_epoch"):
        raise TypeError(f"`method` must be a method such as methods.make('ce'), but got {method!r}.")
    checks.instance(recipe, "recipe", Recipe)
    checks.function(after_epoch, "after_epoch", optional=True, of=["method"])
    checks.function(progress, "progress", optional=True, of=["line"])
    seed, seen, history = checks.seed(seed), TrainingSet.of(data, recipe.device), []
    if method.task != seen.task:
        raise ValueError(f"`method` must be one for {seen.task}, the task of the data, but {type(method).__name__} is "
                         f"one for {method.task}.")  # fmt: skip
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seeds.derive(seed, "initialisation"))
        generator = torch.Generator().manual_seed(seed)
        method.start(recipe, seen, generator)
        schedule = recipe.schedule(method.optimizer_)
        for epoch in range(recipe.epochs):
            method.on_epoch_start(epoch, seen)
            row = {"epoch": epoch, **method.run_epoch(seen)}
            check_loss(method, row)
            if schedule:
                schedule.step()
            if after_epoch:
                row |= checks.instance(after_epoch(method) or {}, "after_epoch", dict, "It must return a dict or None.")
            history.append(row)
            if progress:
                progress(f"epoch {epoch + 1}/{recipe.epochs}  loss {row.get('loss', float('nan')):.3f}")
    return history


def check_loss(method, row: dict) -> None:
    """Raises where the loss of an epoch is no number."""
    if not math.isfinite(row.get("loss", 0.0)):
        raise FloatingPointError(f"the loss of {type(method).__name__} became {row['loss']} in epoch {row['epoch']}: "
                                 "lower the learning rate, or standardise the data.")  # fmt: skip


@contextlib.contextmanager
def asked(net: nn.Module, x: Tensor):
    """The network in evaluation mode, without gradients, while it is asked about x: what it can't take is named."""
    was_training = net.training
    try:
        net.eval()
        with torch.no_grad():
            yield
    except torch.cuda.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise ValueError(f"`x` must be inputs that the network takes, but of shape {tuple(x.shape[1:])} it says: "
                         f"{str(error).splitlines()[0].rstrip('.')}.") from error  # fmt: skip
    finally:
        net.train(was_training)


def predict_outputs(net: nn.Module, x, batch_size: int = AT_ONCE) -> Tensor:
    """Outputs (N, K) on the CPU for uint8 images or inputs (N, d), in evaluation mode, without gradients."""
    device = next((p.device for p in checks.instance(net, "net", nn.Module).parameters()), "cpu")
    x = as_inputs(x)
    with asked(net, x):
        parts = x.split(checks.positive_int(batch_size, "batch_size"))
        return torch.cat([net(to_unit(part.to(device))).float().cpu() for part in parts])


def predict(net: nn.Module, x, batch_size: int = AT_ONCE) -> Tensor:
    """Class probabilities (N, K) on the CPU for uint8 images, in evaluation mode, without gradients."""
    return predict_outputs(net, x, batch_size).softmax(1)


@torch_defaults()
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
