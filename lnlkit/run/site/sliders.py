"""Explorers without a kernel: a few of their pictures, and one control that walks through them."""

import html
import importlib

from lnlkit import recorded, viz, widgets
from lnlkit.run.site import cells
from lnlkit.widgets.explorer import NOTHING

MOST = 10  # pictures of a slider
RATE = "noise_rate"  # the control to keep, where it has more than two values


def of_notebook(key: str) -> dict[str, str]:
    """{description of an explorer's first picture: HTML of its slider}, for the explorers of a paper or study.

    The description is the alternative text of the picture that an executed notebook keeps.
    """
    pictures = importlib.import_module(f"lnlkit.viz.{key[3:]}").pictures(recorded.load(key))
    return dict(_slider(widgets.Explorer(picture)) for picture in pictures.values())


def _slider(explorer) -> tuple[str, str]:
    name, rows = _walked(explorer)
    start, texts = explorer.choice, {value: text for text, value in explorer.controls[name].options}
    shown, first = [], ""
    for row in rows:
        data, about = _bundle(explorer.picture, row)
        here = row == start
        first = data["text/plain"] if here else first
        more = f' data-value="{html.escape(texts[row[name]])}"' + ("" if here else " hidden")
        shown.append(cells.picture({"data": data, "metadata": about}, more))
    label = html.escape(explorer.labels[name])
    return first, (
        f'<figure class="slider">\n<label>{label} <input type="range" min="0" max="{len(rows) - 1}" step="1" '
        f'value="{rows.index(start)}" aria-label="{label}"> <output>{html.escape(texts[start[name]])}</output>'
        f"</label>\n{''.join(shown)}\n<figcaption>{_fixed(explorer, name)}</figcaption>\n</figure>")


def _walked(explorer) -> tuple[str, list[dict]]:
    """The control that the slider keeps, and the recorded choices that differ in it alone.

    It is the noise rate where that has more than two values, else the control with the most, numbers first.
    """
    start, found = explorer.choice, {}
    for name in start:
        rows = [row for row in explorer.rows if all(row[other] == start[other] for other in start if other != name)]
        numbers = all(isinstance(row[name], float | int) for row in rows)
        found[name] = sorted(rows, key=lambda row, name=name: row[name]) if numbers else rows
    if len(found.get(RATE, ())) > 2:
        return RATE, _some(found[RATE], start)
    name = max(found, key=lambda name: (isinstance(start[name], float | int), len(found[name])))
    return name, _some(found[name], start)


def _some(rows: list, start) -> list:
    """At most MOST of the rows, from end to end, with the first choice among them."""
    if len(rows) <= MOST:
        return rows
    places = [round(place * (len(rows) - 1) / (MOST - 1)) for place in range(MOST)]
    nearest = min(range(MOST), key=lambda place: abs(places[place] - rows.index(start)))
    places[nearest] = rows.index(start)
    return [rows[place] for place in sorted(set(places))]


def _bundle(picture, row: dict):
    """The picture of a choice, as `viz.bundle` has it, small."""
    fig = picture.draw(**{name: None if value == NOTHING else value for name, value in row.items()})
    return viz.bundle(fig, fig.dpi)


def _fixed(explorer, name: str) -> str:
    others = [(explorer.labels[other], next(text for text, value in control.options if value == control.value))
              for other, control in explorer.controls.items() if other != name]  # fmt: skip
    said = "; ".join(f"{label}: {text}" for label, text in others)
    return html.escape(f"Kept here: {said}. The notebook itself has all {len(explorer.rows)} choices.")


def prediction(outputs: list[dict]) -> str | None:
    """A picture to guess from, and the revealed one folded below it; None for outputs without."""
    hidden = next((out for out in outputs if widgets.REVEALED in out.get("metadata", {})), None)
    if hidden is None:
        return None
    data, about = hidden["metadata"][widgets.REVEALED]
    told = cells.picture({"data": data, "metadata": about})
    return (f"{cells.picture(hidden)}\n<p>Guess before you look.</p>\n"
            f"<details><summary>Reveal</summary>\n{told}\n</details>")  # fmt: skip
