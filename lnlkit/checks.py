"""Argument checks: each returns the checked value, or raises one sentence that names the argument and the cure.

N examples, K classes.
"""
import os
import tempfile
from collections.abc import Iterable
from difflib import get_close_matches
from numbers import Integral, Real
from pathlib import Path

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
    if not isinstance(value, str) or value not in allowed:
        near = get_close_matches(str(value).lower(), allowed, n=1)
        cure = f" Did you mean {near[0]!r}?" if near else ""
        known = str(allowed) if len(str(allowed)) < 300 else f"{str(allowed[:9])[:-1]}, ...] ({len(allowed)} in all)"
        raise ValueError(f"`{name}` must be one of {known}, but got {brief(value)}.{cure}")
    return value


def brief(value):
    """The value as a message shows it: on one line, and not the whole of a long one."""
    return f"{' '.join(repr(value).split()):.80}"


def text(value, name):
    """The value, which is a text."""
    if not isinstance(value, str):
        raise TypeError(f"`{name}` must be a text, but got {brief(value)} of type {type(value).__name__}.")
    return value


def sequence(values, name):
    """The values as a list with at least one entry; a text is none of its letters."""
    if isinstance(values, (str, dict)) or not isinstance(values, Iterable) or getattr(values, "ndim", 1) == 0:
        raise TypeError(f"`{name}` must be a list, but got {brief(values)}.")
    if not (values := list(values)):
        raise ValueError(f"`{name}` must hold at least one entry, but is empty.")
    return values


def mapping(value, name, entry):
    """The value, a dict with at least one entry; `entry` says what one is, such as "title: T"."""
    if not isinstance(value, dict):
        raise TypeError(f"`{name}` must be a dict {{{entry}}}, but got {brief(value)} of type {type(value).__name__}.")
    if not value:
        raise ValueError(f"`{name}` must be a dict {{{entry}}} with at least one entry, but is empty.")
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


def path(value, name="path"):
    """The value as a Path: text or a path, not empty."""
    if not isinstance(value, (str, os.PathLike)) or str(value) == "" or "\0" in str(value):
        raise TypeError(f"`{name}` must be the name of a file or folder, but got {value!r}.")
    return Path(value)


def writable_folder(value, name):
    """The folder as a Path, made if there is none; what is written there later can be."""
    folder = path(value, name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise ValueError(f"`{name}` must be a folder to write to, but {folder} is none ({error.strerror}).") from None


def writable_file(value, name):
    """The file as a Path, in a folder that is there and can be written."""
    file = path(value, name)
    if file.is_dir() or not file.parent.is_dir():
        what = "it is a folder" if file.is_dir() else f"there is no folder {file.parent}"
        raise ValueError(f"`{name}` must be the name of a file to write, but got {file}, and {what}.")
    writable_folder(file.parent, name)
    return file


def count(value, name):
    """The value as an int of at least 0."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral) or value < 0:
        raise ValueError(f"`{name}` must be a whole number of at least 0, but got {value!r}.")
    return int(value)


def between(value, name, low, high):
    """The value as a float in [low, high]."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real) or not low <= value <= high:
        raise ValueError(f"`{name}` must be a number in [{low:g}, {high:g}], but got {value!r}.")
    return float(value)


def instance(value, name, kind, cure=""):
    """The value, which is of this kind."""
    if not isinstance(value, kind):
        raise TypeError(f"`{name}` must be a {kind.__name__}, but got {type(value).__name__}.{cure and ' ' + cure}")
    return value


def function(value, name, *, optional=False):
    """The value, which can be called; None too where it is optional."""
    if not callable(value) and not (optional and value is None):
        raise TypeError(f"`{name}` must be a function{' or None' if optional else ''}, but got {brief(value)} "
                        f"of type {type(value).__name__}.")
    return value


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
        raise ValueError(f"`{name}` must differ, but got {seeds}: the same seed again is the same run.")
    return seeds


def array(values, name):
    """The values as an array; a list of unequal rows, or a tensor that isn't on the CPU, is none."""
    try:
        return np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise TypeError(f"`{name}` must be an array or a list of equal rows, on the CPU, but got "
                        f"{type(values).__name__}: {str(error).split('. ')[0].rstrip('.')}.") from error


def numbers(values, name, ndim=None):
    """The values as an array of finite numbers, of `ndim` dimensions where that is named."""
    values = array(values, name)
    if not (np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.floating)):
        raise TypeError(f"`{name}` must hold numbers, but got {_what(values)}.")
    if ndim is not None and values.ndim != ndim:
        raise ValueError(f"`{name}` must be an array of {ndim} dimension{'s' * (ndim > 1)}, "
                         f"but got shape {values.shape}.")
    if not np.isfinite(values).all():
        raise ValueError(f"`{name}` must hold finite numbers, but {np.count_nonzero(~np.isfinite(values))} of them "
                         "are NaN or infinite.")
    return values


