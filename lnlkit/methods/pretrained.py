"""Small generators that come with the kit: trained once, with clean labels, on images that no experiment uses.

Paper 04 takes a generator that knows the world from other data. "other domain" is one that has seen the 8x8 digits of
scikit-learn, enlarged, and now meets MNIST: as there, what it draws looks unlike the images of the set. "other images"
has seen the second half of the training images of the set itself; experiments take theirs from the first (`half` of a
configuration). To make the files anew:

    python -m lnlkit.methods.pretrained mnist
"""

import functools
import sys
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch.nn import functional as F

from lnlkit import checks, data
from lnlkit.augment import random_affine
from lnlkit.methods.flow import FlowNet, train_flow
from lnlkit.training import TrainingSet, to_unit, torch_defaults

FOLDER = Path(__file__).parent / "weights"


class Kept(NamedTuple):
    """A generator that comes with the kit: the set that it is for, what it knows, and how it is trained."""

    images: str
    knows: str
    epochs: int
    width: int = 32


GENERATORS = {
    "mnist": Kept("mnist", "other images", epochs=12),
    "digits": Kept("digits", "other images", epochs=200),
    "mnist_from_digits": Kept("mnist", "other domain", epochs=8),
}


def other_half(name: str) -> data.Labelled:
    """The second half of the training images of a set, with their clean labels."""
    images = data.images.half(data.load(name), "second")
    return data.Labelled(images.x_train, images.y_train, images.n_classes)


@torch_defaults()
def enlarged_digits(copies: int = 8) -> data.Labelled:
    """All digits of scikit-learn as 28x28 images: 20x20 in the middle, where MNIST has its digits, with crisp strokes.

    copies: of each, turned, moved and scaled a little at random, so that a generator knows more than 1,797 drawings.
    """
    digits = data.load("digits")
    every = torch.cat([torch.from_numpy(x) for x in (digits.x_train, digits.x_test)])
    large = F.interpolate(to_unit(every[:, None]), size=(20, 20), mode="bicubic", align_corners=False)
    crisp = torch.sigmoid(10 * (large - 0.5))
    x = F.pad((crisp - crisp.min()) / (crisp.max() - crisp.min()), (4, 4, 4, 4))
    draws = torch.Generator().manual_seed(0)
    parts = [random_affine(x, draws, degrees=15, shift=0.04, scale=0.15) for _ in range(copies)]
    images = (255 * torch.cat(parts).clamp(0, 1)).round().byte()[:, 0].numpy()
    y = torch.cat([torch.from_numpy(y) for y in (digits.y_train, digits.y_test)]).repeat(copies).numpy()
    return data.Labelled(images, y, digits.n_classes)


def make_flow(name: str, folder: Path = FOLDER, progress=print) -> Path:
    """Trains the generator of a set and writes its weights, as 16-bit numbers, into the folder; the file's path."""
    kept = GENERATORS[checks.one_of(name, "name", GENERATORS)]
    known = other_half(kept.images) if kept.knows == "other images" else enlarged_digits()
    net = train_flow(known, width=kept.width, epochs=kept.epochs, progress=progress)
    weights = {key: value.to(torch.float16).contiguous() for key, value in net.state_dict().items()}
    facts = {"image_shape": " ".join(map(str, net.image_shape)), "n_classes": net.n_classes, "width": net.width}
    of = {"other images": f"the second half of the training images of {kept.images}", "other domain": "enlarged digits"}
    about = facts | {"trained_on": f"{of[kept.knows]}, with clean labels"}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"flow_{name}.safetensors"
    unfinished = path.with_suffix(".part")
    save_file(weights, unfinished, {key: str(value) for key, value in about.items()})
    unfinished.replace(path)
    return path


@functools.cache
def read_flow(path: Path) -> FlowNet:
    """The generator in a file that `make_flow` wrote. Reading it draws nothing: a run does not depend on it."""
    try:
        with safe_open(path, "pt") as file, torch.random.fork_rng(devices=[]):
            about = file.metadata()
            shape = tuple(map(int, about["image_shape"].split()))
            net = FlowNet(shape, int(about["n_classes"]), int(about["width"]))
            net.load_state_dict({key: file.get_tensor(key).float() for key in file.keys()})
    except (SafetensorError, OSError, KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"`path` must be a file of weights from lnlkit.methods.pretrained, but {path} is none: "
                         f"{str(error).splitlines()[0]}") from error  # fmt: skip
    return net.eval()


def flow_for(images: TrainingSet, knows: str = "other images") -> FlowNet:
    """The generator that comes with the kit for images of this shape and number of classes, and knows this."""
    for name, kept in GENERATORS.items():
        facts = data.images.DATASETS[kept.images]
        fits = (1, *facts.image_shape) == images.image_shape and facts.n_classes == images.n_classes
        if fits and kept.knows == knows:
            return read_flow(FOLDER / f"flow_{name}.safetensors")
    there = ", ".join(f"{kept.images}, {kept.knows}" for kept in GENERATORS.values())
    raise ValueError(
        f"`knows` must be 'noisy labels' for images {images.image_shape} of {images.n_classes} classes, or give a "
        f"generator as `echo`: for {knows!r} the kit has none (it has: {there}).")  # fmt: skip


if __name__ == "__main__":
    print(make_flow(sys.argv[1]))
