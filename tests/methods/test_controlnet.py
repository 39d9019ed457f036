"""The door of Stable Diffusion with ControlNet, tried with tiny random networks of the same architectures."""

import sys

import numpy as np
import pytest
import small_diffusion
import torch
from PIL import Image
from refusals import check_refusal

from lnlkit.methods.controlnet import ControlNetEcho, canny_edges
from lnlkit.methods.extras import MissingExtra, published

NAMES = ["cat", "dog"]
X = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
Y = np.array([0, 1, 0, 1, 1])


@pytest.fixture(scope="module")
def pipeline():
    return small_diffusion.pipeline()


def echo(pipeline, **changes) -> ControlNetEcho:
    settings = {"model": pipeline, "steps": 2, "size": 64, "batch_size": 2, "device": "cpu"}
    return ControlNetEcho(**{"class_names": NAMES} | settings | changes)


class Spy:
    """A pipeline that remembers what it is asked."""

    def __init__(self, pipeline):
        self.pipeline, self.asked = pipeline, []

    def __getattr__(self, name):
        return getattr(self.pipeline, name)

    def to(self, device):
        return self

    def __call__(self, **asked):
        self.asked.append(asked)
        return self.pipeline(**asked)


# ---- edges ----


@pytest.mark.parametrize(("step", "is_edge"), [(18, False), (19, True)])
def test_an_edge_is_where_the_sobel_derivatives_sum_to_more_than_the_threshold(step, is_edge):
    """Across a step of h grey levels the Sobel derivative is 4 h: 72 and 76 at 18 and 19; the paper's threshold: 75."""
    small_diffusion.packages("cv2")
    x = np.zeros((1, 64, 64), np.uint8)
    x[:, :, 32:] = step
    edges = canny_edges(x, size=64)
    where = edges[0].any(0).nonzero()[0]
    assert edges.shape == (1, 64, 64) and set(np.unique(edges)) <= {0, 255}
    assert len(where) == is_edge and set(where) <= {31, 32}


def test_a_smooth_enlargement_flattens_edges_that_steps_between_pixels_keep():
    """64 levels between two of 8 pixels are 8 x 1 a pixel at 512, below 75; as a step they are 256."""
    small_diffusion.packages("cv2")
    x = np.zeros((1, 8, 8), np.uint8)
    x[:, :, 4:] = 64
    assert not canny_edges(x, 512).any()
    assert (canny_edges(x, 512, enlarge="nearest")[0] > 0).any(0).sum() == 1
    assert not canny_edges(x, 512, low=300, high=300, enlarge="nearest").any()


def test_edges_of_grey_and_of_coloured_images_and_tensors_are_the_same():
    small_diffusion.packages("cv2")
    grey = X[..., 0]
    three = np.repeat(grey[..., None], 3, axis=3)
    expected = canny_edges(grey, 64)
    assert expected.any() and not expected.all()
    for same in (three, torch.from_numpy(grey)[:, None], grey[..., None]):
        assert np.array_equal(canny_edges(same, 64), expected)


# ---- images ----


def test_an_image_depends_on_its_pixels_its_label_and_the_seed_alone(pipeline):
    made = echo(pipeline).modify(X, Y, seed=3)
    assert made.shape == X.shape and made.dtype == np.uint8 and made.std() > 5
    for batch_size in (1, 3, 5):
        close(echo(pipeline, batch_size=batch_size).modify(X, Y, seed=3), made)
    order = np.array([4, 2, 0, 3, 1])
    close(echo(pipeline).modify(X[order], Y[order], seed=3), made[order])
    close(echo(pipeline).modify(X[3:], Y[3:], seed=3), made[3:])
    for other in (echo(pipeline).modify(X, Y, seed=4), echo(pipeline).modify(X, 1 - Y, seed=3),
                  echo(pipeline).modify(X ^ 1, Y, seed=3)):  # fmt: skip
        assert all((a != b).mean() > 0.5 for a, b in zip(made, other, strict=True))


def close(a, b):
    """Equal, but for roundings that depend on the size of a batch."""
    assert np.abs(a.astype(int) - b).max() <= 1


