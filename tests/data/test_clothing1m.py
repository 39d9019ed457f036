"""Clothing1M: a made copy of a few images is read whole, and what is broken in a copy is named."""

import io

import numpy as np
import pytest

from lnlkit import data, methods, training
from lnlkit.data import clothing1m

NAMES = [f"kind {k}" for k in range(14)]
SIZES = {"noisy_train": 30, "clean_train": 4, "clean_val": 3, "clean_test": 5}
TWICE = 6  # of the clean images, these many have a noisy label, too
LISTS = [f"{part}_key_list.txt" for part in SIZES]
TEXTS = [*LISTS, "noisy_label_kv.txt", "clean_label_kv.txt", "category_names_eng.txt"]


def keys(part):
    return [f"images/{i % 10}/{i:02d}/{part}{i}.jpg" for i in range(SIZES[part])]


def labels(kind, shift=3):
    """What a made copy says: image i of a part is of class i, except that every third noisy label is wrong."""
    clean = {key: i % 14 for part in list(SIZES)[1:] for i, key in enumerate(keys(part))}
    if kind == "clean":
        return clean
    twice = {key: (y + shift * (i % 3 == 0)) % 14 for i, (key, y) in enumerate(list(clean.items())[:TWICE])}
    return {key: i % 7 for i, key in enumerate(keys("noisy_train"))} | twice


def write(folder, name, rows):
    (folder / name).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


@pytest.fixture
def copy(tmp_path, request):
    """The folder of a made copy; its text files lie in the folder named by the parameter, "." where there is none."""
    from PIL import Image

    texts = tmp_path / getattr(request, "param", ".")
    texts.mkdir(exist_ok=True)
    write(texts, "category_names_eng.txt", NAMES)
    for kind in ("noisy", "clean"):
        write(texts, f"{kind}_label_kv.txt", [f"{key} {y}" for key, y in labels(kind).items()])
    rng = np.random.default_rng(0)
    for part in SIZES:
        write(texts, f"{part}_key_list.txt", keys(part))
        for key in keys(part):
            path = tmp_path / key
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (12, 9, 3), dtype=np.uint8)).save(path)
    return tmp_path


@pytest.mark.parametrize("copy", [".", "annotations"], indirect=True)
def test_a_copy_is_read_wherever_its_text_files_lie(copy):
    said = []
    found = data.read_clothing1m(copy, side=8, progress=said.append)
    assert [type(part) for part in found[:3]] == [data.Labelled] * 3 and found.class_names == tuple(NAMES)
    assert not any(hasattr(part, "y_clean") for part in found[:3])
    for part, name in zip(found[:3], ("noisy_train", "clean_val", "clean_test"), strict=True):
        assert part.x.shape == (SIZES[name], 8, 8, 3) and part.x.dtype == np.uint8 and part.n_classes == 14
        assert part.y.tolist() == [labels(name.split("_")[0])[key] for key in keys(name)]
    assert [line.split(",")[0] for line in said] == [
        f"{name}: {SIZES[name]} of {SIZES[name]} images" for name in ("noisy_train", "clean_val", "clean_test")
    ]


def test_every_image_has_the_pixels_of_its_key(copy):
    """A second way to the pixels: torchvision's resize of the short side and centre crop."""
    from PIL import Image
    from torchvision.transforms import functional as F

    found = data.read_clothing1m(copy, side=6)
    for x, key in zip(found.test.x, keys("clean_test"), strict=True):
        with Image.open(copy / key) as image:
            other = np.asarray(F.center_crop(F.resize(image, 6), 6))
        np.testing.assert_array_equal(x, other)


def test_a_large_jpeg_is_decoded_small_and_looks_the_same(copy):
    """The shortcut of the decoder against the whole image, resized."""
    from PIL import Image

    from lnlkit.data.voc import central_square

    row = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    smooth, path = Image.fromarray(row).resize((640, 480), resample=2), copy / keys("clean_val")[0]
    smooth.save(path, quality=95)
    x = data.read_clothing1m(copy, side=32).validation.x[0]
    np.testing.assert_allclose(x.astype(int), central_square(smooth, 32).astype(int), atol=6)
    assert x.std() > 20


def test_images_are_drawn_by_class(copy):
    few = data.read_clothing1m(copy, side=8, n=14, seed=1)
    assert np.bincount(few.train.y, minlength=14).tolist() == [2] * 7 + [0] * 7
    assert len(few.validation) == SIZES["clean_val"] and len(few.test) == SIZES["clean_test"]
    whole = data.read_clothing1m(copy, side=8).train
    pixels = {x.tobytes(): y for x, y in zip(whole.x, whole.y, strict=True)}
    assert [pixels[x.tobytes()] for x in few.train.x] == few.train.y.tolist()
    again, other = (data.read_clothing1m(copy, side=8, n=14, seed=seed).train for seed in (1, 2))
    np.testing.assert_array_equal(again.x, few.train.x)
    assert (other.x != few.train.x).any()
    with pytest.raises(ValueError, match="`n` must be at most the 30 examples there are, but got 31"):
        data.read_clothing1m(copy, side=8, n=31)


def test_any_part_is_read_alone(copy):
    for name in ("clean_label_kv.txt", "clean_val_key_list.txt", "category_names_eng.txt"):
        (copy / name).unlink()
    part = clothing1m.read_part(copy, "noisy_train", side=8, n=7)
    assert len(part) == 7
    with pytest.raises(FileNotFoundError, match="clean_label_kv.txt"):
        clothing1m.read_part(copy, "clean_train", side=8)


