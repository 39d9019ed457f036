"""From a data set and a kind of noise to `NoisyData`, including the noise that needs a trained network."""

import contextlib
import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from lnlkit import checks, data, models, noise, records, seeds
from lnlkit.methods.base import CE
from lnlkit.tasks.configurations import NOISES
from lnlkit.tasks.running import one_thread
from lnlkit.training import Recipe, average_predictions, pick_device

MAPPINGS = {"digits": "mnist", "mnist": "mnist", "cifar10": "cifar10"}  # similar classes, for asymmetric noise
OF_TWO = {0: 1}  # asymmetric noise of two classes: zeros are called one (Paper 05, Section 3.4)
KINDS = tuple(kind for kind in NOISES if kind != "given")  # those that are drawn
SCORED = ("class_conditional", "model_idn")  # kinds that need the scores of a network trained on clean labels


@dataclass(frozen=True)
class IDNGenerator:
    """How the network that scores mislabelling is trained: Chen et al. 2021 for MNIST, on clean labels."""

    network: str = "idn_cnn"
    epochs: int = 20
    batch_size: int = 64
    lr: float = 0.01
    momentum: float = 0.5

    def __post_init__(self):
        checks.one_of(self.network, "network", models.NETWORKS)
        checks.positive_int(self.epochs, "epochs")
        checks.positive_int(self.batch_size, "batch_size")
        checks.positive(self.lr, "lr")
        checks.fraction(self.momentum, "momentum")


class Pixels(NamedTuple):
    """Mean and standard deviation per channel of pixels in [0, 1]."""

    mean: tuple
    std: tuple


def pixels_of(name: str, x) -> Pixels:
    """Those known of a set of `data.images.DATASETS`, else those of the uint8 images (N, H, W[, C]) themselves."""
    channels = _channels(x)
    facts = data.images.DATASETS.get(name)
    if facts is not None and len(facts.mean) == channels:
        return Pixels(facts.mean, facts.std)
    levels = np.arange(256) / 255
    shares = [np.bincount(channel, minlength=256) / len(channel) for channel in x.reshape(-1, channels).T]
    mean = [share @ levels for share in shares]
    std = [np.sqrt(share @ (levels - m) ** 2) or 1.0 for share, m in zip(shares, mean, strict=True)]
    return Pixels(tuple(map(float, mean)), tuple(map(float, std)))


def _channels(x) -> int:
    if checks.inputs(x, "x").ndim == 2:
        raise ValueError(f"`x` must be uint8 images (N, H, W) or (N, H, W, C), but got features of shape {x.shape}.")
    return 1 if x.ndim == 3 else x.shape[3]


def _check_scoring(clean, facts, generator, seed, device) -> None:
    checks.instance(clean, "clean", data.Labelled)
    if not isinstance(facts, (Pixels, data.images.Facts)):
        raise TypeError(f"`facts` must be mean and std of the pixels, as pixels_of(...) gives them, but got {facts!r}.")
    checks.instance(generator, "generator", IDNGenerator)
    checks.seed(seed)
    pick_device(device)


def mean_scores(clean: data.Labelled, facts, generator: IDNGenerator, seed: int, device: str = "cpu") -> np.ndarray:
    """S (N, K): softmax output averaged over the generator's epochs, S = sum_t S^t / T (Paper 01, Section 2.3).

    facts: mean and std per channel (`pixels_of`, or an entry of `data.images.DATASETS`).
    """
    _check_scoring(clean, facts, generator, seed, device)
    g, channels = generator, _channels(clean.x)

    def make_net(n_outputs=None):
        shape = (channels, *clean.x.shape[1:3])
        return models.build(g.network, shape, n_outputs or clean.n_classes, facts.mean, facts.std)

    def make_optimizer(parameters):
        return torch.optim.SGD(parameters, lr=g.lr, momentum=g.momentum)

    recipe = Recipe(make_net, make_optimizer, epochs=g.epochs, batch_size=g.batch_size, device=device)
    return average_predictions(CE(), clean, recipe, seed=seeds.derive(seed, "IDN generator")).numpy()


def cached_scores(clean: data.Labelled, facts, generator: IDNGenerator, seed: int, device: str = "cpu",
                  cache_dir: Path | None = None) -> np.ndarray:  # fmt: skip
    """`mean_scores`, kept in `<data_dir>/idn_scores` under a hash of images, labels, settings and seed.

    They are computed with one thread: two would give others.
    """
    _check_scoring(clean, facts, generator, seed, device)
    folder, seed = _cache_folder(cache_dir), int(seed)
    settings = (generator, seed, device, torch.__version__, clean.x.shape, facts.mean, facts.std, "one thread")
    digest = hashlib.sha256(repr(settings).encode())
    digest.update(np.ascontiguousarray(clean.x))
    digest.update(np.ascontiguousarray(clean.y))
    path = folder / f"{digest.hexdigest()[:32]}.npy" if folder else None
    scores = _read_scores(path, (len(clean.x), clean.n_classes)) if path else None
    if scores is None:
        with one_thread():
            scores = mean_scores(clean, facts, generator, seed, device)
        if path:
            _keep_scores(path, scores)
    return scores


def _cache_folder(cache_dir) -> Path | None:
    if cache_dir is not None:
        return checks.path(cache_dir, "cache_dir")
    try:
        return data.default_dir() / "idn_scores"
    except ValueError:  # no home folder is known
        return None


def _read_scores(path: Path, shape: tuple) -> np.ndarray | None:
    """The scores in a file; None when there is no such file or it holds anything else."""
    try:
        scores = np.load(path, allow_pickle=False)
        whole = scores.dtype == np.float32 and scores.shape == shape
        whole = whole and scores.min() >= 0 and np.allclose(scores.sum(1), 1, atol=1e-3)
    except Exception:  # whatever is wrong with the file: they are computed again
        return None
    return scores if whole else None