def labels(y, name, n_classes=None):
    """The labels as int64 array (N,) with values 0 .. K-1, a column (N, 1) too; the argument itself is never changed.

    Without `n_classes` any whole number from 0 is a class.
    """
    y = array(y, name)
    if y.ndim == 2 and y.shape[1] == 1:                                      # Keras hands out labels as a column
        y = y[:, 0]
    if y.ndim != 1:
        cure = "" if y.ndim != 2 else " Use .ravel() first." if len(y) == 1 else " One-hot? Use .argmax(1) first."
        got = f"shape {y.shape}" if y.ndim else _what(y)
        raise ValueError(f"`{name}` must be one label per example, shape (N,), but got {got}.{cure}")
    if y.size and not np.issubdtype(y.dtype, np.integer):
        raise TypeError(f"`{name}` must hold integer class numbers, but got dtype {y.dtype}. {_cure_of_labels(y)}")
    if y.size and (y.min() < 0 or (n_classes is not None and y.max() >= n_classes)):
        span = "from 0" if n_classes is None else f"0 to {n_classes - 1}"
        cure = " Labels from 1? Use y - 1." if y.min() == 1 and y.max() == n_classes else ""
        raise ValueError(f"`{name}` must hold class numbers {span}, but got {y.min()} to {y.max()}.{cure}")
    return y.astype(np.int64, copy=False)


def _cure_of_labels(y):
    """How labels of another dtype become integers."""
    if y.dtype.kind in "US":
        return "Text becomes class numbers by np.unique(y, return_inverse=True)[1]."
    if y.dtype.kind == "f" and (odd := y[(y != np.floor(y)) | np.isinf(y)]).size:     # NaN is no floor of itself
        return f"Drop or mend labels like {odd[0]:g} first."
    return "Use .astype(int) first."


def label_vectors(y, name, n_classes=None):
    """The label vectors as uint8 array (N, K) of 0 and 1; the argument itself is never changed."""
    y = array(y, name)
    if y.ndim != 2 or y.shape[1] == 0:
        cure = " Class numbers become one-hot vectors by np.eye(K, dtype=np.uint8)[y]." if y.ndim == 1 else ""
        got = f"shape {y.shape}" if y.ndim else _what(y)
        raise ValueError(f"`{name}` must be one vector of 0 and 1 per example, shape (N, K), but got {got}.{cure}")
    if n_classes is not None and y.shape[1] != n_classes:
        raise ValueError(f"`{name}` must have one entry per class, shape (N, {n_classes}), but got shape {y.shape}.")
    if y.dtype != bool and not np.issubdtype(y.dtype, np.number):
        raise TypeError(f"`{name}` must hold 0 and 1, but got dtype {y.dtype}.")
    odd = y[(y != 0) & (y != 1)]                                             # NaN is among them
    if odd.size:
        raise ValueError(f"`{name}` must hold 0 and 1 only, but got {odd[0]:g}.")
    return y.astype(np.uint8, copy=False)


def labels_or_vectors(y, name, n_classes):
    """Label vectors where the array has one column a class, else labels (N,)."""
    y = array(y, name)
    return (label_vectors if y.ndim == 2 and y.shape[1] == n_classes else labels)(y, name, n_classes)


def inputs(x, name="x"):
    """uint8 images (N, H, W) or (N, H, W, 1 or 3) as they are, or features (N, d) as float32."""
    x = array(x, name)
    images = x.dtype == np.uint8 and (x.ndim == 3 or (x.ndim == 4 and x.shape[3] in (1, 3)))
    if x.size == 0 or not (images or (x.ndim == 2 and np.issubdtype(x.dtype, np.floating))):
        raise ValueError(f"`{name}` must be uint8 images (N, H, W) or (N, H, W, 3), or features (N, d) of floats, "
                         f"but got {_what(x)}.{_cure_of_inputs(x)}")
    if images:
        return x
    with np.errstate(over="ignore"):
        x = x.astype(np.float32, copy=False)
    if not np.isfinite(x).all():
        raise ValueError(f"`{name}` must hold finite numbers, but {np.count_nonzero(~np.isfinite(x))} of them are not.")
    return x


