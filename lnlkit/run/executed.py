"""What an executed notebook must fulfil before its numbers count, and its HTML page.

papermill ends well although a widget callback failed, a figure has no description or no number was recorded;
`problems` looks there itself. `fingerprint` says whether a stored result is still the one a new run would give.
"""

import hashlib
import importlib.metadata
import json
import platform
import re
from pathlib import Path

import lnlkit
from lnlkit import papers, records
from lnlkit.data import bundles
from lnlkit.run import shape
from lnlkit.run.surroundings import some_home

MAX_OUTPUT_MB = 2.0
VERSIONS = ("torch", "torchvision", "numpy", "scikit-learn", "matplotlib", "seaborn", "pandas", "ipywidgets",
            "papermill")  # fmt: skip
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
ERROR_CLASS = "lnlkit-error"  # as in `lnlkit.widgets`, which would bring Matplotlib and its settings
PAGE_STYLE = """<style>
.highlight pre { overflow-y: hidden; }  /* lines of code end a fraction of a pixel below their box */
div.text_cell table { margin-left: 0; }
div.text_cell th, div.text_cell td { text-align: left; }
summary { display: list-item; cursor: pointer; }  /* with its triangle, which the template takes away */
div.output_html { background: none; }  /* the style of highlighted code greys every table */
</style>
"""


def problems(notebook_path, out_dir, stem: str, scale: str) -> list[str]:
    """One sentence per fault of an executed notebook and of what it wrote; empty when all is as it should be."""
    cells = json.loads(Path(notebook_path).read_text(encoding="utf-8"))
    return [*_left_out(cells), *_widget_errors(cells), *_outputs(cells), *_record(out_dir, stem, scale)]


def _left_out(notebook: dict) -> list[str]:
    """A cell that ended the notebook with SystemExit, which papermill takes for its end, and how many come after it."""
    cells = list(enumerate(notebook["cells"], 1))
    ended = [number for number, cell in cells for out in cell.get("outputs", []) if out.get("ename") == "SystemExit"]
    left = [number for number, cell in cells if ended and number > ended[0] and cell["cell_type"] == "code"
            and cell.get("execution_count") is None and "".join(cell["source"]).strip()]  # fmt: skip
    return [f"Cell {ended[0]} ended the notebook (SystemExit): {len(left)} after it were not run."] if left else []


def _widget_errors(notebook: dict) -> list[str]:
    """Failed callbacks: a red message of the kit's own widgets, or an error kept by an `Output` widget."""
    models = notebook.get("metadata", {}).get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    states = [model.get("state", {}) for model in models.values()]
    values = [str(state.get("value", "")) for state in states]
    red = [re.sub("<[^>]*>", " ", value).strip() for value in values if ERROR_CLASS in value]
    kept = [out for state in states for out in state.get("outputs", ()) if out.get("output_type") == "error"]
    return [
        *(f"A widget's callback failed: {text}" for text in red),
        *(f"A widget's callback failed: {out.get('ename')}: {out.get('evalue')}." for out in kept),
    ]


def _outputs(notebook: dict) -> list[str]:
    found, sizes = [], {}
    for number, cell in enumerate(notebook["cells"], 1):
        sizes[number] = len(json.dumps(cell.get("outputs", [])))
        for output in cell.get("outputs", []):
            alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            if "image/png" in output.get("data", {}) and not alt.strip():
                found.append(f'Cell {number} shows a figure without a description: `viz.show(fig, "what is seen")`.')
            if "".join(output.get("data", {}).get("text/plain", "")).startswith("<DisplayHandle"):
                found.append(f"Cell {number} shows a <DisplayHandle>: end the cell with another line.")
    total = sum(sizes.values()) / 2**20
    if total > MAX_OUTPUT_MB:
        largest = max(sizes, key=sizes.get)
        found.append(
            f"The outputs hold {total:.1f} MB, more than {MAX_OUTPUT_MB:g} MB: "
            f"most of it in cell {largest} ({sizes[largest] / 2**20:.1f} MB)."
        )
    return found


def records_in(out_dir, stem: str) -> list[Path]:
    """The records that a notebook has written: named after itself, or after its paper where it is a copy."""
    names = dict.fromkeys((stem, *papers.STUDIES, *papers.KEYS))
    return [path for name in names if (path := Path(out_dir) / f"{name}.json").exists()]


def _record(out_dir, stem: str, scale: str) -> list[str]:
    found = records_in(out_dir, stem)
    if not found:
        return [f"The notebook has written no record: `records.write(Path(OUT_DIR) / '{stem}.json', ...)`."]
    if len(found) > 1:
        return [f"The notebook has written {len(found)} records, {', '.join(path.name for path in found)}: one is due."]
    try:
        record = shape.read_notebook(found[0])
    except ValueError as error:
        return [str(error)]
    return [
        f"The record says {key} {record[key]!r}, but it is the one of {wanted!r}."
        for key, wanted in (("notebook", found[0].stem), ("scale", scale))
        if record[key] != wanted
    ]


def write_html(notebook_path, html_path) -> Path:
    """The page of an executed notebook, written whole or not at all.

    Template `classic`: nbconvert's newer one leaves out the alt text of the figures.
    """
    with some_home():
        from nbconvert import HTMLExporter

        body, _ = HTMLExporter(template_name="classic").from_filename(str(notebook_path))
    body = body.replace("</head>", f"{PAGE_STYLE}</head>", 1)
    with records.whole_file(html_path) as file:
        file.write(body)
    return Path(html_path)


def fingerprint(name: str, source: str, params: dict, data_files=()) -> str:
    """Hash of what a result depends on: the package's files, the notebook, its parameters, its data, the versions."""
    found = hashlib.sha256()
    package = Path(lnlkit.__file__).parent
    files = [file for end in ("*.py", "*.toml", "*.json") for file in package.rglob(end)]
    for file in sorted(files):
        found.update(f"{file.name}\0".encode() + file.read_bytes())
    found.update(f"{name}\0{source}".encode())
    versions = {name: importlib.metadata.version(name) for name in VERSIONS}
    sizes = {str(file): (file.stat().st_size, file.stat().st_mtime_ns) for file in data_files if file.exists()}
    settings = {"params": params, "versions": versions, "python": platform.python_version(), "data": sizes,
                "data_dir": str(bundles.default_dir())}  # fmt: skip
    found.update(json.dumps(settings, sort_keys=True).encode())
    return found.hexdigest()
