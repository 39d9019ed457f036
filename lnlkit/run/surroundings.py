"""The environment that a run computes in, whatever the user's shell, folder and Jupyter look like."""

import contextlib
import json
import os
import site
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import lnlkit
from lnlkit.data import bundles

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""The number of threads changes how sums are rounded: every run has one, so that its numbers can be made again."""


def environment(scratch: Path, scale: str, out_dir: Path) -> dict[str, str]:
    """The variables of a run: its own kernel, settings and temporary home; paths as seen from where it was started."""
    env = {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "MATPLOTLIBRC")}
    write_kernel(scratch / "jupyter")
    env.update(
        ONE_THREAD, IPYTHONDIR=str(scratch / "ipython"), MPLCONFIGDIR=str(scratch / "matplotlib"),
        JUPYTER_PATH=joined([scratch / "jupyter", *entries("JUPYTER_PATH")]), JUPYTER_PREFER_ENV_PATH="1",
        PYTHONPATH=joined([*package_path(), *entries("PYTHONPATH")]), PYDEVD_DISABLE_FILE_VALIDATION="1",
        LNLKIT_DATA=str(bundles.default_dir()), LNLKIT_RUNS=str(out_dir / "runs"), LNLKIT_SCALE=scale)  # fmt: skip
    if scale == "smoke":
        env["LNLKIT_OFFLINE"] = "1"
    return env | ({} if has_home() else {"HOME": str(scratch)})


def write_kernel(folder: Path) -> None:
    """A kernel `python3` that is this Python, found before any other of that name."""
    kernel = folder / "kernels" / "python3"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "Python 3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")


def entries(name: str) -> list[Path]:
    """The folders in a variable, absolute; an empty entry, which means wherever a process is started, is left out."""
    return [Path(entry).absolute() for entry in os.environ.get(name, "").split(os.pathsep) if entry]


def package_path() -> list[Path]:
    """Where the package is imported from, unless Python looks there anyway."""
    folder = Path(lnlkit.__file__).resolve().parents[1]
    installed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), site.getusersitepackages()}
    return [] if folder in {Path(path).resolve() for path in installed} else [folder]


def joined(folders: list[Path]) -> str:
    return os.pathsep.join(map(str, folders))


def has_home() -> bool:
    """False where neither $HOME nor an entry among the users names a home folder, as in many containers."""
    try:
        return bool(Path.home())
    except RuntimeError:
        return False


@contextlib.contextmanager
def some_home() -> Iterator[None]:
    """A home folder, which Jupyter's packages insist on: an empty one where the user has none."""
    with contextlib.ExitStack() as stack:
        if not has_home():
            os.environ["HOME"] = stack.enter_context(tempfile.TemporaryDirectory())
            stack.callback(os.environ.pop, "HOME")
        yield
