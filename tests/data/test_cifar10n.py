"""The human labels of CIFAR-10N: read from either file, and a hostile one is not run."""
import pickle
import zipfile

import numpy as np
import pytest

from lnlkit import data
from lnlkit.data import cifar10n


def human(n=50_000):
    rng = np.random.default_rng(0)
    return {key: rng.integers(0, 10, n) for key in cifar10n.HUMAN_KEYS}


@pytest.mark.parametrize("kind", ["npz", "torch.save", "NumPy 1 names"])
def test_human_labels_are_read_from_either_file(tmp_path, kind):
    expected = human()
    if kind == "npz":
        np.savez(tmp_path / "cifar10n.npz", **{key: y.astype(np.uint8) for key, y in expected.items()})
    else:
        torch = pytest.importorskip("torch")
        torch.save(expected, tmp_path / "CIFAR-10_human.pt")
    if kind == "NumPy 1 names":                                                      # what the authors' file asks for
        _edit_pickle(tmp_path / "CIFAR-10_human.pt", b"numpy._core.multiarray", b"numpy.core.multiarray")
    got = data.human_labels(tmp_path)
    assert list(got) == list(expected)
    for key, y in expected.items():
        np.testing.assert_array_equal(got[key], y)
        assert got[key].dtype == np.int64


def _edit_pickle(path, old, new):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content.replace(old, new))


class _Touch:
    """Pickled, this makes a file when it is loaded by a trusting unpickler."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def _pt(tmp_path, content):
    with zipfile.ZipFile(tmp_path / "CIFAR-10_human.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, protocol=2))


def test_a_hostile_file_is_refused_and_not_run(tmp_path):
    _pt(tmp_path, human(3) | {"worse_label": _Touch(tmp_path / "owned")})
    with pytest.raises(ValueError, match="CIFAR-10_human.pt.*open, which is no part of an array"):
        data.human_labels(tmp_path)
    assert not (tmp_path / "owned").exists()
    pickle.loads(pickle.dumps(_Touch(tmp_path / "owned"))).close()                   # the bait does work
    assert (tmp_path / "owned").exists()


@pytest.mark.parametrize("content, message", [
    ({"clean_label": np.zeros(50_000, int)}, "KeyError: 'aggre_label'"),
    (human(49_999), r"shape \(50000,\)"),
    (human() | {"worse_label": np.full(50_000, 10)}, "`worse_label` must hold class numbers 0 to 9"),
    (human() | {"worse_label": np.array([None] * 50_000)}, "`worse_label` must hold integer"),
    ([1, 2], "can't be read"),
])
def test_human_labels_of_another_kind_are_refused(tmp_path, content, message):
    _pt(tmp_path, content)
    with pytest.raises(ValueError, match=f"(?s)CIFAR-10_human.pt must .*{message}"):
        data.human_labels(tmp_path)


def test_a_human_file_that_is_no_zip_is_refused(tmp_path):
    (tmp_path / "CIFAR-10_human.pt").write_bytes(pickle.dumps(human(3)))
    with pytest.raises(ValueError, match="BadZipFile"):
        data.human_labels(tmp_path)


def test_missing_human_labels_say_where_to_get_them(tmp_path):
    with pytest.raises(FileNotFoundError, match="cifar10n.npz and CIFAR-10_human.pt.*CC BY-NC 4.0"):
        data.human_labels(tmp_path)
