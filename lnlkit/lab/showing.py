"""What a reader opens in place, and asks: the source of a function, whether an answer is right."""

import functools
import inspect
import textwrap
from pathlib import Path

from lnlkit import checks


def show(obj):
    """Shows the source of a function, class or module of the package, with its file and line.

    In a notebook the source is highlighted, elsewhere it is printed.
    """
    code, where = _source(obj)
    from IPython import get_ipython

    print(where)
    if get_ipython() is None:
        print(code)
        return
    from IPython.display import Code, display

    # Code alone would leave a terminal or a plain reader with "<IPython.core.display.Code object>".
    page = Code(code, language="python")._repr_html_()
    page = page.replace("<pre>", '<pre style="font-size: 12px; white-space: pre">', 1)  # 120 characters fit a cell
    display({"text/html": page, "text/plain": code}, raw=True)


def _source(obj):
    """Source text of an object, and 'lnlkit/training.py, line 116' for it."""
    plain = inspect.unwrap(obj.func if isinstance(obj, functools.partial) else obj)
    try:
        lines, first = inspect.getsourcelines(plain)
        path = Path(inspect.getsourcefile(plain))
    except (TypeError, OSError):
        raise TypeError(
            f"`obj` must be a function, class or module written in Python, but got {checks.brief(obj)}: "
            "pass the function itself, without calling it."
        ) from None
    root = Path(__file__).resolve().parents[2]
    name = path.resolve().relative_to(root).as_posix() if path.resolve().is_relative_to(root) else path.name
    return "".join(lines), f"{name}, line {max(first, 1)}"


def check(name: str, answer) -> None:
    """Prints whether the answer to an exercise ("03.2") is right, and if not, what was got, wanted and mistaken."""
    from lnlkit import exercises

    print("\n".join(textwrap.wrap(exercises.check(name, answer).said, 100)))