def test_the_pipeline_is_asked_for_the_label_along_the_edges(pipeline):
    spy = Spy(pipeline)
    echo(spy, guidance=3.0, control=0.5).modify(X, Y)
    asked = [prompt for call in spy.asked for prompt in call["prompt"]]
    assert asked == [f"a photo of {NAMES[label]}" for label in Y] and len(spy.asked) == 3
    edges = np.concatenate([[np.asarray(image) for image in call["image"]] for call in spy.asked])
    assert np.array_equal(edges, np.repeat(canny_edges(X, 64)[..., None], 3, axis=3))
    assert {key: spy.asked[0][key] for key in ("num_inference_steps", "guidance_scale", "height", "width",
            "controlnet_conditioning_scale")} == {"num_inference_steps": 2, "guidance_scale": 3.0, "height": 64,
                                                  "width": 64, "controlnet_conditioning_scale": 0.5}  # fmt: skip
    noises = [generator.initial_seed() for call in spy.asked for generator in call["generator"]]
    assert len(set(noises)) == 5


def test_what_the_pipeline_makes_comes_back_in_the_size_and_the_channels_of_the_original():
    """A stub that paints: its left half red. Grey images get the grey of red, 76 of 255."""

    class Painter(Spy):
        def __call__(self, **asked):
            images = np.zeros((len(asked["prompt"]), 64, 64, 3))
            images[:, :, :32, 0] = 1
            return type("Made", (), {"images": images})

    painter = Painter(small_diffusion.pipeline())
    made = echo(painter).modify(X, Y)
    assert (made[:, :, :8] == [255, 0, 0]).all() and (made[:, :, 8:] == 0).all()
    grey = echo(painter).modify(X[..., 0], Y)
    assert grey.shape == (5, 16, 16) and (grey[:, :, :8] == 76).all() and (grey[:, :, 8:] == 0).all()
    tensor = echo(painter).modify(torch.from_numpy(X).permute(0, 3, 1, 2), torch.from_numpy(Y))
    assert tensor.dtype == torch.uint8 and np.array_equal(tensor.permute(0, 2, 3, 1).numpy(), made)


def test_prompts_may_hold_braces_and_names_of_any_kind(pipeline):
    spy = Spy(pipeline)
    echo(spy, prompt="{a} {label}, {label}", class_names=("x{", "y")).modify(X[:2], Y[:2])
    assert spy.asked[0]["prompt"] == ["{a} x{, x{", "{a} y, y"]


def test_weights_in_a_folder_give_the_images_of_the_pipeline_that_was_saved_there(pipeline, tmp_path):
    small_diffusion.with_safety_checker(pipeline).save_pretrained(tmp_path / "model")
    pipeline.controlnet.save_pretrained(tmp_path / "control")
    read = echo(str(tmp_path / "model"), controlnet=tmp_path / "control")
    assert np.array_equal(read.modify(X[:2], Y[:2]), echo(pipeline).modify(X[:2], Y[:2]))
    assert read.load() is read.load() and read.load().safety_checker is None


# ---- folders ----


def stop(text):
    raise KeyboardInterrupt