def test_images_labelled_twice_say_how_wrong_the_labels_from_the_web_are(copy):
    both = data.read_clothing1m_labelled_twice(copy, side=8)
    assert type(both) is data.NoisyData and len(both) == TWICE
    assert both.noise_rate_ == 2 / TWICE
    # classes 0 1 2 3 of one part and 0 1 of the next; the first 0 and the 3 have wrong labels
    assert both.T[0, 3] == 1 / 2 and both.T[1, 1] == 1 and both.T[3, 6] == 1
    clean, noisy = labels("clean"), labels("noisy")
    assert [(clean[k], noisy[k]) for k in clean if k in noisy] == list(zip(both.y_clean, both.y, strict=True))
    few = data.read_clothing1m_labelled_twice(copy, side=8, n=3)
    assert len(few) == 3 and {x.tobytes() for x in few.x} < {x.tobytes() for x in both.x}


def test_no_image_of_the_noisy_part_is_labelled_twice(copy):
    noisy, both = data.read_clothing1m(copy, side=8).train, data.read_clothing1m_labelled_twice(copy, side=8)
    assert not {x.tobytes() for x in noisy.x} & {x.tobytes() for x in both.x}


def test_a_method_learns_from_it(copy):
    import torch

    from lnlkit import models

    found = data.read_clothing1m(copy, side=8)
    recipe = training.Recipe(lambda n_outputs=None: models.build("mlp", (3, 8, 8), n_outputs or 14),
                             lambda p: torch.optim.Adam(p, lr=0.01), epochs=30)  # fmt: skip
    history = training.fit(method := methods.make("ce"), found.train, recipe)
    assert history[-1]["loss"] < history[0]["loss"] / 2
    assert method.predict(found.test.x).shape == (SIZES["clean_test"], 14)


# ---- broken copies ---------------------------------------------------------------------------------------------


def refused(kind, copy, match, read=data.read_clothing1m):
    with pytest.raises(kind, match=f"(?s){match}") as error:
        read(copy, side=8)
    assert "\n" not in str(error.value) and str(error.value).endswith(".") and "again" in str(error.value)


@pytest.mark.parametrize("name", [name for name in TEXTS if name != "clean_train_key_list.txt"])
def test_a_missing_text_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"`folder` must hold {name}, itself or in annotations/.*Cysu"):
        data.read_clothing1m(copy, side=8)


def test_a_folder_that_is_none_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="`folder` must hold noisy_label_kv.txt.*nowhere"):
        data.read_clothing1m(tmp_path / "nowhere")


@pytest.mark.parametrize("line, message", [
    ("images/0/00/x.jpg 14", "noisy_label_kv.txt must hold labels 0 to 13, but line 37 says '14'"),
    ("images/0/00/x.jpg -1", "must hold labels 0 to 13, but line 37 says '-1'"),
    ("images/0/00/x.jpg 1.0", "must hold labels 0 to 13, but line 37 says '1.0'"),
    ("images/0/00/x.jpg", "must hold an image's key and its label a line, but line 37 says"),
    ("images/0/00/x.jpg 1 2", "must hold an image's key and its label a line, but line 37 says"),
])  # fmt: skip
def test_a_broken_line_of_labels_is_named(copy, line, message):
    with open(copy / "noisy_label_kv.txt", "a", encoding="utf-8") as file:
        file.write(line + "\n")
    refused(ValueError, copy, message)


@pytest.mark.parametrize("name", ["noisy_label_kv.txt", "clean_test_key_list.txt"])
@pytest.mark.parametrize("content, message", [(b"\n\n", "it is empty"), (b"\xff\xfe\x00\n", "can't be read.*utf-8")])
def test_a_text_file_that_is_none_is_named(copy, name, content, message):
    (copy / name).write_bytes(content)
    refused(ValueError, copy, f"{name} must .*{message}")


@pytest.mark.parametrize("part, kind", clothing1m.PARTS.items())
def test_a_key_without_a_label_is_named(copy, part, kind):
    write(copy, f"{part}_key_list.txt", [*keys(part), "images/0/00/unlabelled.jpg"])
    message = f"{part}_key_list.txt lists 'images/0/00/unlabelled.jpg', .* {kind}_label_kv.txt, but has none"
    refused(ValueError, copy, message, lambda copy, side: clothing1m.read_part(copy, part, side))


def test_labels_of_other_classes_are_noticed_by_their_names(copy):
    write(copy, "category_names_eng.txt", NAMES[:13])
    refused(ValueError, copy, "category_names_eng.txt must hold the names of 14 classes, one a line, but holds 13")


def test_no_image_labelled_twice_is_said(copy):
    write(copy, "noisy_label_kv.txt", [f"{key} 0" for key in keys("noisy_train")])
    refused(ValueError, copy, "label in noisy_label_kv.txt and in clean_label_kv.txt, but .* has none",
            data.read_clothing1m_labelled_twice)  # fmt: skip


def test_a_missing_image_is_named_before_any_is_read(copy):
    (copy / keys("noisy_train")[-1]).unlink()
    said = []
    with pytest.raises(FileNotFoundError, match="there is no .*noisy_train29.jpg. Extract the archives"):
        data.read_clothing1m(copy, side=8, progress=said.append)
    assert not said


def _jpeg():
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (99, 99, 3), dtype=np.uint8)).save(file, "jpeg")
    return file.getvalue()


@pytest.mark.parametrize("content", [b"", b"no image", _jpeg()[:1500]])
def test_an_unreadable_image_is_named(copy, content):
    (copy / keys("clean_test")[2]).write_bytes(content)
    refused(ValueError, copy, r"clean_test2.jpg must be an image, but it can't be read \(.*Extract it again from the")


def test_images_beyond_any_memory_are_refused(copy):
    with pytest.raises(ValueError, match="`side` and `n` must be such that .* fit in memory, but 30 of 1000000000"):
        data.read_clothing1m(copy, side=10**9)
