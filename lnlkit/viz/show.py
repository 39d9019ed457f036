"""Figures on the page: one PNG with the figure's description as alternative text, and a handle to replace both."""

import base64
import gc
import io
import sys

DPI = 110


def describe(fig, text):
    """The figure, carrying a sentence that says what it shows: `show` makes it the alternative text."""
    if not isinstance(text, str) or len(text.split()) < 3:
        raise ValueError(f"`text` must be a sentence that says what the figure shows, but got {text!r}.")
    fig.set_label(text)
    return fig


def description(fig):
    """What `describe` told of the figure; raises ValueError where nothing was told."""
    text = fig.get_label()
    if not text:
        raise ValueError("the figure must carry a description: viz.describe(fig, 'a sentence').")
    return str(text)


def bundle(fig, dpi=DPI):
    """MIME data and metadata of a figure: a PNG with its description as alternative text and plain-text fallback.

    The figure is closed when pyplot knows it, so that a notebook does not show it a second time.
    """
    text, stream = description(fig), io.BytesIO()
    tight = None if fig.get_layout_engine() else "tight"
    fig.savefig(stream, format="png", dpi=dpi, bbox_inches=tight, facecolor="white")
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(fig)
    gc.collect()  # earlier figures are knots of references: without, a dozen of them stays in memory
    png = base64.b64encode(stream.getvalue()).decode("ascii")
    return {"image/png": png, "text/plain": text}, {"image/png": {"alt": text}}


def show(fig, text=None, *, dpi=DPI):
    """Shows the figure with its description, which `text` gives or replaces. Outside of IPython the text is printed.

    Returns nothing, so that it can be the last line of a cell.
    """
    if text is not None:
        describe(fig, text)
    place(bundle(fig, dpi))


def place(bundled):
    """Display handle of what `bundle` returns, now on the page; None outside of IPython, where the text is printed."""
    from IPython import get_ipython
    from IPython.display import display

    data, metadata = bundled
    if get_ipython() is None:
        print(data["text/plain"])
        return None
    return display(data, raw=True, metadata=metadata, display_id=True)


def replace(handle, bundled):
    """The handle, now showing another bundle."""
    data, metadata = bundled
    handle.update(data, raw=True, metadata=metadata)
    return handle
