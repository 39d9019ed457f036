"""The real generator of Paper 04: Stable Diffusion with ControlNet on Canny edges, behind the door of the small one."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lnlkit import checks, records, seeds, tensors
from lnlkit.methods.domains import Count, NotNegative, Positive, check_fields
from lnlkit.methods.extras import extra, published
from lnlkit.training import as_images, pick_device

PARTS = ("unet", "controlnet", "vae", "text_encoder")
Enlarge = Literal["lanczos", "nearest"]


def canny_edges(x, size: int = 512, low: float = 75, high: float = 75, enlarge: str = "lanczos") -> np.ndarray:
    """Edges of uint8 images as uint8 (N, size, size), 0 or 255: each brought to that size, then OpenCV's Canny.

    `low` and `high` are the thresholds of the hysteresis, on the sum of the two Sobel derivatives. A smooth enlargement
    spreads an edge over many pixels, so few get above the threshold: at 512 pixels and 75, as in the paper, 0.14 % of
    the pixels of CIFAR-10 are edges, one image in nine has none at all (500 training images measured), and no digit of
    8 x 8 has one; "nearest" keeps the steps between pixels: 3.9 %, and no image without. The paper does not say how it
    enlarges; ControlNet's own code (lllyasviel/ControlNet) does it by Lanczos, before Canny. Source: Paper 04, App. C.
    """
    images = as_images(x).permute(0, 2, 3, 1).cpu().numpy()
    size = checks.positive_int(size, "size")
    low, high = checks.not_negative(low, "low"), checks.not_negative(high, "high")
    checks.one_of(enlarge, "enlarge", ("lanczos", "nearest"))
    cv2 = extra("cv2")
    grow = cv2.INTER_LANCZOS4 if enlarge == "lanczos" else cv2.INTER_NEAREST
    how = [cv2.INTER_AREA if max(image.shape[:2]) > size else grow for image in images]
    resized = (cv2.resize(image, (size, size), interpolation=h) for image, h in zip(images, how, strict=True))
    found = [cv2.Canny(image, low, high) for image in resized]
    return np.stack(found) if found else np.zeros((0, size, size), np.uint8)


@dataclass
class ControlNetEcho:
    """Images made anew from their own edges and their label's name, by Stable Diffusion with ControlNet.

    `class_names`: the K names that go into `prompt`. `model` and `controlnet`: folders, or names on the Hugging Face
    hub, or as `model` a `StableDiffusionControlNetPipeline` that is there. Needs the extra: pip install
    'lnlkit[echoalign]'. Canny 75 and 75, 20 steps, 512 pixels and the prompt are the paper's (Appendix C); which base
    model, sampler, guidance and weight of the control it had is not known: here version 1.5, the model's own sampler,
    7.5 and 1. Images are stretched to a square for it, and what is made is brought back to their own size and channels.

    Every image has noise of its own, from `seed`, its pixels and its label: batch size and order change nothing, up to
    rounding. With a `folder`, each image is a PNG there as soon as its batch is made; a run that was killed goes on
    where it stopped, and a folder of other settings, images or labels is refused. `progress` is told how far it is.

    Cost: CIFAR-10's training set takes 18.5 hours on a V100, 8.5 on an RTX 4090, at 512 pixels in batches of 8 (paper,
    Tables 6 and 7): 1.3 and 0.6 s an image; the weights are 1.43 billion (counted from the published configurations),
    2.9 GB in half precision on a GPU, 5.7 GB in float32 on a CPU, beside what a batch takes.
    """

    class_names: list
    model: object = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    controlnet: str | Path = "lllyasviel/sd-controlnet-canny"
    canny_low: NotNegative = 75.0
    canny_high: NotNegative = 75.0
    enlarge: Enlarge = "lanczos"
    steps: Count = 20
    size: Count = 512
    prompt: str = "a photo of {label}"
    guidance: NotNegative = 7.5
    control: Positive = 1.0
    batch_size: Count = 8
    device: str = "auto"
    folder: Annotated[str | Path, checks.path] | None = None
    progress: Callable | None = field(default=None, repr=False)
    _pipeline: object = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = checks.sequence(self.class_names, "class_names")
        self.class_names = [checks.text(name, "class_names") for name in names]
        check_fields(self)
        if "{label}" not in self.prompt:
            raise ValueError(f"`prompt` must say where the label goes, by {{label}}, but got {self.prompt!r}.")
        if self.size % 8:
            raise ValueError(f"`size` must be a multiple of 8, as the model's own images are, but got {self.size}.")
        if not all(hasattr(self.model, part) for part in (*PARTS, "scheduler")):
            checks.path(self.model, "model")  # then it is the folder or the name of weights
        checks.path(self.controlnet, "controlnet")
        pick_device(self.device)

    def modify(self, x, y, seed: int = 0):
        """Images like `x`, uint8 (N, H, W[, 3]) as an array or (N, C, H, W) as a tensor, made to show the classes y."""
        images = as_images(x).permute(0, 2, 3, 1).cpu().numpy()  # (N, H, W, C)
        read = tensors.labels if isinstance(y, Tensor) else lambda y, k: checks.labels(y, "y", k)
        labels = read(y, len(self.class_names)).tolist()
        checks.same_length(x=images, y=labels)
        seed, made = checks.seed(seed), np.zeros_like(images)
        folder = None if self.folder is None else Folder(self.folder, self._settings(images, labels, seed))
        done = folder.done(len(images)) if folder else []
        for i in done:
            made[i] = folder.read(i, images.shape[1:])
        todo = sorted({*range(len(images))} - {*done})
        for start in range(0, len(todo), self.batch_size):
            part = todo[start : start + self.batch_size]
            made[part] = self._make(images[part], [self.class_names[labels[i]] for i in part], seed)
            for i in part if folder else ():
                folder.write(i, made[i])
            if self.progress:
                self.progress(f"image {len(done) + start + len(part)}/{len(images)}")
        if isinstance(x, Tensor):
            return torch.from_numpy(made).permute(0, 3, 1, 2).contiguous().to(x.device)
        return made.reshape(np.shape(x))

    def _make(self, images: np.ndarray, names: list[str], seed: int) -> np.ndarray:
        """One batch, (B, H, W, C) as it comes."""
        cv2, pipeline = extra("cv2"), self.load()
        edges = canny_edges(images, self.size, self.canny_low, self.canny_high, self.enlarge)
        draws = [torch.Generator().manual_seed(seeds.derive(seed, f"ControlNet {_hash(image.tobytes())} {name}"))
                 for image, name in zip(images, names, strict=True)]  # fmt: skip
        large = pipeline(
            prompt=[self.prompt.replace("{label}", name) for name in names],
            image=[Image.fromarray(edge).convert("RGB") for edge in edges],
            num_inference_steps=self.steps, guidance_scale=self.guidance, controlnet_conditioning_scale=self.control,
            generator=draws, height=self.size, width=self.size, output_type="np").images  # fmt: skip
        height, width, channels = images.shape[1:]
        how = cv2.INTER_AREA if max(height, width) <= self.size else cv2.INTER_LANCZOS4
        large = (255 * large).round().astype(np.uint8)
        made = [cv2.resize(image, (width, height), interpolation=how) for image in large]
        if channels == 1:
            made = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None] for image in made]
        return np.stack(made)

    def load(self):
        """The pipeline on the device; its weights are read, or downloaded, at the first call."""
        if self._pipeline is None:
            device, found = pick_device(self.device), self.model
            if isinstance(self.model, (str, Path)):
                diffusers = extra("diffusers")
                extra("transformers")
                half = {"torch_dtype": torch.float16} if device != "cpu" else {}
                net = published(diffusers.ControlNetModel, str(self.controlnet), "controlnet", **half)
                # Its filter of unsafe content would put black images among the modified ones.
                found = published(diffusers.StableDiffusionControlNetPipeline, str(self.model), "model", controlnet=net,
                                  safety_checker=None, requires_safety_checker=False, **half)  # fmt: skip
            self._pipeline = found.to(device)
            self._pipeline.set_progress_bar_config(disable=True)
        return self._pipeline

    def _settings(self, images: np.ndarray, labels: list[int], seed: int) -> dict:
        """What the images depend on, but for the device and the versions of packages."""
        own = ("class_names", "canny_low", "canny_high", "enlarge", "steps", "size", "prompt", "guidance", "control")
        named = isinstance(self.model, (str, Path))
        return {"images": _hash(repr(images.shape).encode() + images.tobytes()), "labels": _hash(repr(labels).encode()),
                "seed": seed, **{name: getattr(self, name) for name in own},
                "model": str(self.model) if named else _fingerprint(self.model),
                "controlnet": str(self.controlnet) if named else None}  # fmt: skip


class Folder:
    """The images of one call as PNGs, and `settings.json`, which says what they depend on."""

    def __init__(self, path, settings: dict):
        self.path = checks.writable_folder(path, "folder")
        records.remove_scraps(self.path)
        facts = self.path / "settings.json"
        if facts.exists():
            there = records.read(facts)
            others = [name for name, value in settings.items() if there.get(name) != value]
            if others:
                raise ValueError(f"`folder` must be a new one, or that of the same call, but {self.path} is of other "
                                 f"{', '.join(others)}: choose another folder, or delete it.")  # fmt: skip
        elif any(self.path.glob("*.png")):
            raise ValueError(f"`folder` must be a new one, or that of the same call, but {self.path} holds images and "
                             "no settings.json, which would say what of.")  # fmt: skip
        else:
            records.write(facts, settings)

    def file(self, i: int) -> Path:
        return self.path / f"{i:06d}.png"

    def done(self, n: int) -> list[int]:
        """Those of n images that are there."""
        return [i for i in range(n) if self.file(i).exists()]

    def write(self, i: int, image: np.ndarray) -> None:
        with records.whole_file(self.file(i), "wb") as file:
            Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image).save(file, "PNG")

    def read(self, i: int, shape: tuple) -> np.ndarray:
        try:
            with Image.open(self.file(i)) as image:
                found = np.asarray(image)
        except (OSError, SyntaxError) as error:
            raise ValueError(f"`folder` must hold whole images, but {self.file(i)} is none: delete it.") from error
        if found.dtype != np.uint8 or found.size != np.prod(shape):
            raise ValueError(f"`folder` must hold images of shape {shape}, but {self.file(i)} is of {found.shape}: "
                             "delete it.")  # fmt: skip
        return found.reshape(shape)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _fingerprint(pipeline) -> str:
    """Tells pipelines that are objects apart: by their first weights, and by their sampler."""
    first = [next(getattr(pipeline, part).parameters()).detach().float().cpu().numpy().tobytes() for part in PARTS]
    sampler = f"{type(pipeline.scheduler).__name__} {sorted(map(str, pipeline.scheduler.config.items()))}"
    return _hash(b"".join(first) + sampler.encode())
