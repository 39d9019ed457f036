"""A notebook as it lies on the disk, and the parameters that it may be given."""

import ast
import contextlib
import difflib
import json
import warnings
from pathlib import Path

from lnlkit import checks, papers

TYPES = {"str": str, "int": int, "float": (int, float), "bool": bool, "list": (list, tuple), "dict": dict}
OPTIONS = {"SCALE": "scale", "SEEDS": "seeds", "OUT_DIR": "out_dir"}
"""Parameters that have an argument of their own."""
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def read(path: Path):
    """The notebook in a file, in today's format and for the kernel `python3`; older formats are translated."""
    import nbformat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cells without an id are given one
            notebook = nbformat.reads(path.read_text(encoding="utf-8-sig"), as_version=4)
            nbformat.validate(notebook)
    except Exception as error:  # a file of another kind can fail anywhere in nbformat
        said = (str(error).strip().splitlines() or [""])[0]
        raise ValueError(f"`{path}` is not a Jupyter notebook ({type(error).__name__}: {said:.100}): save it again in "
                         "JupyterLab, or fetch a whole copy.") from None  # fmt: skip
    language = notebook.metadata.get("kernelspec", {}).get("language", "python")
    if language.lower() != "python":
        raise ValueError(f"`{path}` must be a notebook in Python, but its kernel speaks {language}.")
    notebook.metadata.kernelspec = dict(KERNEL)  # tools that clean notebooks take it away
    return notebook


def known(notebook, path: Path) -> dict[str, str]:
    """The parameters of a notebook and the types that it declares for them."""
    cell = next((cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])), None)
    if cell is None:
        raise ValueError(f"`{path}` must have a cell with the tag `parameters` that sets SCALE, SEEDS and OUT_DIR, but "
                         "has none.")  # fmt: skip
    return _assigned(cell.source, path)


def _assigned(source: str, path: Path) -> dict[str, str]:
    """The names that the cell of parameters sets, and what it declares them to be: "" for nothing.

    papermill's own reader goes by lines: it misses a text with = in it, and a type such as `str | None`.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    plain = TransformerManager().transform_cell(source)  # without magics
    try:
        with contextlib.suppress(SyntaxError):  # a comment that only looks like the type of something
            return _declared(ast.parse(plain, type_comments=True).body)
        return _declared(ast.parse(plain).body)
    except SyntaxError as error:
        raise ValueError(f"`{path}` must have a cell `parameters` in Python, but Python can't read its line "
                         f"{error.lineno} ({error.msg}).") from None  # fmt: skip


def _declared(lines: list[ast.stmt]) -> dict[str, str]:
    found = {}
    for line in lines:
        targets = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
        kind = ast.unparse(line.annotation) if isinstance(line, ast.AnnAssign) else getattr(line, "type_comment", None)
        names = [part for target in targets if target for part in ast.walk(target)]
        names = [part.id for part in names if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]
        found |= dict.fromkeys(names, (kind or "").strip("' ").split("[")[0])
    return found


def check(notebook, path: Path, params: dict) -> None:
    """Refuses a name that the notebook has no parameter for, and a value of another type than its default.

    papermill itself only warns about an unknown name and goes on with the default.
    """
    types = known(notebook, path)
    for name, value in [*params.items(), ("OUT_DIR", "")]:
        if name not in types:
            folded = {other.lower(): other for other in types}
            near = difflib.get_close_matches(str(name).lower(), folded, n=1)
            cure = f" Did you mean {folded[near[0]]!r}?" if near else ""
            raise ValueError(f"`{name}` is no parameter of {path.name}, which has {', '.join(types) or 'none'}.{cure}")
        right = isinstance(value, TYPES.get(types[name], object)) and _is_json(value)
        if not right or (isinstance(value, bool) and types[name] in ("int", "float")):
            wanted = f"of type {types[name]}" if types[name] in TYPES else "a number, a text, a list or a dict"
            raise TypeError(f"`{name}` must be {wanted}, but got {value!r:.60} of type {type(value).__name__}.")
    if "RATE" in params:
        checks.fraction(params["RATE"], "RATE")
    if params.get("DEVICE", "auto") not in ("auto", "cpu"):  # both are everywhere, and torch takes seconds
        from lnlkit.training import pick_device

        pick_device(params["DEVICE"])


def _is_json(value) -> bool:
    try:
        return json.dumps(value) is not None
    except (TypeError, ValueError):
        return False


def given(scale: str, seeds, params) -> dict:
    """All that a notebook is given, but for its OUT_DIR."""
    checks.one_of(scale, "scale", list(papers.SCALES))
    if not isinstance(params, (dict, type(None))):
        raise TypeError(f"`params` must be a dict of names and values, but got {params!r}.")
    for name in OPTIONS.keys() & (params or {}).keys():
        raise ValueError(f"`{name}` must be given by its own argument, `{OPTIONS[name]}`, not among the parameters.")
    own = {} if seeds is None else {"SEEDS": checks.seed_list(seeds)}
    return {**(params or {}), "SCALE": scale, **own}
