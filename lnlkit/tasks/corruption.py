"""From a data set and a kind of noise to `NoisyData`, including the noise that needs a trained network."""

import contextlib
import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from lnlkit import checks, data, models, noise, records, seeds
from lnlkit.methods.base import CE
from lnlkit.training import Recipe, average_predictions

MAPPINGS = {"digits": "mnist", "mnist": "mnist", "cifar10": "cifar10"}  # similar classes, for asymmetric noise
KINDS = ("symmetric", "symmetric_inclusive", "pairflip", "asymmetric", "class_conditional", "part_dependent",
         "model_idn")


@dataclass(frozen=True)
class IDNGenerator:
    """How the network that scores mislabelling is trained: Chen et al. 2021 for MNIST, on clean labels."""

    network: str = "idn_cnn"
    epochs: int = 20
    batch_size: int = 64
    lr: float = 0.01
    momentum: float = 0.5


def mean_scores(clean: data.Labelled, facts, generator: IDNGenerator, seed: int, device: str = "cpu") -> np.ndarray:
    """S (N, K): softmax output averaged over the generator's epochs, S = sum_t S^t / T (Paper 01, Section 2.3)."""
    g = generator
    channels = 1 if clean.x.ndim == 3 else clean.x.shape[3]

    def make_net(n_outputs=None):
        shape = (channels, *clean.x.shape[1:3])
        return models.build(g.network, shape, n_outputs or clean.n_classes, facts.mean, facts.std)

    def make_optimizer(parameters):
        return torch.optim.SGD(parameters, lr=g.lr, momentum=g.momentum)

    recipe = Recipe(make_net, make_optimizer, epochs=g.epochs, batch_size=g.batch_size, device=device)
    return average_predictions(CE(), clean, recipe, seed=seeds.derive(seed, "IDN generator")).numpy()


def cached_scores(clean: data.Labelled, facts, generator: IDNGenerator, seed: int, device: str = "cpu",
                  cache_dir: Path | None = None) -> np.ndarray:  # fmt: skip
    """`mean_scores`, kept in `<data_dir>/idn_scores` under a hash of images, labels, settings and seed."""
    folder = Path(cache_dir) if cache_dir else data.default_dir() / "idn_scores"
    digest = hashlib.sha256(repr((generator, seed, device, torch.__version__, clean.x.shape)).encode())
    digest.update(np.ascontiguousarray(clean.x))
    digest.update(np.ascontiguousarray(clean.y))
    path = folder / f"{digest.hexdigest()[:32]}.npy"
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError):  # none there, or not a whole array: computed below
        pass
    scores = mean_scores(clean, facts, generator, seed, device)
    with contextlib.suppress(OSError), records.whole_file(path, "wb") as file:
        np.save(file, scores)  # in a read-only folder or on a full disk: they are computed again next time
    return scores


def corrupt_labels(x, y, kind: str, noise_rate: float, seed: int, *, n_classes: int, scores=None, mapping=None):
    """Noisy labels (N,) of the given kind; `seed` draws the noise and nothing else.

    symmetric, pairflip, asymmetric, class_conditional flip exact counts per class, so that kinds can be compared at
    equal realised rate. symmetric_inclusive redraws that share over all classes, so (K - 1) / K of it is wrong.
    class_conditional copies the realised transition matrix of model_idn at the same rate but picks the examples at
    random: what a class-conditional model sees of instance-dependent noise.
    `scores` (N, K) is needed by model_idn and class_conditional, `mapping` by asymmetric.
    """
    checks.one_of(kind, "noise", KINDS)
    noise_rate = checks.fraction(noise_rate, "noise_rate")
    rng = np.random.default_rng(seeds.derive(seed, f"{kind} noise"))
    if kind == "part_dependent":
        return noise.part_dependent(x, y, noise_rate, rng, n_classes=n_classes)[0]
    if kind in ("model_idn", "class_conditional"):
        hardest = noise.flip_hardest(y, scores, noise_rate)
        if kind == "model_idn":
            return hardest
        T = noise.measured_T(y, hardest, n_classes)
    elif kind == "asymmetric":
        if mapping is None:
            raise ValueError(
                f"`mapping` must say which class each turns into for asymmetric noise, but got None: it is known for "
                f"{', '.join(MAPPINGS)} only. Use pairflip noise instead.")
        T = noise.asymmetric(mapping, n_classes, noise_rate)
    else:
        make_T = {"symmetric": noise.symmetric, "pairflip": noise.pairflip,
                  "symmetric_inclusive": partial(noise.symmetric, kind="inclusive")}  # fmt: skip
        T = make_T[kind](n_classes, noise_rate)
    return noise.corrupt(y, T, rng, exact=True)


def make_noisy(images: data.ImageData, kind: str, noise_rate: float, seed: int = 0, *, n_train: int | None = None,
               generator: IDNGenerator | None = None, device="cpu", cache_dir=None) -> data.NoisyData:  # fmt: skip
    """The training part of a data set with noisy labels; the first `n_train` of a stratified draw, or all.

    One seed fixes which images are taken, how the IDN generator is trained and which labels are flipped, each through
    a seed of its own. model_idn trains `generator` on clean labels first (once: the scores are cached).
    """
    index = data.subset(images.x_train, images.y_train, n_train, seed)
    x, y = images.x_train[index], images.y_train[index]
    facts, scores = data.images.DATASETS[images.name], None
    if kind in ("model_idn", "class_conditional") and noise_rate > 0:
        clean = data.Labelled(x, y, images.n_classes)
        scores = cached_scores(clean, facts, generator or IDNGenerator(), seed, device, cache_dir)
    if noise_rate == 0:
        return data.NoisyData(x, y.copy(), y, images.n_classes)
    noisy = corrupt_labels(x, y, kind, noise_rate, seed, n_classes=images.n_classes, scores=scores,
                           mapping=MAPPINGS.get(images.name))  # fmt: skip
    return data.NoisyData(x, noisy, y, images.n_classes)
