"""Images in records: what is unpacked is what was packed, in a fraction of the room."""

import json

import numpy as np
import pytest

from lnlkit import packing


@pytest.mark.parametrize("shape", [(5, 28, 28), (2, 8, 8, 3), (3, 4, 8, 8), (0, 8, 8), (7,)])
def test_what_is_unpacked_is_what_was_packed(shape):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    again = packing.unpack(json.loads(json.dumps(packing.pack(images))))
    assert again.dtype == np.uint8 and np.array_equal(again, images) and again.flags.writeable


def test_dark_images_take_a_tenth_of_their_numbers():
    images = np.zeros((20, 28, 28), np.uint8)
    images[:, 10:18, 12:16] = np.random.default_rng(0).integers(0, 256, (20, 8, 4))
    assert len(json.dumps(packing.pack(images))) < len(json.dumps(images.tolist())) / 10