def test_a_run_that_was_killed_goes_on_where_it_stopped(pipeline, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        echo(pipeline, folder=tmp_path, progress=stop).modify(X, Y, seed=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000.png", "000001.png", "settings.json"]
    spy, said = Spy(pipeline), []
    (tmp_path / "000000.png").unlink()
    facts = {"folder": str(tmp_path), "batch_size": 3, "progress": said.append}
    made = echo(pipeline, **facts).modify(X, Y, seed=1)
    close(made, echo(pipeline).modify(X, Y, seed=1))
    assert said == ["image 4/5", "image 5/5"]
    again = echo(spy, folder=tmp_path)
    again._settings = echo(pipeline)._settings
    assert np.array_equal(again.modify(X, Y, seed=1), made) and spy.asked == []
    assert np.array_equal(np.stack([np.asarray(Image.open(tmp_path / f"{i:06d}.png")) for i in range(5)]), made)


def test_a_complete_folder_needs_neither_weights_nor_their_packages(pipeline, tmp_path, monkeypatch):
    named = {"folder": tmp_path, "model": "some/name"}
    first = echo(None, **named)
    first._pipeline = pipeline
    made = first.modify(X[..., 0], Y)
    for package in ("cv2", "diffusers", "transformers"):
        monkeypatch.setitem(sys.modules, package, None)
    assert np.array_equal(echo(None, **named).modify(X[..., 0], Y), made)


def test_an_image_that_fails_half_way_leaves_nothing(pipeline, tmp_path, monkeypatch):
    def save(image, file, kind):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", save)
    with pytest.raises(OSError, match="disk full"):
        echo(pipeline, folder=tmp_path).modify(X, Y)
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]


@pytest.fixture(scope="module")
def begun(pipeline, tmp_path_factory):
    folder = tmp_path_factory.mktemp("begun")
    echo(pipeline, folder=folder).modify(X, Y, seed=1)
    return folder


@pytest.mark.parametrize(("changes", "names"), [
    ({"steps": 3}, "steps"), ({"size": 32}, "size"), ({"prompt": "{label}"}, "prompt"), ({"guidance": 2.0}, "guidance"),
    ({"canny_low": 50.0}, "canny_low"), ({"canny_high": 90.0}, "canny_high"), ({"enlarge": "nearest"}, "enlarge"),
    ({"control": 0.5}, "control"), ({"class_names": ["cat", "cow"]}, "class_names"), ({"model": "a/name"}, "model"),
])  # fmt: skip
def test_a_folder_of_other_settings_is_refused(pipeline, begun, changes, names):
    said = check_refusal(lambda: echo(pipeline, folder=begun, **changes).modify(X, Y, seed=1), "folder")
    assert f"of other {names}" in said


def test_a_folder_of_other_images_labels_seed_or_weights_is_refused(pipeline, begun):
    def said(x=X, y=Y, seed=1, model=pipeline):
        return check_refusal(lambda: echo(model, folder=begun).modify(x, y, seed=seed), "folder")

    assert "of other images:" in said(x=X ^ 1) and "of other labels:" in said(y=1 - Y) and "other seed:" in said(seed=2)
    assert "of other images, labels:" in said(x=X[::-1], y=Y[::-1]) and "of other images:" in said(x=X[..., :1])
    assert "of other model:" in said(model=small_diffusion.pipeline(seed=1))


def test_a_folder_of_something_else_is_refused(pipeline, tmp_path):
    Image.fromarray(X[0]).save(tmp_path / "000000.png")
    said = check_refusal(lambda: echo(pipeline, folder=tmp_path).modify(X, Y), "folder")
    assert "no settings.json" in said
    (tmp_path / "settings.json").write_text("{")
    assert "not a whole JSON record" in check_refusal(lambda: echo(pipeline, folder=tmp_path).modify(X, Y))


@pytest.mark.parametrize("content", [b"", b"no image", None])
def test_a_broken_image_is_refused_by_name(pipeline, tmp_path, content):
    echo(pipeline, folder=tmp_path).modify(X[:2], Y[:2])
    file = tmp_path / "000001.png"
    file.write_bytes(content) if content is not None else Image.fromarray(X[0, :5]).save(file)
    assert "000001.png" in check_refusal(lambda: echo(pipeline, folder=tmp_path).modify(X[:2], Y[:2]), "folder")


# ---- without the extra, without weights ----


@pytest.mark.parametrize("package", ["cv2", "diffusers", "transformers"])
def test_without_the_extra_one_sentence_names_it(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    for needed in {"diffusers", "cv2", "transformers"} - {package}:
        monkeypatch.setitem(sys.modules, needed, sys)  # there, as far as it is asked
    with pytest.raises(MissingExtra):
        ControlNetEcho(NAMES, device="cpu").modify(X, Y)
    said = check_refusal(lambda: ControlNetEcho(NAMES, device="cpu").modify(X, Y), package)
    assert "pip install 'lnlkit[echoalign]'" in said


@pytest.mark.parametrize(("changes", "name"), [
    ({"controlnet": "no/such-weights"}, "controlnet"), ({"model": "/no/such/folder"}, "model"), ({}, "model"),
])  # fmt: skip
def test_weights_that_are_not_there_are_refused_offline(pipeline, tmp_path, changes, name):
    pipeline.controlnet.save_pretrained(tmp_path / "control")
    settings = {"controlnet": tmp_path / "control", "model": "no/such-weights"} | changes
    said = check_refusal(lambda: echo(None, **settings).modify(X, Y), name)
    assert "hf download" in said and str(settings[name]) in said


@pytest.mark.parametrize("offline", ["1", ""])
def test_weights_are_downloaded_only_where_that_is_allowed(offline, monkeypatch):
    class Kind:
        @classmethod
        def from_pretrained(cls, source, **options):
            return source, options

    monkeypatch.setenv("LNLKIT_OFFLINE", offline)
    found = published(Kind, "a/name", "model", half=True)
    assert found == ("a/name", {"local_files_only": offline == "1", "half": True})
