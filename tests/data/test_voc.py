"""PASCAL VOC: which labels and which part of an image are kept, and what is said when files are missing."""

import numpy as np
import pytest
from small_sets import VOC, annotation, voc_tree

from lnlkit import data
from lnlkit.data import bundles, voc


@pytest.mark.parametrize("year", VOC)
def test_voc_is_read_from_jpegs_and_kept(tmp_path, year):
    root, name = voc_tree(tmp_path, year), f"voc{year}"
    voc = data.load(name, tmp_path)
    assert voc.x_train.shape == (2, 224, 224, 3) and voc.x_test.shape == (1, 224, 224, 3)
    assert voc.x_train.dtype == voc.y_train.dtype == np.uint8 and voc.n_classes == 20
    assert voc.source == f"torchvision, kept as {name}.npz"
    found = [[voc.class_names[k] for k in np.flatnonzero(y)] for y in (*voc.y_train, *voc.y_test)]
    assert found == {"2007": [["dog", "person"], ["car"], ["cat"]], "2012": [["tvmonitor"], [], ["aeroplane"]]}[year]
    for path in root.rglob("*.jpg"):
        path.unlink()
    again = data.load(name, tmp_path)
    assert again.source == f"bundle {name}.npz"
    for key in ("x_train", "y_train", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(again, key), getattr(voc, key))


def test_voc_images_are_resized_by_the_short_side_and_cut_at_the_centre(tmp_path):
    voc_tree(tmp_path, "2007")
    image = data.load("voc2007", tmp_path).x_train[0].astype(int)  # (300, 250) becomes (269, 224)
    border = 100 * 224 / 250 - (269 - 224) // 2
    red = image[:, :, 0] > image[:, :, 2]
    np.testing.assert_allclose(red.sum(axis=1), border, atol=1.5)
    assert red[:, 0].all() and not red[:, -1].any()


@pytest.mark.parametrize("size", [(500, 333), (333, 500), (224, 224), (90, 60), (1000, 3)])
def test_central_square_takes_any_size_and_colour(size):
    from PIL import Image

    square = voc.central_square(Image.new("L", size, 77))
    assert square.shape == (224, 224, 3) and (square == 77).all()


@pytest.mark.parametrize("objects, expected", [
    ([("cat", "0"), ("cat", "0"), ("dog", "1")], {"cat"}), ([("cat", "1"), ("dog", "1")], {"cat", "dog"}),
    ([("cat", None), ("dog", "1")], {"cat"}), ([], set()),
])  # fmt: skip
def test_difficult_objects_count_only_where_there_are_no_others(objects, expected):
    things = [{"name": name} | ({} if flag is None else {"difficult": flag}) for name, flag in objects]
    assert {voc.CLASSES[k] for k in np.flatnonzero(voc.label_vector({"object": things}))} == expected


def test_voc_offline_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("LNLKIT_OFFLINE", "1")
    with pytest.raises(FileNotFoundError) as error:
        data.load("voc2012", tmp_path)
    says = str(error.value)
    assert str(tmp_path / "voc2012.npz") in says and str(tmp_path / "VOCdevkit") in says and "LNLKIT_OFFLINE" in says
    assert not list(tmp_path.iterdir())


def test_voc_downloads_what_is_missing_and_no_more(tmp_path, monkeypatch):
    """The training part is there, the test part is not: only the test part is asked for."""
    import torchvision

    root = voc_tree(tmp_path, "2007")
    listed = root / "ImageSets/Main/test.txt"
    text, asked, real = listed.read_text(), [], torchvision.datasets.VOCDetection
    listed.unlink()

    def fake(folder, year, image_set, download):
        if download:
            asked.append((folder, year, image_set))
            if len(asked) == 1:
                raise RuntimeError("no route to host")
            listed.write_text(text)
        return real(folder, year=year, image_set=image_set, download=False)

    monkeypatch.setenv("LNLKIT_OFFLINE", "0")
    monkeypatch.setattr(torchvision.datasets, "VOCDetection", fake)
    with pytest.raises(FileNotFoundError, match="`voc2007` could not be downloaded.*no route.*Put voc2007.npz"):
        data.load("voc2007", tmp_path)
    assert data.load("voc2007", tmp_path).y_test.sum() == 1
    assert asked == [(str(tmp_path), "2007", "test")] * 2


def test_a_folder_that_takes_no_bundle_is_no_obstacle(tmp_path, monkeypatch):
    voc_tree(tmp_path, "2007")

    def read_only(path, arrays):
        raise PermissionError("read-only")

    monkeypatch.setattr(bundles, "write_bundle", read_only)
    voc = data.load("voc2007", tmp_path)
    assert voc.source == "torchvision, not kept (read-only)" and len(voc.x_train) == 2


def test_broken_voc_files_are_named(tmp_path):
    root = voc_tree(tmp_path, "2012")
    (root / "Annotations/2008_3.xml").write_text(annotation("unicorn"))
    with pytest.raises(ValueError, match="2008_3.xml must be .*'unicorn'"):
        data.load("voc2012", tmp_path)
    (root / "Annotations/2008_1.xml").write_text("<annotation>")
    with pytest.raises(ValueError, match="2008_1.xml must be"):
        data.load("voc2012", tmp_path)
    (root / "JPEGImages/2008_1.jpg").write_bytes(b"no image")
    with pytest.raises(ValueError, match="2008_1.jpg and .*cannot identify image"):
        data.load("voc2012", tmp_path)


@pytest.mark.parametrize("change, message", [
    (dict(x_train=np.zeros((2, 32, 32, 3), np.uint8)), r"`x_train` must be uint8 images \(N, 224, 224, 3\)"),
    (dict(y_test=np.zeros((1, 19))), r"`y_test` must have one entry per class, shape \(N, 20\)"),
    (dict(y_train=np.zeros((3, 20))), "`x_train` and `y_train` must hold the same number"),
])  # fmt: skip
def test_a_bundle_that_is_no_voc_is_named(tmp_path, change, message):
    x = np.zeros((2, 224, 224, 3), np.uint8)
    arrays = dict(x_train=x, y_train=np.zeros((2, 20)), x_test=x[:1], y_test=np.zeros((1, 20)))
    bundles.write_bundle(tmp_path / "voc2007.npz", arrays | change)
    with pytest.raises(ValueError, match=f"voc2007.npz isn't a bundle of voc2007: {message}"):
        data.load("voc2007", tmp_path)
