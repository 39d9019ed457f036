"""The cells of an executed notebook as HTML: text with formulas, folded code, pictures and tables as they are."""

import html
import itertools
import re
from collections.abc import Callable

import mistune  # nbconvert brings it
from pygments import highlight  # and this
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from lnlkit.run.site import formulas, frame

SHOWN = 6  # lines of code that stand open; more are folded
WIDGET = "application/vnd.jupyter.widget-view+json"
FORMATTER = HtmlFormatter(nowrap=True, style="default")
CODE_STYLE = HtmlFormatter(style="default").get_style_defs(".code pre")
IMPORTS = re.compile(r"\s*(import |from |#|if \"google|source = |get_ipython|$)")


def text(markdown: str) -> str:
    """Markdown with LaTeX as HTML with MathML; HTML in it, such as folded hints, stays."""
    shielded, found = formulas.shielded(markdown)
    body = mistune.create_markdown(escape=False, plugins=["table"])(shielded)
    body = re.sub(r"<summary>[▸►▶]\s*", "<summary>", body)  # the page draws one of its own
    return formulas.unshielded(frame.boxed(body), found)


def source(of: dict) -> str:
    """The text of a cell, of which a file keeps one string or its lines."""
    return "".join(of.get("source", ""))


def tags(cell: dict) -> set[str]:
    return set(cell.get("metadata", {}).get("tags", []))


def body(cells: list[dict], of_cell: Callable[[dict], str | None]) -> str:
    """All cells. of_cell: HTML in place of a cell's pictures, None where they stay; solutions are folded."""
    parts = []
    for solution, group in itertools.groupby(cells, lambda cell: "solution" in tags(cell)):
        inner = "\n".join(_cell(cell, of_cell, folds=not solution) for cell in group)
        folded = f'<details class="solution"><summary>Solution</summary>\n{inner}\n</details>'
        parts.append(folded if solution else inner)
    return "\n".join(parts)


def _cell(cell: dict, of_cell, folds: bool) -> str:
    if cell["cell_type"] == "markdown":
        return text(source(cell))
    if cell["cell_type"] != "code" or not source(cell).strip() or "injected-parameters" in tags(cell):
        return ""
    outputs = of_cell(cell) or shown(cell.get("outputs", []))
    if outputs and {"exercise", "check"} <= tags(cell):
        outputs = f"<details><summary>What the check says of the solution</summary>\n{outputs}\n</details>"
    return code(source(cell), folds) + (f'\n<div class="out">{outputs}</div>' if outputs else "")


def code(text: str, folds: bool = True) -> str:
    """Highlighted Python; more than SHOWN lines are folded below the first that is no import."""
    lines = text.strip("\n").split("\n")
    inner = f"<pre>{highlight(text, PythonLexer(), FORMATTER)}</pre>"
    if not folds or len(lines) <= SHOWN:
        return f'<div class="code">{inner}</div>'
    first = next((line for line in lines if not IMPORTS.match(line) and line[0] not in " )"), "imports")
    return (f'<details class="code"><summary><code>{html.escape(first)}</code> <small>… {len(lines)} lines</small>'
            f"</summary>{inner}</details>")  # fmt: skip


def shown(outputs: list[dict]) -> str:
    """The outputs of a cell, prints that follow each other in one piece, errors left to the runner."""
    parts, printed, live = [], "", any(WIDGET in out.get("data", {}) for out in outputs)
    for out in [*outputs, {}]:
        if out.get("output_type") == "stream":
            printed += "".join(out["text"])
            continue
        if printed.strip():
            parts.append(f"<pre>{html.escape(printed.rstrip())}</pre>")
        printed = ""
        parts.append(_output(out, live))
    return "\n".join(part for part in parts if part)


def _output(out: dict, live: bool) -> str:
    data = out.get("data", {})
    if "image/png" in data:
        return picture(out)
    if WIDGET in data:
        return f'<p class="note">{html.escape("".join(data["text/plain"]))}</p>'
    if "text/html" in data:
        return frame.boxed("".join(data["text/html"]))
    if "text/plain" in data and not live:  # beside live controls it is their state
        return f"<pre>{html.escape(''.join(data['text/plain']))}</pre>"
    return ""


def picture(out: dict, more: str = "") -> str:
    """A picture as data, with its alternative text and its width; `out`: an output, or what `viz.bundle` returns."""
    about = out["metadata"].get("image/png", {})
    png = re.sub(r"\s", "", "".join(out["data"]["image/png"]))
    width = f' width="{about["width"]}"' if "width" in about else ""
    return f'<img src="data:image/png;base64,{png}" alt="{html.escape(about.get("alt", ""))}"{width}{more}>'
