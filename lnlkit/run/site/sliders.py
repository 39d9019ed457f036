"""Explorers without a kernel: a few of their pictures, and one control that walks through them."""

import html
import importlib

from lnlkit import recorded, viz, widgets
from lnlkit.run.site import cells

MOST = 10  # pictures of a slider
RATE = "noise_rate"  # the control to keep, where it has more than two values


def of_notebook(key: str) -> dict[str, str]:
    """{description of an explorer's first picture: HTML of its slider}, for the explorers of a paper or study.

    The description is the alternative text of the picture that an executed notebook keeps.
    """
    pictures = importlib.import_module(f"lnlkit.viz.{key[3:]}").pictures(recorded.load(key))
    return dict(_slider(widgets.Explorer(picture)) for picture in pictures.values())


def _slider(explorer) -> tuple[str, str]:
    start = explorer.choice
    name = _walked(explorer)
    options = dict((value, text) for text, value in explorer.controls[name].options)
    walk = _some(list(options), start[name])
    shown, first = [], ""
    for value in walk:
        data, about = _bundle(explorer, start | {name: value})
        here = value == start[name]
        first = data["text/plain"] if here else first
        more = f' data-value="{html.escape(options[value])}"' + ("" if here else " hidden")
        shown.append(cells.picture({"data": data, "metadata": about}, more))
    label = html.escape(explorer.labels[name])
    return first, (
        f'<figure class="slider">\n<label>{label} <input type="range" min="0" max="{len(walk) - 1}" step="1" '
        f'value="{walk.index(start[name])}" aria-label="{label}"> <output>{html.escape(options[start[name]])}</output>'
        f"</label>\n{''.join(shown)}\n<figcaption>{_fixed(explorer, name)}</figcaption>\n</figure>")  # fmt: skip


def _walked(explorer) -> str:
    """The control that the slider keeps: the noise rate, else the one with the most numbers."""
    numbers = {name: len(control.options) for name, control in explorer.controls.items()
               if any(isinstance(value, float | int) for _, value in control.options)}  # fmt: skip
    sizes = numbers or {name: len(control.options) for name, control in explorer.controls.items()}
    return RATE if sizes.get(RATE, 0) > 2 else max(sizes, key=sizes.get)


def _some(values: list, start) -> list:
    """At most MOST of the values, from end to end, with the first choice among them."""
    if len(values) <= MOST:
        return values
    at = {round(place * (len(values) - 1) / (MOST - 1)) for place in range(MOST)}
    nearest = min(at - {0, len(values) - 1}, key=lambda place: abs(place - values.index(start)))
    return [value for place, value in enumerate(values)
            if value == start or place in at and (place != nearest or values[place] == start)]  # fmt: skip


def _bundle(explorer, choice: dict):
    """The picture of a choice, small; what is not recorded with it is the nearest that is, as in the notebook."""
    if not explorer.choose(**choice):
        raise RuntimeError(f"The {explorer.title} cannot be drawn at {choice}: see lnlkit.widgets.ERRORS.")
    return viz.bundle(explorer.picture.fig, explorer.picture.fig.dpi)


def _fixed(explorer, name: str) -> str:
    others = [(explorer.labels[other], next(text for text, value in control.options if value == control.value))
              for other, control in explorer.controls.items() if other != name]  # fmt: skip
    said = ", ".join(f"{label} {text}" for label, text in others)
    return html.escape(f"Here with {said}. The notebook itself has all {len(explorer.rows)} choices.")


def prediction(outputs: list[dict]) -> str | None:
    """A picture to guess from, and the revealed one folded below it; None for outputs without."""
    hidden = next((out for out in outputs if widgets.REVEALED in out.get("metadata", {})), None)
    if hidden is None:
        return None
    data, about = hidden["metadata"][widgets.REVEALED]
    told = cells.picture({"data": data, "metadata": about})
    return (f"{cells.picture(hidden)}\n<p>Guess before you look.</p>\n"
            f"<details><summary>Reveal</summary>\n{told}\n</details>")  # fmt: skip
