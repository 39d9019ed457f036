"""Argument checks: each returns the checked value, or raises one sentence that names the argument and the cure.

N examples, K classes.
"""
from collections.abc import Iterable
from difflib import get_close_matches
from numbers import Integral, Real

import numpy as np


def fraction(value, name, *, below_one=True):
    """The value as a float in [0, 1), or in [0, 1] with ``below_one=False``."""
    span = "[0, 1)" if below_one else "[0, 1]"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"`{name}` must be a fraction in {span}, but got {value!r} of type {type(value).__name__}.")
    if not 0 <= value <= 1 or (below_one and value == 1):                    # NaN fails the first comparison
        cure = f" Did you mean {value / 100:g}?" if 1 < value < 100 else ""
        raise ValueError(f"`{name}` must be a fraction in {span}, but got {value:g}.{cure}")
    return float(value)


def one_of(value, name, allowed):
    """The value, which is one of the allowed strings."""
    allowed = list(allowed)
    if value not in allowed:
        near = get_close_matches(str(value).lower(), allowed, n=1)
        cure = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"`{name}` must be one of {allowed}, but got {value!r}.{cure}")
    return value


def positive_int(value, name):
    """The value as an int of at least 1."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
        raise TypeError(f"`{name}` must be a whole number, but got {value!r} of type {type(value).__name__}.")
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1, but got {value}.")
    return int(value)


def positive(value, name):
    """The value as a finite float above 0."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"`{name}` must be a number above 0, but got {value!r} of type {type(value).__name__}.")
    if not 0 < value < np.inf:
        raise ValueError(f"`{name}` must be a finite number above 0, but got {value:g}.")
    return float(value)


def not_negative(value, name):
    """The value as a finite float of at least 0."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real) or not 0 <= value < np.inf:
        raise ValueError(f"`{name}` must be a finite number of at least 0, but got {value!r}.")
    return float(value)


def generator(rng, name="rng"):
    """The NumPy generator, so that no draw depends on a hidden global state."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"`{name}` must be a numpy.random.Generator, but got {rng!r}. "
                        "Did you mean numpy.random.default_rng(seed)?")
    return rng


def seed(value, name="seed"):
    """The seed as an int of at least 0; NumPy's whole numbers are welcome."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral) or value < 0:
        raise ValueError(f"`{name}` must be a whole number from 0, but got {value!r}.")
    return int(value)


def seed_list(values, name="seeds"):
    """The seeds as a list of whole numbers from 0: at least one, none twice."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"`{name}` must be a list of whole numbers from 0, but got {values!r}.")
    values = list(values)
    if not values:
        raise ValueError(f"`{name}` must hold at least one seed, but is empty.")
    seeds = [seed(value, name) for value in values]
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"`{name}` must differ, but got {seeds}: the same seed again is the same run, not another one.")
    return seeds


def labels(y, name, n_classes):
    """The labels as int64 array (N,) with values 0 .. K-1; the argument itself is never changed."""
    y = np.asarray(y)
    if y.ndim != 1:
        raise ValueError(f"`{name}` must be one label per example, shape (N,), but got shape {y.shape}.")
    if y.size == 0:
        return y.astype(np.int64)
    if not np.issubdtype(y.dtype, np.integer):
        raise TypeError(f"`{name}` must hold integer class numbers, but got dtype {y.dtype}. Use .astype(int) first.")
    if y.min() < 0 or y.max() >= n_classes:
        raise ValueError(f"`{name}` must hold class numbers 0 to {n_classes - 1}, but got {y.min()} to {y.max()}.")
    return y.astype(np.int64, copy=False)


def label_vectors(y, name, n_classes=None):
    """The label vectors as uint8 array (N, K) of 0 and 1; the argument itself is never changed."""
    y = np.asarray(y)
    if y.ndim != 2 or y.shape[1] == 0:
        cure = " Class numbers become one-hot vectors by np.eye(K, dtype=np.uint8)[y]." if y.ndim == 1 else ""
        raise ValueError(f"`{name}` must be one vector of 0 and 1 per example, shape (N, K), but got shape {y.shape}."
                         f"{cure}")
    if n_classes is not None and y.shape[1] != n_classes:
        raise ValueError(f"`{name}` must have one entry per class, shape (N, {n_classes}), but got shape {y.shape}.")
    if y.dtype != bool and not np.issubdtype(y.dtype, np.number):
        raise TypeError(f"`{name}` must hold 0 and 1, but got dtype {y.dtype}.")
    odd = y[(y != 0) & (y != 1)]                                             # NaN is among them
    if odd.size:
        raise ValueError(f"`{name}` must hold 0 and 1 only, but got {odd[0]:g}.")
    return y.astype(np.uint8, copy=False)


def inputs(x, name):
    """uint8 images (N, H, W) or (N, H, W, 3) as they are, or features (N, d) as float32."""
    x = np.asarray(x)
    images = x.dtype == np.uint8 and (x.ndim == 3 or (x.ndim == 4 and x.shape[3] == 3))
    if x.size == 0 or not (images or (x.ndim == 2 and np.issubdtype(x.dtype, np.floating))):
        raise ValueError(f"`{name}` must be uint8 images (N, H, W) or (N, H, W, 3), or features (N, d) of floats, "
                         f"but got {x.dtype} of shape {x.shape}.")
    if not images and not np.isfinite(x).all():
        raise ValueError(f"`{name}` must hold finite numbers, but {np.count_nonzero(~np.isfinite(x))} of them are not.")
    return x if images else x.astype(np.float32, copy=False)


def group_numbers(group, name="group"):
    """The group numbers as int64 (N,): examples of one number belong together. None stays None."""
    if group is None:
        return None
    group = np.asarray(group)
    if group.ndim != 1 or not np.issubdtype(group.dtype, np.integer):
        raise ValueError(f"`{name}` must be whole numbers of shape (N,), but got {group.dtype} of shape {group.shape}.")
    return group.astype(np.int64, copy=False)


def same_length(**arrays):
    """Nothing; raises unless all named arrays hold the same number of examples; None is passed over."""
    sizes = {name: len(values) for name, values in arrays.items() if values is not None}
    if len(set(sizes.values())) > 1:
        names, got = " and ".join(f"`{n}`" for n in sizes), " and ".join(str(s) for s in sizes.values())
        raise ValueError(f"{names} must hold the same number of examples, but got {got}.")


def transition_matrix(T, name="T"):
    """The transition matrix as float64 (K, K), T[i, j] = P(noisy = j | clean = i), each row summing to 1."""
    T = np.asarray(T, dtype=np.float64)
    if T.ndim != 2 or T.shape[0] != T.shape[1] or T.size == 0:
        raise ValueError(f"`{name}` must be a square matrix (K, K), but got shape {T.shape}.")
    if not np.isfinite(T).all() or T.min() < 0:
        raise ValueError(f"`{name}` must hold probabilities, but its smallest entry is {T.min():g}.")
    sums = T.sum(axis=1)
    if np.abs(sums - 1).max() > 1e-4:                                        # float32 input is welcome
        cure = " Its columns do: did you mean its transpose?" if np.allclose(T.sum(axis=0), 1, atol=1e-4) else ""
        worst = np.abs(sums - 1).argmax()
        raise ValueError(f"`{name}` must have rows that sum to 1, but row {worst} sums to {sums[worst]:g}.{cure}")
    return T / sums[:, None]
