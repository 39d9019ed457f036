"""What `lnlkit data list` says of the files that are there: half a bundle, or an empty one, is not called one."""

import numpy as np
import pytest

from lnlkit import data
from lnlkit.data import bundles


def state(folder, name="mnist"):
    return next(row["state"] for row in data.available(folder) if row["name"] == name)


@pytest.fixture
def bundle(tmp_path):
    return bundles.write_bundle(tmp_path / "mnist.npz", {"x_train": np.zeros((200, 8, 8), np.uint8)}) or (
        tmp_path / "mnist.npz")  # fmt: skip


def test_a_bundle_is_named(bundle):
    assert state(bundle.parent) == f"bundle {bundle}"
    assert state(bundle.parent, "cifar10") == "not here: `lnlkit data prepare cifar10`"


@pytest.mark.parametrize("content", [lambda of: b"", lambda of: of[: len(of) // 2], lambda of: b"<html>"],
                         ids=["empty", "half", "a page"])  # fmt: skip
def test_a_file_that_is_no_bundle_is_told(bundle, content):
    bundle.write_bytes(content(bundle.read_bytes()))
    assert state(bundle.parent) == f"broken: delete {bundle} and prepare it again"


def test_a_folder_of_this_name_is_no_bundle(tmp_path):
    (tmp_path / "mnist.npz").mkdir()
    assert state(tmp_path).startswith("broken: delete ")
