"""Clothing1M (Xiao et al. 2015): images from the web with labels from the text around them, of 14 kinds of clothes.

Its terms forbid handing it on, so it is read from a folder of your own. What its authors send is one text file of keys
a part, two of labels, the names of the classes, and the images: key `images/0/00/name.jpg`. Other copies have the text
files in `annotations/`; both are read.
"""

import time
from typing import NamedTuple

import numpy as np

from lnlkit import checks
from lnlkit.data.noisy import Labelled, NoisyData, subset
from lnlkit.data.voc import central_square

N_CLASSES = 14
PARTS = {"noisy_train": "noisy", "clean_train": "clean", "clean_val": "clean", "clean_test": "clean"}
"""The parts of the set, and whose labels they have: those from the web, or those given by people."""
SOURCE = "Ask its authors for it (github.com/Cysu/noisy_label, for non-commercial research and education only)"
AGAIN = "Extract the text files of Clothing1M again"
TOLD_EVERY = 1000  # images between two lines of progress


class Clothing1M(NamedTuple):
    """A noisy training set without any clean label, clean sets to validate and to test on, and names of classes."""

    train: Labelled
    validation: Labelled
    test: Labelled
    class_names: tuple[str, ...]


def read_clothing1m(folder, side=64, n=None, seed=0, progress=None):
    """A `Clothing1M` from the folder of your copy: images uint8 (N, side, side, 3), short side resized, centre cut out.

    train: n of the million images with noisy labels, drawn with seed so that the noisy classes keep their shares; all
    when n is None, 12 GB at 64 pixels (3 side^2 bytes an image; 150 GB at 224). None of them has a clean label: the
    images that have both are no part of it, see `read_clothing1m_labelled_twice`. validation, test: all 10,526 and
    14,313 images labelled by people. `read_part` reads one part, also the 47,570 clean training images.

    One process reads at most about 3,000 images a second, on a slow disk far fewer. `progress(line)` is told how far it
    is. Raises FileNotFoundError for a missing list or image, before the first image is read, ValueError for a broken
    one, a key without a label or a label out of range.
    """
    settings = dict(side=side, progress=progress)
    train = read_part(folder, "noisy_train", n=n, seed=seed, **settings)
    validation, test = (read_part(folder, part, **settings) for part in ("clean_val", "clean_test"))
    return Clothing1M(train, validation, test, class_names(folder))


def read_part(folder, part, side=64, n=None, seed=0, progress=None):
    """One of PARTS as `Labelled`: noisy labels of noisy_train, clean ones of all others; see `read_clothing1m`."""
    folder = _checked(folder, side, n, seed, progress)
    kind = PARTS[checks.one_of(part, "part", PARTS)]
    labels, listed = read_labels(folder, kind), _existing(folder, f"{part}_key_list.txt")
    keys = [key for _, (key,) in _rows(listed, "an image's key")]
    unlabelled = next((key for key in keys if key not in labels), None)
    if unlabelled is not None:
        raise ValueError(f"{listed} lists {unlabelled!r:.80}, which must have a label in {kind}_label_kv.txt, but has "
                         f"none. {AGAIN}.")  # fmt: skip
    y = np.array([labels[key] for key in keys])
    chosen = subset(keys, y, n, seed)
    return Labelled(_images(folder, [keys[i] for i in chosen], side, part, progress), y[chosen], N_CLASSES)


def read_clothing1m_labelled_twice(folder, side=64, n=None, seed=0, progress=None):
    """The images with a label from the web and one by people, as `NoisyData`: 37,497, or n drawn by noisy class.

    `noise_rate_` and `T` of it say how wrong the labels from the web are. They lie in the clean training, validation
    and test parts and in no noisy one: measure with them, but do not train on them where you test on these.
    """
    folder = _checked(folder, side, n, seed, progress)
    noisy, clean = (read_labels(folder, kind) for kind in ("noisy", "clean"))
    keys = [key for key in clean if key in noisy]
    if not keys:
        raise ValueError(f"`folder` must hold images with a label in noisy_label_kv.txt and in clean_label_kv.txt, but "
                         f"{folder} has none. {AGAIN}.")  # fmt: skip
    y, y_clean = (np.array([labels[key] for key in keys]) for labels in (noisy, clean))
    chosen = subset(keys, y, n, seed)
    x = _images(folder, [keys[i] for i in chosen], side, "labelled twice", progress)
    return NoisyData(x, y[chosen], y_clean[chosen], N_CLASSES)


