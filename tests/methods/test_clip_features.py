"""The door of CLIP's image encoder, tried with a tiny random network of the same architecture."""

import sys

import numpy as np
import pytest
import small_diffusion
import torch
from PIL import Image
from refusals import check_refusal
from torch.testing import assert_close

from lnlkit.methods.clip_features import ClipFeatures
from lnlkit.methods.extras import MissingExtra

X = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
MEAN, SD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]  # published with CLIP


@pytest.fixture(scope="module")
def clip():
    return small_diffusion.clip()


def features(clip, x=X, **changes):
    return ClipFeatures(clip, **{"device": "cpu"} | changes)(x)


def test_features_are_those_of_the_image_prepared_by_hand(clip):
    """Bicubic to 32 pixels by Pillow, CLIP's means and deviations, one image at a time."""
    expected = []
    for image in X:
        pixels = np.asarray(Image.fromarray(image).resize((32, 32), Image.BICUBIC)) / 255
        pixels = torch.tensor((pixels - MEAN) / SD, dtype=torch.float32).permute(2, 0, 1)
        expected.append(clip.eval()(pixel_values=pixels[None]).image_embeds[0].detach())
    found = features(clip)
    assert found.shape == (5, 6) and found.dtype == torch.float32 and not found.requires_grad
    assert_close(found, torch.stack(expected), atol=0.02, rtol=0)  # pixels are rounded on the way
    assert found.std(0).min() > 0.03


def test_features_of_an_image_depend_on_no_other_one(clip):
    for batch_size in (1, 2, 5):
        assert_close(features(clip, batch_size=batch_size), features(clip))
    assert_close(features(clip, X[[3, 1]]), features(clip)[[3, 1]])


def test_grey_images_have_three_equal_channels_and_tensors_are_welcome(clip):
    grey = X[..., 0]
    assert_close(features(clip, grey), features(clip, np.repeat(grey[..., None], 3, axis=3)))
    assert_close(features(clip, torch.from_numpy(grey)[:, None]), features(clip, grey))


def test_of_a_wide_image_the_centre_counts(clip):
    wide = np.zeros((1, 16, 48, 3), np.uint8)
    wide[:, :, 16:32] = X[:1]
    cut = wide.copy()
    cut[:, :, 8:10] = 255  # outside of the centre, whatever the resizing blurs
    assert_close(features(clip, cut), features(clip, wide))


def test_a_half_precision_model_gives_float32(clip):
    half = small_diffusion.clip().to(torch.bfloat16)
    found = features(half)
    assert found.dtype == torch.float32
    assert_close(found, features(clip), atol=0.1, rtol=0.1)


def test_weights_in_a_folder_give_the_features_of_the_model_that_was_saved_there(clip, tmp_path):
    clip.save_pretrained(tmp_path)
    assert_close(features(str(tmp_path)), features(clip))
    assert_close(features(tmp_path), features(clip))


def test_without_the_extra_one_sentence_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra):
        ClipFeatures("a/name", device="cpu")(X)
    said = check_refusal(lambda: ClipFeatures("a/name", device="cpu")(X), "transformers")
    assert "pip install 'lnlkit[echoalign]'" in said


def test_weights_that_are_not_there_are_refused_offline():
    small_diffusion.packages("transformers")
    for source in ("no/such-weights", "/no/such/folder"):
        said = check_refusal(lambda: ClipFeatures(source, device="cpu")(X), "model")  # noqa: B023
        assert "hf download" in said and source in said
