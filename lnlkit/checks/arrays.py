"""Checks of arrays: labels, label vectors, inputs, matrices.

N examples, K classes.
"""
from numbers import Real

import numpy as np

from lnlkit.checks.values import sequence


def array(values, name):
    """The values as an array; a list of unequal rows, or a tensor that isn't on the CPU, is none."""
    if np.ma.is_masked(values):                                              # NumPy would show what is under the mask
        raise ValueError(f"`{name}` must hold no masked values. Use .compressed(), or fill them, first.")
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
    if y.dtype.kind in "US" or (y.dtype == object and all(isinstance(label, str) for label in y)):
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
        raise TypeError(f"`{name}` must hold 0 and 1, but got dtype {y.dtype}. Use .astype(int) first.")
    odd = y[(y != 0) & (y != 1)]                                             # NaN is among them
    if odd.size:
        raise ValueError(f"`{name}` must hold 0 and 1 only, but got {odd[0]:g}.")
    return y.astype(np.uint8, copy=False)


def labels_or_vectors(y, name, n_classes):
    """Label vectors where the array has one column a class, else labels (N,)."""
    y = array(y, name)
    if y.ndim == 2 and y.shape[1] != n_classes == y.shape[0]:
        raise ValueError(f"`{name}` must be labels (N,) or label vectors (N, {n_classes}), but got shape {y.shape}. "
                         "Use its transpose.")
    return (label_vectors if y.ndim == 2 and y.shape[1] == n_classes else labels)(y, name, n_classes)


def inputs(x, name="x"):
    """uint8 images (N, H, W) or (N, H, W, 1 or 3) as they are, or features (N, d) as float32."""
    x = array(x, name)
    images = x.dtype == np.uint8 and (x.ndim == 3 or (x.ndim == 4 and x.shape[3] in (1, 3)))
    if x.size == 0 or not (images or (x.ndim == 2 and np.issubdtype(x.dtype, np.floating))):
        raise ValueError(f"`{name}` must be uint8 images (N, H, W) or (N, H, W, 3), or features (N, d) of floats, "
                         f"but got {_what(x)}.{_cure_of_inputs(x)}")
    return x if images else float32(x, name)


def float32(values, name, ndim=None):
    """The numbers as float32, in which they are finite, too."""
    with np.errstate(over="ignore"):
        values = numbers(values, name, ndim).astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        raise ValueError(f"`{name}` must hold finite numbers, but {np.count_nonzero(~np.isfinite(values))} of them are "
                         "too large for float32. Standardise them first.")
    return values


def _cure_of_inputs(x):
    """How arrays that come near images or features become such."""
    if x.ndim in (3, 4) and x.size and np.issubdtype(x.dtype, np.floating):
        if 0 <= x.min() and x.max() <= 1:
            return " Images in [0, 1]? Use (255 * x).round().astype(np.uint8)."
        return " Pixels 0..255? Use .round().astype(np.uint8)." if _are_pixels(x) else _RESCALE
    if x.ndim == 2 and x.dtype == object:                                    # columns of pandas that may hold NA
        return " Numbers? Use .astype(np.float32)."
    if x.ndim == 4 and x.shape[1] in (1, 3):
        return " Channels first? Use .transpose(0, 2, 3, 1)."
    if x.ndim == 4 and x.dtype == np.uint8 and x.shape[3] in (2, 4):
        return " An alpha channel? Use x[..., :-1]."
    if x.ndim in (2, 3, 4) and x.size and np.issubdtype(x.dtype, np.integer):
        if x.ndim == 2:
            return " Rows of numbers? Use .astype(np.float32). One image? Use x[None]."
        return " Pixels 0..255? Use .astype(np.uint8)." if _are_pixels(x) else _RESCALE
    return ""


_RESCALE = " Other than pixels 0..255? Bring them to that range first."


def _are_pixels(x):
    return 0 <= x.min() and x.max() <= 255                                   # others would wrap around as uint8


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


def same_kind(**arrays):
    """Nothing; raises unless the second of two arrays holds examples of the dtype and shape of the first one's."""
    (first, a), (second, b) = arrays.items()
    if (a.dtype, a.shape[1:]) != (b.dtype, b.shape[1:]):
        raise ValueError(f"`{second}` must be of the same kind as `{first}`, {a.dtype} of shape {a.shape}, but got "
                         f"{b.dtype} of shape {b.shape}.")


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
