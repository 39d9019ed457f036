"""A method of the reader's own: a class in a file outside the package, under the name "path/to/file.py:Class"."""

import dataclasses
import hashlib
import importlib.util
import sys
from pathlib import Path

from lnlkit import checks
from lnlkit.methods.base import Method


def is_own(name) -> bool:
    """Whether a method's name is that of a class in a file."""
    return isinstance(name, str) and ".py:" in name


def load(name: str) -> type[Method]:
    """The class that "path/to/file.py:Class" names; a path without a root starts in the working folder."""
    path, class_name = _parts(name)
    found = getattr(_module(path), class_name, None)
    if not (isinstance(found, type) and issubclass(found, Method)):
        raise ValueError(f"`method` must name a class in {path} that extends lnlkit.methods.Method, but got "
                         f"{class_name!r}.")  # fmt: skip
    fields = {field.name for field in dataclasses.fields(found)}
    if lost := [of for of, kind in found.__annotations__.items() if of not in fields and "ClassVar" not in str(kind)]:
        raise ValueError(f"`method` must be a dataclass, but got {class_name!r}, whose field {lost[0]!r} does not "
                         "count: put @dataclass above it.")  # fmt: skip
    return found


def digest(name: str) -> str:
    """Hash of the file of such a method: a run depends on it, so that runs of an earlier version are made again."""
    return hashlib.sha256(_parts(name)[0].read_bytes()).hexdigest()[:12]


def _parts(name: str) -> tuple[Path, str]:
    path, _, class_name = checks.text(name, "method").rpartition(":")
    if not (found := Path(path).expanduser().absolute()).is_file():
        raise FileNotFoundError(f"`method` must name a class in a file, as in 'mine.py:Mine', but there is no {path}.")
    return found, class_name


def _module(path: Path):
    """The file as a module, executed once for each version of it."""
    name = f"own_method_{hashlib.sha256(str(path).encode() + path.read_bytes()).hexdigest()[:12]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        module = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look it up there
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[name]
            if not isinstance(error, Exception):
                raise
            raise ValueError(f"`method` must be in a file that can be read, but {path} says: {error!r}.") from error
    return sys.modules[name]
