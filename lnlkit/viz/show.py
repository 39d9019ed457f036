"""Figures on the page: one PNG with the figure's description as alternative text."""

import base64
import gc
import io
import sys

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from PIL import Image

from lnlkit import checks
from lnlkit.viz.style import plain

DPI = 160  # dots per inch of a figure on the page: sharp on screens of every kind
SHOWN = 90  # pixels of the page that an inch of a figure is wide
WIDEST = 960  # pixels: the width of a notebook cell on a screen of 1,366


def _figure(fig):
    """The argument `fig`, which is a figure."""
    return checks.instance(fig, "fig", Figure, "`fig, ax = viz.panels()` makes one; axes have theirs as `ax.figure`.")


def describe(fig, text):
    """The figure, carrying a sentence that says what it shows: `show` makes it the alternative text."""
    _figure(fig)
    if not isinstance(text, str) or len(text.split()) < 3:
        raise ValueError(f"`text` must be a sentence that says what the figure shows, but got {text!r}.")
    fig.set_label(text.replace("-\n", "-").replace("\n", " "))  # names broken to fit their column are whole here
    return fig


def description(fig):
    """What `describe` told of the figure; raises ValueError where nothing was told."""
    text = _figure(fig).get_label()
    if not text:
        raise ValueError("`fig` must carry a description: viz.describe(fig, 'a sentence').")
    return str(text)


@plain
def bundle(fig, dpi=DPI, *, small=True):
    """MIME data and metadata of a figure: a PNG with its description as alternative text and plain-text fallback.

    The metadata give the width on the page, so that more dots per inch make a figure sharper and not larger. small:
    spend a tenth of a second on a file of a third of the size. A figure that pyplot knows is closed, so that a
    notebook does not show it a second time.
    """
    text, image = description(fig), _image(fig, checks.between(dpi, "dpi", 10, 1200))
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(fig)
    width, stream = round(min(WIDEST, image.width * SHOWN / dpi)), io.BytesIO()
    (_few_colours(image) if small else image).save(stream, format="png", **({} if small else {"compress_level": 1}))
    data = {"image/png": base64.b64encode(stream.getvalue()).decode("ascii"), "text/plain": text}
    return data, {"image/png": {"alt": text, "width": width}}


def _image(fig, dpi):
    """The figure drawn: whole where it has a layout of its own, else cut to what is drawn."""
    whole = fig.get_layout_engine() is not None
    if whole and fig.dpi == dpi:
        fig.canvas.draw()  # `savefig` would draw everything twice, for which an explorer has no time
        return Image.fromarray(np.asarray(fig.canvas.buffer_rgba())[..., :3].copy())
    stream = io.BytesIO()
    fig.savefig(stream, format="png", dpi=dpi, bbox_inches=None if whole else "tight",
                facecolor="auto" if to_rgba(fig.get_facecolor())[3] else "white")  # fmt: skip
    return Image.open(stream).convert("RGB")


def _few_colours(image):
    """The image with 256 colours, where these are enough."""
    few = image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    lines = (np.asarray(part.convert("RGB"))[::4].astype(int) for part in (few, image))  # all of them: 40 MB
    return few if np.abs(np.subtract(*lines)).mean() < 1 else image


def show(fig, text=None, *, dpi=DPI):
    """Shows the figure with its description, which `text` gives or replaces. Outside of IPython the text is printed.

    Returns nothing, so that it can be the last line of a cell.
    """
    if text is not None:
        describe(fig, text)
    place(bundle(fig, dpi))
    gc.collect()  # earlier figures are knots of references: without, a dozen of them stays in memory


def place(bundled):
    """Display handle of what `bundle` returns, now on the page; None outside of IPython, where the text is printed."""
    from IPython import get_ipython
    from IPython.display import display

    data, metadata = bundled
    if get_ipython() is None:
        print(data["text/plain"])
        return None
    return display(data, raw=True, metadata=metadata, display_id=True)
