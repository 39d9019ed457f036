"""Files of data sets: the folder they lie in, and bundles that are read with care and written whole or not at all.

A bundle is an .npz file; of images it holds x_train, y_train, x_test, y_test (the convention of Keras's mnist.npz).
"""

import os
import zipfile
from pathlib import Path

import numpy as np

from lnlkit import checks, records

BUNDLE_KEYS = ("x_train", "y_train", "x_test", "y_test")


def default_dir():
    """The folder of the bundles when none is named, absolute: $LNLKIT_DATA, else the user's cache folder."""
    named, cache = os.environ.get("LNLKIT_DATA"), os.environ.get("XDG_CACHE_HOME")
    try:
        folder = Path(named).expanduser() if named else Path(cache or Path.home() / ".cache") / "lnlkit"
    except RuntimeError:
        raise ValueError("`LNLKIT_DATA` must name the folder for data sets, because no home folder is known here: "
                         "export LNLKIT_DATA=/path/to/folder.") from None
    return _no_file(folder.absolute(), "LNLKIT_DATA")


def offline():
    """Whether LNLKIT_OFFLINE forbids downloads."""
    return os.environ.get("LNLKIT_OFFLINE", "").strip().lower() not in ("", "0", "false", "no", "off")


def folder_of(data_dir=None):
    """The folder named, or the default one."""
    return default_dir() if data_dir is None else _no_file(checks.path(data_dir, "data_dir"), "data_dir")


def _no_file(folder, name):
    if folder.is_file():
        raise ValueError(f"`{name}` must be the folder that holds the data sets, but {folder} is a file: "
                         f"did you mean {folder.parent}?")
    return folder


def read_npz(path, keys, optional=()):
    """The named arrays of an .npz file, and the optional ones that it has.

    Anything that isn't exactly this is one ValueError that names the file.
    """
    path = existing(path)
    cure = f"Delete it or move it away, then put a good copy of {path.name} there."
    with open(path, "rb") as file:
        try:
            archive = np.load(file, allow_pickle=False)
            found = getattr(archive, "files", None)                          # a bare .npy array has no such attribute
            if found is not None and set(keys) <= set(found):
                return {key: archive[key] for key in (*keys, *optional) if key in found}
        except MemoryError:                                                  # the file may well be good
            raise
        except Exception as error:                                           # a damaged zip can raise almost anything
            raise ValueError(f"{path} must be an .npz file of plain arrays, but it is broken or of another kind "
                             f"({type(error).__name__}: {error}). {cure}") from error
    raise ValueError(f"{path} must hold the arrays {', '.join(keys)}, but it holds {found or 'one bare array'}. {cure}")


def existing(path):
    """The path of a file that is there."""
    path = checks.path(path)
    if not path.is_file():
        raise FileNotFoundError(f"`path` must be a file that exists, but there is no file {path}.")
    return path


def write_bundle(path, arrays):
    """Write a bundle whole or not at all: a killed run never leaves half a file under the final name."""
    with records.whole_file(path, "wb") as file:
        np.savez(file, **arrays)


def how_to_get(name, folder):
    """One sentence: which file to put where."""
    return (f"Put {name}.npz (arrays {', '.join(BUNDLE_KEYS)}) into {folder}, "
            f"or run `lnlkit data prepare {name}` on a machine with internet and copy the file.")


def not_downloaded(name, error):
    """What a message says of a failed download, on one line."""
    return f"`{name}` could not be downloaded ({type(error).__name__}: {' '.join(str(error).split())})"


def state(name, path):
    """Where the bundle of a set lies, that what lies there is none, or how to get it."""
    if not path.exists():
        return f"not here: `lnlkit data prepare {name}`"
    return f"bundle {path}" if zipfile.is_zipfile(path) else f"broken: delete {path} and prepare it again"
