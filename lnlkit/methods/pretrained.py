"""Small generators that come with the kit: trained once, with clean labels, on images that no experiment uses.

Paper 04 takes a generator that knows the world from other data. Here it knows the second half of the training images
of a set; experiments with it take their images from the first (`half` of a configuration). To make the files anew:

    python -m lnlkit.methods.pretrained mnist
"""

import functools
import sys
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from lnlkit import checks, data
from lnlkit.methods.flow import FlowNet, train_flow
from lnlkit.training import TrainingSet

FOLDER = Path(__file__).parent / "weights"
TRAINING = {"mnist": {"width": 32, "epochs": 12}, "digits": {"width": 32, "epochs": 200}}
"""How the generator of each set is trained."""


def other_half(name: str) -> data.Labelled:
    """The second half of the training images of a set, with their clean labels."""
    images = data.images.half(data.load(checks.one_of(name, "name", TRAINING)), "second")
    return data.Labelled(images.x_train, images.y_train, images.n_classes)


def make_flow(name: str, folder: Path = FOLDER, progress=print) -> Path:
    """Trains the generator of a set and writes its weights, as 16-bit numbers, into the folder; the file's path."""
    net = train_flow(other_half(name), **TRAINING[name], progress=progress)
    weights = {key: value.to(torch.float16).contiguous() for key, value in net.state_dict().items()}
    facts = {"image_shape": " ".join(map(str, net.image_shape)), "n_classes": net.n_classes, "width": net.width}
    about = facts | {"trained_on": f"the second half of the training images of {name}, with clean labels"}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"flow_{name}.safetensors"
    unfinished = path.with_suffix(".part")
    save_file(weights, unfinished, {key: str(value) for key, value in about.items()})
    unfinished.replace(path)
    return path


@functools.cache
def read_flow(path: Path) -> FlowNet:
    """The generator in a file that `make_flow` wrote."""
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata()
            shape = tuple(map(int, about["image_shape"].split()))
            net = FlowNet(shape, int(about["n_classes"]), int(about["width"]))
            net.load_state_dict({key: file.get_tensor(key).float() for key in file.keys()})
    except (SafetensorError, OSError, KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"`path` must be a file of weights from lnlkit.methods.pretrained, but {path} is none: "
                         f"{str(error).splitlines()[0]}") from error  # fmt: skip
    return net.eval()


def flow_for(images: TrainingSet) -> FlowNet:
    """The generator that comes with the kit for images of this shape and number of classes."""
    for name in TRAINING:
        facts = data.images.DATASETS[name]
        if (1, *facts.image_shape) == images.image_shape and facts.n_classes == images.n_classes:
            return read_flow(FOLDER / f"flow_{name}.safetensors")
    raise ValueError(
        f"`knows` must be 'noisy labels' for images {images.image_shape} of {images.n_classes} classes, or give a "
        f"generator as `echo`: with the kit come those of {' and '.join(TRAINING)} only.")  # fmt: skip


if __name__ == "__main__":
    print(make_flow(sys.argv[1]))
