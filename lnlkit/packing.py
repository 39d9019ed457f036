"""Images as text: what a record keeps of pictures."""

import base64
import zlib

import numpy as np

from lnlkit import checks


def pack(images) -> dict:
    """uint8 images of any shape as {"shape", "bytes"}, a tenth as long as their numbers; `unpack` reads them."""
    images = checks.array(images, "images")
    if images.dtype != np.uint8:
        raise TypeError(f"`images` must be uint8, but got {images.dtype}. Fractions? Use (255 * x).round().astype.")
    return {"shape": list(images.shape), "bytes": base64.b64encode(zlib.compress(images.tobytes(), 9)).decode()}


def unpack(packed: dict) -> np.ndarray:
    """The uint8 images that `pack` was given."""
    try:
        raw = zlib.decompress(base64.b64decode(packed["bytes"]))
        return np.frombuffer(bytearray(raw), np.uint8).reshape(packed["shape"])
    except (TypeError, KeyError, ValueError, zlib.error) as error:
        raise ValueError(f"`packed` must be what `pack` returns, but got {checks.brief(packed)}.") from error
