"""Studies: grids of method, data set, noise and rate without a published table, from a few lines of TOML or flags.

    title = "Two losses at three rates"
    methods = ["ce", { method = "gce", q = [0.5, 0.7] }, "mine.py:Mine"]
    noise_rates = [0.2, 0.4, 0.6]

Everything else has a default (`DEFAULTS`). `[[grid]]` blocks say what differs from that in parts of the grid.
"""

import itertools
from collections.abc import Callable

from lnlkit import checks
from lnlkit.papers.description import SCALES, Paper, Row
from lnlkit.papers.reading import paper_of, toml_of

DEFAULTS = {
    "methods": ["ce"], "dataset": "digits", "noise": ["symmetric"], "noise_rates": [0.2, 0.4, 0.6], "seeds": [0, 1, 2],
    "network": "mlp", "epochs": 60, "batch_size": 64, "optimizer": {"name": "adam", "lr": 0.003}, "val_fraction": 0.1,
}  # fmt: skip
ABOUT = ("title", "summary", "grid")
AXES = ("methods", "noise", "noise_rates", "seeds")  # of a grid; the rest are settings
SETTINGS = ("dataset", "network", "epochs", "batch_size", "optimizer", "val_fraction", "n_train", "n_test", "decay",
            "classes", "half", "amp")  # fmt: skip
COLORS = ("#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#ca9161", "#fbafe4", "#949494", "#ece133", "#56b4e9")
MARKERS, LINES = "osD^vPX<>", ("-", "--", "-.", ":")


def parsed(key: str, text: bytes, known: dict | None = None) -> Paper:
    """The study in the bytes of a TOML file; see `study` for `known`."""
    return study(key, toml_of(key, text), known)


def read(path) -> tuple[dict, str]:
    """What a TOML file says, and the name of the study in it, which is the file's."""
    path = checks.path(path)
    try:
        return toml_of(path.stem, path.read_bytes()), path.stem
    except OSError as error:
        raise FileNotFoundError(f"`study` must be a TOML file, but {path} can't be read: {error.strerror}.") from None


def study(key: str, raw: dict, known: dict | None = None, about_own: Callable[[str], dict] | None = None) -> Paper:
    """A Paper without tables and claims, whose grid this is at every scale.

    known: {method name: row} with label, needs and look of rows that papers have for a method. about_own: what a row
    says of a method in a file of the reader's: `needs` and `file_digest`.
    """
    common, known, rows, on, sweep = DEFAULTS | _settings(raw, ABOUT), known or {}, {}, {}, []
    for place, block in enumerate(raw.get("grid", [{}])):
        whole = common | _settings(block, ())
        on[name := f"grid {place + 1}"] = {of: whole[of] for of in SETTINGS if of in whole}
        here = [row for method in _list(whole["methods"]) for row in _rows(method)]
        for row in here:
            if row["id"] not in rows:
                own = about_own(row["method"]) if about_own and _is_own(row["method"]) else {}
                rows[row["id"]] = row | _look(row, len(rows), known.get(row["method"])) | own
        axes = {axis: _list(whole[axis]) for axis in AXES[1:]}
        sweep += [{"on": name, "rows": [row["id"] for row in here], **axes, "noise": noise} for noise in axes["noise"]]
    about = {"title": raw.get("title", key), "authors": [], "year": 0, "venue": "", "summary": raw.get("summary", "")}
    scale = on["grid 1"] | {"on": on, "sweep": sweep}
    return paper_of(key, {"paper": about, "rows": list(rows.values()), "tables": [], "claims": [], "errata": [],
                          "scales": {name: scale for name in SCALES}})  # fmt: skip


def _is_own(method: str) -> bool:
    return ".py:" in method


def _list(value) -> list:
    return value if isinstance(value, list) else [value]


def _settings(raw: dict, passed: tuple[str, ...]) -> dict:
    for name in raw:
        checks.one_of(name, "study", [*AXES, *SETTINGS, *passed])
    return {name: value for name, value in raw.items() if name not in passed}


def _rows(entry) -> list[dict]:
    """The rows of an entry of `methods`: a name, or a table with lists of hyper-parameters, a row a combination.

    Such a table has the name under `method` and may have a `label`.
    """
    entry = {"method": entry} if isinstance(entry, str) else dict(checks.instance(entry, "methods", dict))
    label = entry.pop("label", None)
    if not isinstance(name := entry.pop("method", None), str):
        raise ValueError("`methods` must be names, or tables with a name under 'method', but got "
                         f"{checks.brief(name)}.")  # fmt: skip
    base, rows = name.replace("\\", "/").rpartition("/")[2], []
    for values in itertools.product(*(_list(value) for value in entry.values())):
        hparams = dict(zip(entry, values, strict=True))
        said = ", ".join(f"{key} {value}" for key, value in hparams.items())
        rows.append({"id": f"{base}, {said}" if said else base, "method": name, "says": said, "hparams": hparams,
                     "published": "no", **({"label": label} if label else {})})  # fmt: skip
    return rows


def _look(row: dict, place: int, paper_row) -> dict:
    """Label, needs and look of a row, the first two from the row that a paper has for its method."""
    label = row.get("label") or (paper_row.label if paper_row else row["id"].rpartition(":")[2].partition(",")[0])
    return {"label": f"{label}, {row['says']}" if row["says"] else label,
            "needs": list(paper_row.needs) if paper_row else [],
            "draw": [COLORS[place % 10], MARKERS[place % 9], LINES[place % 4]]}  # fmt: skip


def row_as_run(row_id: str, method: str, place: int, known: dict, needs, label: str | None = None) -> Row:
    """The row of a run whose study is not here, from its id: "gce, q 0.5" has the label of GCE and that setting.

    known: as for `study`; needs: what the method is told; place: a number that gives the row its look; label: another.
    """
    _, _, said = row_id.partition(", ")
    look = _look({"id": row_id, "says": said}, place, known.get(method))
    return Row(row_id, label or look["label"], method, said, "no", tuple(needs), draw=tuple(look["draw"]))
