"""Images a second of RandAugment on a batch, beside torchvision's image by image, as a ratio.

    python benchmarks/augment.py

Batches of 128 random images, two operations of magnitude 9, one thread, processor time. The two take turns, so that a
machine that slows down slows both; the median of their turns counts. torchvision is given tensors of bytes, which it
is made for; ours are the floats that training has.
"""

import statistics
import time

import torch
from torchvision.transforms import RandAugment

from lnlkit import augment
from lnlkit.run.report import grid

BATCH, TURNS, GOAL = 128, 20, 3.0
HEADS = ["images", "ours, images/s", "torchvision, images/s", "ratio", "goal", "met"]


def seconds(work, *arguments) -> float:
    began = time.process_time()
    work(*arguments)
    return time.process_time() - began


def measured(channels: int, side: int) -> list:
    """One row of the table."""
    theirs, generator = RandAugment(), torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (BATCH, channels, side, side), dtype=torch.uint8, generator=generator)
    x = pixels.float() / 255
    augment.rand_augment(x, generator)
    theirs(pixels[0])
    turns = [(seconds(augment.rand_augment, x, generator), seconds(lambda: [theirs(image) for image in pixels]))
             for _ in range(TURNS)]  # fmt: skip
    ours, other = (statistics.median(took) for took in zip(*turns, strict=True))
    return [f"{side}x{side}x{channels}", f"{BATCH / ours:,.0f}", f"{BATCH / other:,.0f}", f"{other / ours:.1f}",
            f"{GOAL:g}", "yes" if other >= GOAL * ours else "no"]  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)  # torchvision draws from the global generator
    print("\n".join(grid([HEADS, measured(3, 32), measured(1, 28)])))


if __name__ == "__main__":
    main()
