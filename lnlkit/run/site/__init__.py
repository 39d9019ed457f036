"""All executed notebooks as a static site: pages that need no kernel, no internet and no other file.

Each notebook is executed, or its stored result taken, and becomes one page; index.html leads to them.
"""

import html
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from lnlkit import checks, papers, records
from lnlkit.run import parameters, runner
from lnlkit.run.pages.blocks import anchor
from lnlkit.run.site import cells, formulas, frame, front


class Site(NamedTuple):
    """The folder of a site, and its pages, index.html first."""

    folder: Path
    pages: list[Path]


def build(out=None, scale: str = "smoke", notebooks: Sequence[str] | None = None, *, reuse: bool = False,
          say: Callable[[str], None] | None = None) -> Site:  # fmt: skip
    """Writes the site into a folder, default artifacts/site; each file whole or not at all.

    notebooks: numbers or names, None for all; reuse: take stored results where nothing has changed; say: called with a
    line for each notebook. Raises what `runner.run` raises; ValueError for a formula that cannot be translated.
    """
    parameters.given(scale, None, None)
    formulas.mathml("x")  # without the translator nothing is executed
    root = runner.root()
    cards = front.cards(root)
    wanted = {runner.find(name).stem for name in ([card.stem for card in cards] if notebooks is None else notebooks)}
    chosen = [card for card in cards if card.stem in wanted]
    if len(chosen) < len(wanted):
        raise ValueError(f"`notebooks` must be of the README's table, but got {sorted(wanted)}.")
    folder = checks.writable_folder(root / "artifacts" / "site" if out is None else out, "out")
    docs = {path: f"{path.stem}.html" for path in front.in_order(root)}
    pages = _places(chosen, docs, root)
    written = {}
    for place, card in enumerate(chosen):
        result = runner.run(card.stem, scale, reuse=reuse)
        notebook = json.loads(result.executed.read_text(encoding="utf-8"))
        written[f"{card.stem}.html"] = notebook_page(notebook, card.stem, pages, _bar(chosen, place), _about(result))
        if say is not None:
            say(f"{card.name}: {'stored result' if result.reused else f'executed in {result.seconds:.0f} s'}")
    for path, name in docs.items():
        written[name] = front.docs_page(path, root, pages)
    titles = {name: front.title(path.read_text(encoding="utf-8"), path.stem) for path, name in docs.items()}
    written = {"index.html": front.index(root, [card.stem for card in chosen], pages, titles), **written}
    for name, content in written.items():
        with records.whole_file(folder / name) as file:
            file.write(content)
    return Site(folder, [folder / name for name in written])


def _places(chosen: list[front.Card], docs: dict[Path, str], root: Path) -> dict[str, str]:
    """{path in the repository: page of the site}."""
    return {"README.md": "index.html", **{f"notebooks/{card.stem}.ipynb": f"{card.stem}.html" for card in chosen},
            **{path.relative_to(root).as_posix(): name for path, name in docs.items()}}  # fmt: skip


def _bar(chosen: list[front.Card], place: int) -> str:
    """Links to the notebooks before and after this one."""
    links = ""
    for step, arrow in ((-1, "← {}"), (1, "{} →")):
        if 0 <= place + step < len(chosen):
            card = chosen[place + step]
            links += (f'<a{" class=next" if step > 0 else ""} href="{card.stem}.html">'
                      f"{html.escape(arrow.format(card.name))}</a>")  # fmt: skip
    return links


def _about(result) -> str:
    """What kind of run the page shows."""
    small = (" That is small: every line runs, and what is trained here says little. Tables and curves called recorded "
             "are those of larger runs.") if result.scale == "smoke" else ""  # fmt: skip
    return (f'<div class="note"><p>This is the notebook as it was executed, at scale <code>{html.escape(result.scale)}'
            f"</code>.{small} Nothing runs on this page: to train and to have exercises checked, open "
            f"<code>notebooks/{html.escape(result.notebook)}.ipynb</code>.</p></div>")  # fmt: skip


def notebook_page(notebook: dict, stem: str, pages: dict[str, str], bar: str = "", about: str = "") -> str:
    """The page of an executed notebook, given as it lies in its file."""
    in_place = _in_place(stem)
    body = cells.body(notebook["cells"], in_place)
    body, headings = frame.with_anchors(frame.linked(body, "notebooks", pages), anchor)
    title = next((text for level, _, text in headings if level == 1), stem)
    body = body.replace("</h1>", f"</h1>\n{about}", 1)
    return frame.page(title, body, head=cells.CODE_STYLE, contents=frame.contents(headings),
                      bar=f'<button class="all" type="button">Show all code</button>{bar}')  # fmt: skip


def _in_place(stem: str) -> Callable[[dict], str | None]:
    """HTML in place of a cell's outputs: a slider for an explorer, a picture to reveal for a prediction."""
    from lnlkit.run.site import sliders

    made = sliders.of_notebook(stem) if stem in (*papers.STUDIES, *papers.KEYS) else {}

    def in_place(cell):
        alts = [out.get("metadata", {}).get("image/png", {}).get("alt") for out in cell.get("outputs", [])]
        slider = next((made[alt] for alt in alts if alt in made), None)
        return slider or sliders.prediction(cell.get("outputs", []))

    return in_place