def _keep_scores(path: Path, scores: np.ndarray) -> None:
    """Writes the scores where that can be done: in a read-only folder or on a full disk they are computed each time."""
    with contextlib.suppress(OSError, ValueError):
        records.remove_scraps(path.parent)
        with records.whole_file(path, "wb") as file:
            np.save(file, scores)


def corrupt_labels(x, y, kind: str, noise_rate: float, seed: int, *, n_classes: int, scores=None, mapping=None):
    """Noisy labels (N,) of the given kind; `seed` draws the noise and nothing else.

    symmetric, pairflip, asymmetric, class_conditional flip exact counts per class, so that kinds can be compared at
    equal realised rate. symmetric_inclusive redraws that share over all classes, so (K - 1) / K of it is wrong.
    class_conditional copies the realised transition matrix of model_idn at the same rate but picks the examples at
    random: what a class-conditional model sees of instance-dependent noise.
    `scores` (N, K) is needed by model_idn and class_conditional, `mapping` by asymmetric.
    """
    noise_rate = _check_noise(kind, noise_rate, mapping)
    y = checks.labels(y, "y", checks.positive_int(n_classes, "n_classes"))
    checks.same_length(x=x, y=y, scores=scores)
    if scores is not None and np.shape(scores)[1:] != (n_classes,):
        raise ValueError(f"`scores` must be (N, {n_classes}), one for each class, but got shape {np.shape(scores)}.")
    rng = np.random.default_rng(seeds.derive(seed, f"{kind} noise"))
    if kind == "part_dependent":
        return noise.part_dependent(x, y, noise_rate, rng, n_classes=n_classes)[0]
    if kind in SCORED:
        if scores is None:
            raise ValueError(f"`scores` must be given for {kind} noise, but got None. See `mean_scores`.")
        hardest = noise.flip_hardest(y, checks.numbers(scores, "scores", ndim=2), noise_rate)
        if kind == "model_idn":
            return hardest
        T = noise.measured_T(y, hardest, n_classes)
    elif kind == "asymmetric":
        T = noise.asymmetric(mapping, n_classes, noise_rate)
    else:
        make_T = {"symmetric": noise.symmetric, "pairflip": noise.pairflip,
                  "symmetric_inclusive": partial(noise.symmetric, kind="inclusive")}  # fmt: skip
        T = make_T[kind](n_classes, noise_rate)
    return noise.corrupt(y, T, rng, exact=True)


def _check_noise(kind, noise_rate, mapping) -> float:
    """The rate, if noise of this kind and rate can be made; rates that print equal are equal."""
    checks.one_of(kind, "kind", KINDS)
    if kind == "asymmetric" and mapping is None:
        raise ValueError(
            f"`mapping` must say which class each turns into for asymmetric noise, but got None: it is known for "
            f"{', '.join(MAPPINGS)} only. Use pairflip noise, or `corrupt_labels` with a mapping of your own.")
    return round(checks.fraction(noise_rate, "noise_rate"), 6)


def make_noisy(images: data.ImageData, kind: str, noise_rate: float, seed: int = 0, *, n_train: int | None = None,
               generator: IDNGenerator | None = None, device="cpu", cache_dir=None) -> data.NoisyData:  # fmt: skip
    """The training part of a data set with noisy labels; the first `n_train` of a stratified draw, or all.

    One seed fixes which images are taken, how the IDN generator is trained and which labels are flipped, each through
    a seed of its own. model_idn trains `generator` on clean labels first (once: the scores are cached).
    """
    checks.instance(images, "images", data.ImageData, "Use data.load(...), or put your own arrays into one.")
    if kind == "given":
        return _given(images, n_train, seed)
    if not images.clean_known:
        raise ValueError(f"`kind` must be 'given' for {images.name}, which has no clean labels to corrupt, but got "
                         f"{kind!r}.")  # fmt: skip
    mapping = OF_TWO if images.n_classes == 2 else MAPPINGS.get(images.name)
    noise_rate, seed, device = _check_noise(kind, noise_rate, mapping), checks.seed(seed), pick_device(device)
    generator = checks.instance(generator or IDNGenerator(), "generator", IDNGenerator)
    if n_train is not None:
        checks.positive_int(n_train, "n_train")
    checks.inputs(images.x_train, "x_train")
    y_train = checks.labels(images.y_train, "y_train", images.n_classes)
    index = data.subset(images.x_train, y_train, n_train, seed)
    x, y, scores = np.asarray(images.x_train)[index], y_train[index], None
    if noise_rate == 0:
        return data.NoisyData(x, y.copy(), y, images.n_classes)
    if kind in SCORED:
        clean = data.Labelled(x, y, images.n_classes)
        scores = cached_scores(clean, pixels_of(images.name, x), generator, seed, device, cache_dir)
    noisy = corrupt_labels(x, y, kind, noise_rate, seed, n_classes=images.n_classes, scores=scores, mapping=mapping)
    return data.NoisyData(x, noisy, y, images.n_classes)


def _given(images: data.ImageData, n_train: int | None, seed: int) -> data.NoisyData:
    """The training part with the labels that people gave."""
    if images.y_noisy is None:
        raise ValueError(f"`kind` must be another one for {images.name}, which has no y_noisy, but got 'given'.")
    index = data.subset(images.x_train, images.y_noisy, n_train, seed)
    return data.NoisyData(images.x_train[index], images.y_noisy[index], images.y_train[index], images.n_classes)
