"""Noisy data with one label an example, the truth kept apart; and choosing examples.

N examples, K classes.
"""

from dataclasses import dataclass, field

import numpy as np

from lnlkit import checks, noise, seeds


@dataclass(frozen=True, eq=False)
class Labelled:
    """Images, or rows of features, and their labels (N,) or label vectors (N, K): all that a method may see."""
    x: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    n_classes: int

    def __post_init__(self):
        K = checks.positive_int(self.n_classes, "n_classes")
        put(self, n_classes=K, x=checks.inputs(self.x, "x"), y=checks.labels_or_vectors(self.y, "y", K))
        checks.same_length(x=self.x, y=self.y)

    def __len__(self):
        return len(self.y)


@dataclass(frozen=True, eq=False)
class NoisyData:
    """Images with noisy labels ``y`` and, out of a method's reach, the clean labels ``y_clean``."""
    x: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    y_clean: np.ndarray = field(repr=False)
    n_classes: int

    def __post_init__(self):
        K = checks.positive_int(self.n_classes, "n_classes")
        put(self, n_classes=K, x=checks.inputs(self.x, "x"), y=checks.labels(self.y, "y", K),
            y_clean=checks.labels(self.y_clean, "y_clean", K))
        checks.same_length(x=self.x, y=self.y, y_clean=self.y_clean)

    def __len__(self):
        return len(self.y)

    def visible(self):
        """The data as a method sees them: no clean label anywhere in it."""
        return Labelled(self.x, self.y, self.n_classes)

    def clean(self):
        """The data with clean labels: for evaluation, and for rows that are marked as an oracle."""
        return Labelled(self.x, self.y_clean, self.n_classes)

    def take(self, index):
        """The examples at these positions."""
        index = checks.positions(index, "index", len(self))
        return NoisyData(self.x[index], self.y[index], self.y_clean[index], self.n_classes)

    @property
    def noise_rate_(self):
        """The share of labels that are wrong in this draw."""
        return noise.measured_rate(self.y_clean, self.y)

    @property
    def T(self):
        """The transition matrix (K, K) counted in this draw."""
        return noise.measured_T(self.y_clean, self.y, self.n_classes)


def put(holder, **checked):
    """Put checked values in place of those of a frozen dataclass."""
    for name, value in checked.items():
        object.__setattr__(holder, name, value)


# ---- choosing examples -----------------------------------------------------------------------------------------

def subset(x, y, n, seed):
    """The positions of n examples, drawn so that classes keep their shares; all of them when n is None. Sorted."""
    y, seed = checks.labels(y, "y"), checks.seed(seed)
    checks.same_length(x=x, y=y)
    if n is None:
        return np.arange(len(y))
    if checks.positive_int(n, "n") > len(y):
        raise ValueError(f"`n` must be at most the {len(y)} examples there are, but got {n}.")
    rng = np.random.default_rng(seeds.derive(seed, "subset"))
    classes, sizes = np.unique(y, return_counts=True)
    counts = noise.largest_remainder(sizes * (n / len(y)), rng)
    return _draw_per_class(y, classes, counts, rng)


def split_validation(noisy, fraction=0.1, seed=0):
    """The noisy data in two parts (train, validation), each noisy class in both parts if it has two examples.

    Only the noisy labels decide, as they must for whoever has no others.
    """
    checks.instance(noisy, "noisy", NoisyData)
    share = validation_share(fraction)
    rng = np.random.default_rng(seeds.derive(seed, "validation split"))
    classes, sizes = np.unique(noisy.y, return_counts=True)
    counts = noise.largest_remainder(sizes * share, rng)
    counts = np.minimum(np.maximum(counts, 1), sizes - 1)                    # a single example stays in training
    if not counts.any():
        raise ValueError(f"`noisy` must hold at least 2 examples of a class to be split, but its {len(noisy)} are all "
                         "of different ones.")
    validation = _draw_per_class(noisy.y, classes, counts, rng)
    train = np.setdiff1d(np.arange(len(noisy)), validation)
    return noisy.take(train), noisy.take(validation)


def validation_share(fraction):
    """The share of examples that is held out, above 0 and below 1."""
    if checks.fraction(fraction, "fraction") == 0:
        raise ValueError("`fraction` must be above 0, but got 0: without validation data no epoch can be chosen.")
    return fraction


def _draw_per_class(y, classes, counts, rng):
    chosen = [rng.choice(np.flatnonzero(y == k), n, replace=False) for k, n in zip(classes, counts, strict=True)]
    return np.sort(np.concatenate(chosen))
