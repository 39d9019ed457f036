"""PASCAL VOC 2007 and 2012 as sets of several labels an image, through torchvision; torch is imported when needed.

Images: the short side is resized to 224 pixels and the centre is cut out, so an object at the edge of a long image may
be lost. Labels: the 20 classes that have an object in the image. Objects flagged difficult do not count, unless an
image has no others.
"""

from pathlib import Path

import numpy as np

from lnlkit import checks
from lnlkit.data import bundles

SIZE = 224  # pixels, Paper 02, Section IV-B
CLASSES = tuple(
    """
    aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person pottedplant sheep
    sofa train tvmonitor""".split()
)
SETS = {"voc2007": ("2007", "trainval", "test"), "voc2012": ("2012", "train", "val")}
"""Year, training and test part. The test labels of 2012 are not public, so its val part is ours to test on."""
N_IMAGES = {"voc2007": 5011 + 4952, "voc2012": 5717 + 5823}
LICENCE = "Flickr's terms of use"


def read(name, folder):
    """The four arrays of a VOC set and where they come from; what was made from JPEGs is kept as a bundle (1.5 GB)."""
    path = checks.path(folder, "folder") / f"{checks.one_of(name, 'name', SETS)}.npz"
    if path.exists():
        arrays = bundles.read_npz(path, bundles.BUNDLE_KEYS)
        try:
            return check(arrays), f"bundle {path.name}"
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} isn't a bundle of {name}: {error}") from error
    arrays = from_jpegs(name, folder)
    try:
        bundles.write_bundle(path, arrays)
    except OSError as error:  # a shared, read-only copy of the JPEGs: they are read again next time
        return arrays, f"torchvision, not kept ({error})"
    return arrays, f"torchvision, kept as {path.name}"


def check(arrays):
    """The four arrays, if they are images and label vectors of VOC."""
    checked = dict(arrays)
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if x.dtype != np.uint8 or x.shape[1:] != (SIZE, SIZE, 3) or len(x) == 0:
            raise ValueError(
                f"`x_{part}` must be uint8 images (N, {SIZE}, {SIZE}, 3), but got {x.dtype} of shape {x.shape}."
            )
        checked[f"y_{part}"] = checks.label_vectors(y, f"y_{part}", len(CLASSES))
        checks.same_length(**{f"x_{part}": x, f"y_{part}": y})
    return checked


def from_jpegs(name, folder):
    """The four arrays from `<folder>/VOCdevkit`; what is not there is downloaded first, where that is allowed."""
    year, *parts = SETS[checks.one_of(name, "name", SETS)]
    pairs = [_arrays(_dataset(name, year, part, folder)) for part in parts]
    return dict(zip(bundles.BUNDLE_KEYS, (array for pair in pairs for array in pair), strict=True))


def _dataset(name, year, part, folder):
    """One part as torchvision reads it: from JPEGs that are there, else downloaded."""
    from torchvision.datasets import VOCDetection

    try:
        return VOCDetection(str(folder), year=year, image_set=part, download=False)
    except (OSError, RuntimeError) as error:
        missing = error
    cure = bundles.how_to_get(name, folder)
    if bundles.offline():
        raise FileNotFoundError(
            f"`{name}` must be in {Path(folder) / name}.npz or, as JPEGs, in {Path(folder) / 'VOCdevkit'}, but it is "
            f"not there ({missing}) and LNLKIT_OFFLINE forbids downloads. {cure}"
        ) from missing
    try:
        return VOCDetection(str(folder), year=year, image_set=part, download=True)
    except (OSError, RuntimeError) as error:
        raise FileNotFoundError(f"{bundles.not_downloaded(name, error)}. {cure}") from error


def _arrays(dataset):
    """Images (N, 224, 224, 3) and label vectors (N, 20) of a torchvision data set."""
    x = np.empty((len(dataset), SIZE, SIZE, 3), np.uint8)
    y = np.empty((len(dataset), len(CLASSES)), np.uint8)
    for i in range(len(dataset)):
        try:
            image, target = dataset[i]
            x[i], y[i] = central_square(image), label_vector(target["annotation"])
        except (OSError, ValueError, KeyError, SyntaxError) as error:  # a broken XML file is a SyntaxError
            raise ValueError(
                f"{dataset.images[i]} and {dataset.annotations[i]} must be an image and its annotation, but: {error}. "
                "Extract the archive of VOC again."
            ) from error
    return x, y


def central_square(image, side=SIZE):
    """The PIL image as uint8 (side, side, 3): its short side resized to that, then the centre."""
    scale = side / min(image.size)
    width, height = (max(side, round(length * scale)) for length in image.size)
    left, top = (width - side) // 2, (height - side) // 2
    resized = image.convert("RGB").resize((width, height), resample=2)  # 2: bilinear, under every version of PIL
    return np.asarray(resized.crop((left, top, left + side, top + side)))


def label_vector(annotation):
    """Which classes an annotation shows, uint8 (20,); difficult objects count only where there are no others."""
    objects = annotation.get("object", [])
    plain = [thing for thing in objects if thing.get("difficult", "0") != "1"]
    y = np.zeros(len(CLASSES), np.uint8)
    for thing in plain or objects:
        y[CLASSES.index(checks.one_of(thing["name"], "name", CLASSES))] = 1
    return y
