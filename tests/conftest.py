"""Shared fixtures: every test starts from the same random state, without network, and leaves no figure open."""

import os
import random
import signal
import sys
import tempfile
from pathlib import Path

# Set before torch or matplotlib is imported by any test. One thread: tests run side by side with other work,
# and equality bit for bit is promised for one machine and one thread count.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["MPLBACKEND"] = "Agg"
os.environ["LNLKIT_OFFLINE"] = "1"
# A shell that starts the tests in the background lets them ignore Ctrl-C, which some of them send.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Nothing is read from or written to the cache of whoever runs the tests.
_CACHE = tempfile.TemporaryDirectory(prefix="lnlkit-tests-")
os.environ["XDG_CACHE_HOME"] = _CACHE.name

import numpy as np  # noqa: E402
import pytest  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _same_start():
    """Seed the global generators, so that a test which forgets its own still repeats; close figures afterwards."""
    random.seed(0)
    np.random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository: notebooks, tests and results are found from here, never from the working directory."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with mnist.npz, cifar10.npz and cifar10n.npz, or a skip that says how to get the test to run."""
    folder = os.environ.get("LNLKIT_DATA")
    if not folder or not (Path(folder) / "mnist.npz").exists():
        pytest.skip("needs the real bundles: set LNLKIT_DATA to a folder with mnist.npz")
    return Path(folder)


@pytest.fixture
def ax():
    from lnlkit import viz

    return viz.panels()[1]


@pytest.fixture
def errors_start_empty():
    """What went wrong in widgets is this test's own."""
    from lnlkit import widgets

    widgets.ERRORS.clear()
    yield
    widgets.ERRORS.clear()


@pytest.fixture
def page(monkeypatch):
    """The page of a notebook without a kernel: what is shown there, cell by cell."""
    from toy_explorer import Page

    return Page(monkeypatch)


@pytest.fixture
def leaves_no_trace():
    """No function makes a figure of pyplot's, or changes a global setting."""
    import matplotlib
    import matplotlib.pyplot as plt

    before = matplotlib.rcParams.copy()
    yield
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == dict(before)