def _cure_of_inputs(x):
    """How arrays that come near images or features become such."""
    if x.ndim in (3, 4) and x.size and np.issubdtype(x.dtype, np.floating):
        return " Images in [0, 1]? Use (255 * x).round().astype(np.uint8)."
    if x.ndim == 4 and x.shape[1] in (1, 3):
        return " Channels first? Use .transpose(0, 2, 3, 1)."
    if x.ndim in (2, 3, 4) and x.size and np.issubdtype(x.dtype, np.integer):
        return " Rows of numbers? Use .astype(np.float32)." if x.ndim == 2 else " Pixels 0..255? Use .astype(np.uint8)."
    return ""


def _what(values):
    """What an array is, in words: its shape and dtype, or the one thing in it."""
    if values.ndim == 0:
        item = values.item()
        return f"{item!r:.80}" if item is None or isinstance(item, (str, Real)) else f"one {type(item).__name__}"
    return f"{values.dtype} of shape {values.shape}"


def group_numbers(group, name="group"):
    """The group numbers as int64 (N,): examples of one number belong together. None stays None."""
    if group is None:
        return None
    group = array(group, name)
    if group.ndim != 1 or not np.issubdtype(group.dtype, np.integer):
        raise ValueError(f"`{name}` must be whole numbers of shape (N,), but got {group.dtype} of shape {group.shape}.")
    return group.astype(np.int64, copy=False)


def positions(index, name, n):
    """The positions of some of n examples: whole numbers, or a mask of booleans (n,)."""
    index = array(index, name)
    mask = index.dtype == bool and index.shape == (n,)
    if not mask and (index.ndim != 1 or not np.issubdtype(index.dtype, np.integer) or index.size == 0):
        raise TypeError(f"`{name}` must be positions, or a mask, of some of the {n} examples, but got {_what(index)}.")
    if not mask and (index.min() < -n or index.max() >= n):
        raise ValueError(f"`{name}` must be positions of the {n} examples, but got {index.min()} to {index.max()}.")
    return index


def class_names(values, n_classes, name="class_names"):
    """The names of the classes as a tuple (K,)."""
    values = tuple(sequence(values, name))
    if len(values) != n_classes:
        raise ValueError(f"`{name}` must be {n_classes} names, but got {len(values)}.")
    return values


def same_length(**arrays):
    """Nothing; raises unless all named arrays hold the same number of examples; None is passed over."""
    for name, values in arrays.items():
        if isinstance(values, (str, dict)) or (values is not None and np.shape(values)[:1] == ()):
            raise TypeError(f"`{name}` must hold one entry per example, but got {type(values).__name__}.")
    sizes = {name: len(values) for name, values in arrays.items() if values is not None}
    if len(set(sizes.values())) > 1:
        names, got = " and ".join(f"`{n}`" for n in sizes), " and ".join(str(s) for s in sizes.values())
        raise ValueError(f"{names} must hold the same number of examples, but got {got}.")


def transition_matrix(T, name="T"):
    """The transition matrix as float64 (K, K), T[i, j] = P(noisy = j | clean = i), each row summing to 1."""
    T = numbers(T, name).astype(np.float64)
    if T.ndim != 2 or T.shape[0] != T.shape[1] or T.size == 0:
        raise ValueError(f"`{name}` must be a square matrix (K, K), but got shape {T.shape}.")
    if T.min() < 0:
        raise ValueError(f"`{name}` must hold probabilities, but its smallest entry is {T.min():g}.")
    sums = T.sum(axis=1)
    if np.abs(sums - 1).max() > 1e-4:                                        # float32 input is welcome
        cure = " Its columns do: did you mean its transpose?" if np.allclose(T.sum(axis=0), 1, atol=1e-4) else ""
        worst = np.abs(sums - 1).argmax()
        raise ValueError(f"`{name}` must have rows that sum to 1, but row {worst} sums to {sums[worst]:g}.{cure}")
    return T / sums[:, None]
