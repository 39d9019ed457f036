"""The first page of the site, from the README and the overview pictures, and the pages of docs/."""

import base64
import html
import re
import struct
from pathlib import Path
from typing import NamedTuple

from lnlkit.run.pages import html as document
from lnlkit.run.pages.blocks import anchor
from lnlkit.run.site import cells, frame

ROW = re.compile(r"^\| \[(?P<name>[^\]]+)\]\((?P<path>[^)]+\.ipynb)\) \| (?P<paper>.*?) \| (?P<outcome>.*) \|$", re.M)
SHARP = 90 / 160  # pixels on the page of one in a file of docs/figures, as `viz.bundle` writes it
WIDEST = 960
CELLS = """
main { max-width: none; }
.box td, .box th { white-space: nowrap; font-variant-numeric: tabular-nums; }
.box td.text { white-space: normal; min-width: 12em; } .box td.long { white-space: normal; min-width: 16em; }
td.good { color: #1a7f37; font-weight: 600; } td.bad { color: #b3261e; font-weight: 600; }
"""


class Card(NamedTuple):
    """What the README says of a notebook."""

    stem: str
    name: str
    paper: str
    outcome: str


def cards(root: Path) -> list[Card]:
    """The notebooks of the README's table, in the order to read them; raises ValueError where there is none."""
    rows = [Card(Path(row["path"]).stem, row["name"], row["paper"], row["outcome"])
            for row in ROW.finditer((root / "README.md").read_text(encoding="utf-8"))]  # fmt: skip
    if not rows:
        raise ValueError("`README.md` must have a table of notebooks, | [name](notebooks/x.ipynb) | paper | outcome |.")
    return rows


def images(root: Path) -> dict[str, tuple[bytes, int]]:
    """{path from docs/: (PNG, width on the page)} of the pictures in docs/figures."""
    found = {}
    for path in sorted((root / "docs" / "figures").glob("*.png")):
        png = path.read_bytes()
        found[f"figures/{path.name}"] = png, min(WIDEST, round(struct.unpack(">I", png[16:20])[0] * SHARP))
    return found


def _alts(root: Path) -> dict[str, str]:
    """{path from docs/: description} of the pictures, as the pages of docs/ have them."""
    pages = (path.read_text(encoding="utf-8") for path in sorted((root / "docs").glob("*.md")))
    return {path: alt for page in pages for alt, path in re.findall(r"!\[(.*?)\]\((figures/[^)]+)\)", page)}


def index(root: Path, stems: list[str], pages: dict[str, str], docs: dict[str, str]) -> str:
    """index.html: what the kit is, a card for each notebook of `stems`, and the other pages, {file: title}."""
    readme = (root / "README.md").read_text(encoding="utf-8")
    intro = readme.split("\n", 1)[1].split("```")[0]  # up to the commands
    pictures, alts = images(root), _alts(root)
    shown = "\n".join(_card(card, pictures, alts, pages) for card in cards(root) if card.stem in stems)
    more = "\n".join(f'<li><a href="{html.escape(file)}">{html.escape(title)}</a></li>' for file, title in docs.items())
    body = (f"<h1>lnlkit</h1>\n{frame.linked(cells.text(intro), '.', pages)}\n"
            "<p>These pages are the notebooks as they were executed: to read "
            "without a kernel and without internet. Sliders walk through a few recorded pictures; to train, to choose "
            "all else and to have exercises checked, open the notebooks in JupyterLab.</p>\n"
            f'<div class="cards">\n{shown}\n</div>\n<h2>All results and methods</h2>\n<ul>\n{more}\n</ul>')  # fmt: skip
    return frame.page("lnlkit: learning with noisy labels", body)


def _card(card: Card, pictures: dict, alts: dict[str, str], pages: dict[str, str]) -> str:
    path, href = f"figures/{card.stem[:2]}_overview.png", f"{card.stem}.html"
    image = ""
    if path in pictures:
        data = base64.b64encode(pictures[path][0]).decode("ascii")
        alt = alts.get(path) or f"What was found in {card.name}."
        image = f'<a href="{href}"><img src="data:image/png;base64,{data}" alt="{html.escape(alt)}"></a>'
    said = [re.sub(r"^<p>|</p>\n?$", "", frame.linked(cells.text(text), ".", pages))
            for text in (card.paper, card.outcome)]  # fmt: skip
    return (f'<section class="card">{image}<h2><a href="{href}">{html.escape(card.name)}</a></h2>\n'
            f'<p class="paper">{said[0]}</p>\n<p>{said[1]}</p></section>')  # fmt: skip


def in_order(root: Path) -> list[Path]:
    """The pages of docs/: those that the README names first, in its order."""
    readme = (root / "README.md").read_text(encoding="utf-8")
    place = lambda path: (readme.find(f"](docs/{path.name})") % (len(readme) + 1), path.name)  # noqa: E731
    return sorted((root / "docs").glob("*.md"), key=place)


def title(markdown: str, default: str) -> str:
    """The first heading of a page."""
    found = re.search(r"^# (.+)$", markdown, re.M)
    return found[1] if found else default


def docs_page(path: Path, root: Path, pages: dict[str, str]) -> str:
    """A page of docs/ in the frame of the site, through the converter of the reports."""
    markdown = path.read_text(encoding="utf-8")
    name = title(markdown, path.stem)
    whole = document.page(name, markdown, images(root))
    body = whole.partition("<body>\n")[2].rpartition("</body>")[0]
    body, headings = frame.with_anchors(body, anchor)
    sections = [heading for heading in headings if heading[0] == 2]
    contents = frame.contents(sections) if len(sections) > 3 else ""
    body = frame.boxed(frame.linked(body, "docs", pages))
    return frame.page(name, body, head=CELLS, contents=contents)
