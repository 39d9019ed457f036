"""Checks of single values: numbers, names, paths, seeds, generators."""
import inspect
import os
import tempfile
from collections.abc import Iterable
from difflib import get_close_matches
from fractions import Fraction
from numbers import Integral, Real
from pathlib import Path

import numpy as np


def brief(value):
    """The value as a message shows it: on one line, and not the whole of a long one."""
    return f"{' '.join(repr(value).split()):.80}"


def _typed(value):
    return f"{brief(value)} of type {type(value).__name__}"


def _is(kind, value):
    """Whether the value is a number of this kind; True and False are none."""
    return isinstance(value, kind) and not isinstance(value, (bool, np.bool_))


def plain(value):
    """NumPy's number, or a fraction, as Python's: a float of few bits as the one that prints alike, 0.2 as 0.2."""
    if isinstance(value, np.floating):
        return float(str(value))
    return value.item() if isinstance(value, np.generic) else float(value) if isinstance(value, Fraction) else value


def fraction(value, name, *, below_one=True):
    """The value as a float in [0, 1), or in [0, 1] with ``below_one=False``."""
    value = plain(value)
    span = "[0, 1)" if below_one else "[0, 1]"
    if not _is(Real, value):
        raise TypeError(f"`{name}` must be a fraction in {span}, but got {_typed(value)}.")
    if not 0 <= value <= 1 or (below_one and value == 1):                    # NaN fails the first comparison
        cure = f" Did you mean {value / 100:g}?" if 2 <= value < 100 else ""
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


def text(value, name):
    """The value, which is a text."""
    if not isinstance(value, str):
        raise TypeError(f"`{name}` must be a text, but got {_typed(value)}.")
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
        raise TypeError(f"`{name}` must be a dict {{{entry}}}, but got {_typed(value)}.")
    if not value:
        raise ValueError(f"`{name}` must be a dict {{{entry}}} with at least one entry, but is empty.")
    return value


def positive_int(value, name):
    """The value as an int of at least 1."""
    if not _is(Integral, value):
        raise TypeError(f"`{name}` must be a whole number, but got {_typed(value)}.")
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1, but got {value}.")
    return int(value)


def positive(value, name):
    """The value as a finite float above 0."""
    value = plain(value)
    if not _is(Real, value):
        raise TypeError(f"`{name}` must be a number above 0, but got {_typed(value)}.")
    if not 0 < value < np.inf:
        raise ValueError(f"`{name}` must be a finite number above 0, but got {value:g}.")
    return float(value)


def not_negative(value, name):
    """The value as a finite float of at least 0."""
    value = plain(value)
    if not _is(Real, value) or not 0 <= value < np.inf:
        raise ValueError(f"`{name}` must be a finite number of at least 0, but got {brief(value)}.")
    return float(value)


def path(value, name="path"):
    """The value as a Path: text or a path, not empty; ~ is the home folder."""
    if not isinstance(value, (str, os.PathLike)) or str(value) == "" or "\0" in str(value):
        raise TypeError(f"`{name}` must be the name of a file or folder, but got {brief(value)}.")
    if any("\ud800" <= letter <= "\udfff" for letter in str(value)):       # how Python shows bytes that are no UTF-8
        raise ValueError(f"`{name}` must be a name in UTF-8, but got {ascii(str(value)):.200}: rename it.")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise ValueError(f"`{name}` must be the name of a file or folder, but got {value}, and no such home folder is "
                         "known here: write the whole path.") from None


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
    if not _is(Integral, value) or value < 0:
        raise ValueError(f"`{name}` must be a whole number of at least 0, but got {brief(value)}.")
    return int(value)


def between(value, name, low, high):
    """The value as a float in [low, high]."""
    value = plain(value)
    if not _is(Real, value) or not low <= value <= high:
        raise ValueError(f"`{name}` must be a number in [{low:g}, {high:g}], but got {brief(value)}.")
    return float(value)


def instance(value, name, kind, cure=""):
    """The value, which is of this kind."""
    if not isinstance(value, kind):
        raise TypeError(f"`{name}` must be a {kind.__name__}, but got {type(value).__name__}.{cure and ' ' + cure}")
    return value


def function(value, name, *, optional=False, of=()):
    """The value, which can be called, with the arguments `of` where these are named; None too where it is optional."""
    if optional and value is None:
        return None
    if not callable(value):
        raise TypeError(f"`{name}` must be a function{' or None' if optional else ''}, but got {_typed(value)}.")
    if of and not _takes(value, len(of)):
        raise TypeError(f"`{name}` must be a function of ({', '.join(of)}), but got one of {inspect.signature(value)}.")
    return value


def _takes(function, n):
    """Whether a call with n arguments fits, as far as that can be told."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):                                          # some built-in ones don't say
        return True
    try:
        signature.bind(*range(n))
    except TypeError:
        return False
    return True


def generator(rng, name="rng"):
    """The NumPy generator, so that no draw depends on a hidden global state."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"`{name}` must be a numpy.random.Generator, but got {brief(rng)}. "
                        "Did you mean numpy.random.default_rng(seed)?")
    return rng


def seed(value, name="seed"):
    """The seed as an int of at least 0; NumPy's whole numbers are welcome."""
    if not _is(Integral, value) or value < 0:
        raise ValueError(f"`{name}` must be a whole number from 0, but got {brief(value)}.")
    if value >= 2**63:
        raise ValueError(f"`{name}` must be a whole number from 0 to 2**63 - 1, but got {value}.")
    return int(value)


def seed_list(values, name="seeds"):
    """The seeds as a list of whole numbers from 0: at least one, none twice."""
    if not isinstance(values, (list, tuple, range, np.ndarray)) or getattr(values, "ndim", 1) != 1:
        raise TypeError(f"`{name}` must be a list of whole numbers from 0, but got {brief(values)}.")
    values = list(values)
    if not values:
        raise ValueError(f"`{name}` must hold at least one seed, but is empty.")
    seeds = [seed(value, name) for value in values]
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"`{name}` must differ, but got {seeds}: the same seed again is the same run.")
    return seeds