def class_names(folder):
    """The names of the 14 classes, as the copy has them."""
    path = _existing(checks.path(folder, "folder"), "category_names_eng.txt")
    names = tuple(line for line in _text(path).splitlines() if line.strip())
    if len(names) != N_CLASSES:
        raise ValueError(f"{path} must hold the names of {N_CLASSES} classes, one a line, but holds {len(names)}. "
                         f"{AGAIN}.")  # fmt: skip
    return names


def read_labels(folder, kind):
    """{key: class} of all images with labels of a kind, "noisy" or "clean", in the order of the file."""
    checks.one_of(kind, "kind", sorted(set(PARTS.values())))
    path = _existing(checks.path(folder, "folder"), f"{kind}_label_kv.txt")
    allowed = {str(k): k for k in range(N_CLASSES)}
    labels = {}
    for line, (key, label) in _rows(path, "an image's key and its label"):
        if label not in allowed:
            raise ValueError(f"{path} must hold labels 0 to {N_CLASSES - 1}, but line {line} says {label!r:.40}. "
                             f"{AGAIN}.")  # fmt: skip
        labels[key] = allowed[label]
    return labels


# ---- text files ------------------------------------------------------------------------------------------------


def _checked(folder, side, n, seed, progress):
    """The folder as a path; all arguments are what they must be."""
    checks.positive_int(side, "side")
    checks.seed(seed)
    if n is not None:
        checks.positive_int(n, "n")
    checks.function(progress, "progress", optional=True, of=["line"])
    return checks.path(folder, "folder")


def _existing(folder, name):
    """The path of a text file, in the folder or in its annotations/."""
    for path in (folder / name, folder / "annotations" / name):
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"`folder` must hold {name}, itself or in annotations/, but there is none in {folder}. "
        f"Name the folder in which the text files of Clothing1M and its images/ lie. {SOURCE}."
    )


def _text(path):
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} must be a text file of Clothing1M, but it can't be read ({error}). Extract it "
                         "again.") from error  # fmt: skip


def _rows(path, what):
    """(number of the line, its words) for every line that isn't empty, of as many words as `what` has parts."""
    n, found = what.count(" and ") + 1, 0
    for number, line in enumerate(_text(path).split("\n"), 1):
        words = line.split()
        if words and len(words) != n:
            raise ValueError(f"{path} must hold {what} a line, but line {number} says {line!r:.80}. "
                             f"{AGAIN}.")  # fmt: skip
        if words:
            found += 1
            yield number, words
    if not found:
        raise ValueError(f"{path} must hold {what} a line, but it is empty. {AGAIN}.")


# ---- images ----------------------------------------------------------------------------------------------------


def _images(folder, keys, side, part, progress):
    """The images of the keys, uint8 (N, side, side, 3), all of them looked for before the first is read."""
    missing = next((key for key in keys if not (folder / key).is_file()), None)
    if missing is not None:
        raise FileNotFoundError(f"`folder` must hold every image that is listed, but there is no {folder / missing}. "
                                "Extract the archives of Clothing1M's images into images/.")  # fmt: skip
    try:
        x = np.empty((len(keys), side, side, 3), np.uint8)
    except (MemoryError, ValueError) as error:  # ValueError: more than any machine has
        raise ValueError(f"`side` and `n` must be such that the images fit in memory, but {len(keys):,} of {side} "
                         f"pixels are {3 * len(keys) * side**2 / 1e9:,.0f} GB.") from error  # fmt: skip
    began = time.monotonic()
    for i, key in enumerate(keys):
        x[i] = _image(folder / key, side)
        if progress and ((i + 1) % TOLD_EVERY == 0 or i + 1 == len(keys)):
            left = (time.monotonic() - began) / (i + 1) * (len(keys) - i - 1)
            progress(f"{part}: {i + 1:,} of {len(keys):,} images, about {left / 60:.0f} min left")
    return x


def _image(path, side):
    """One image as uint8 (side, side, 3)."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.draft("RGB", (2 * side, 2 * side))  # decodes a JPEG at half or a quarter of its size: 3 times as fast
            return central_square(image, side)
    except MemoryError:
        raise
    except Exception as error:  # a damaged image can raise almost anything
        said = " ".join(str(error).split())
        raise ValueError(f"{path} must be an image, but it can't be read ({type(error).__name__}: {said:.100}). "
                         "Extract it again from the archives of Clothing1M.") from error  # fmt: skip
