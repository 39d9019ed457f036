"""The human labels of CIFAR-10N (Wei et al. 2022), read without torch and without trusting the file."""

import pickle
import zipfile

import numpy as np

from lnlkit import checks
from lnlkit.data import bundles

HUMAN_KEYS = ("clean_label", "aggre_label", "random_label1", "random_label2", "random_label3", "worse_label")
HUMAN_FILES = ("cifar10n.npz", "CIFAR-10_human.pt")
ANNOTATORS = ("random_label1", "random_label2", "random_label3")
LICENCE = "labels CC BY-NC 4.0"


def human_labels(data_dir=None):
    """The human labels CIFAR-10N (Wei et al. 2022): {key: int64 (50000,)}, in the order of CIFAR-10's training images.

    Keys: clean_label, aggre_label, random_label1..3, worse_label. Reads ``cifar10n.npz`` or the authors' own
    ``CIFAR-10_human.pt``, the latter without torch and without trusting it. Licence: CC BY-NC 4.0.
    """
    folder = bundles.folder_of(data_dir)
    for name in HUMAN_FILES:
        if (folder / name).exists():
            return read_human_labels(folder / name)
    raise FileNotFoundError(f"The CIFAR-10N labels must be in {folder}, but there is neither of "
                            f"{' and '.join(HUMAN_FILES)}. Get CIFAR-10_human.pt from its authors "
                            "(github.com/UCSC-REAL/cifar-10-100n, CC BY-NC 4.0).")


def read_human_labels(path):
    """The six label vectors of CIFAR-10N (Wei et al. 2022) as int64 (50000,), in torchvision's order of images."""
    path = bundles.existing(path)
    raw = bundles.read_npz(path, HUMAN_KEYS) if path.suffix == ".npz" else _read_human_pickle(path)
    try:
        found = {key: checks.labels(raw[key], key, 10) for key in HUMAN_KEYS}
        if {y.shape for y in found.values()} != {(50000,)}:
            raise ValueError("each label vector must have shape (50000,).")
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} must hold the CIFAR-10N labels {', '.join(HUMAN_KEYS)}, but: {error}") from error
    return found


def _read_human_pickle(path):
    """The dict inside a file of torch.save, read without torch and without running what the file says."""
    try:
        with zipfile.ZipFile(path) as archive:
            inner = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            with archive.open(inner) as file:
                content = _ArraysOnly(file).load()
        return {key: content[key] for key in HUMAN_KEYS}
    except OSError:
        raise
    except Exception as error:                                # a hostile or broken pickle can raise anything
        raise ValueError(f"{path} must be the CIFAR-10N label file, a dict of plain NumPy arrays, but it can't be read "
                         f"as one ({type(error).__name__}: {error}). Download it again from its authors.") from error


class _ArraysOnly(pickle.Unpickler):
    """An unpickler that can build NumPy arrays and nothing else: every other name in the file is refused."""

    _ALLOWED = {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype,
                ("_codecs", "encode"): lambda text, _: text.encode("latin1")}
    for _module in ("numpy.core.multiarray", "numpy._core.multiarray"):      # NumPy 1, NumPy 2
        _ALLOWED[_module, "_reconstruct"] = lambda *_: np.empty(0, np.int8)  # an empty array that the file then fills

    def find_class(self, module, name):
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"the file asks for {module}.{name}, which is no part of an array")
        return self._ALLOWED[module, name]
