"""Figures on the page: one PNG with its alternative text, and a handle to replace both."""

import base64
import gc
import io
import sys

DPI = 90


def bundle(fig, alt, dpi=DPI):
    """MIME data and metadata of a figure: a PNG with `alt` as its alternative text and as the plain-text fallback.

    The figure is closed when pyplot knows it, so that a notebook does not show it a second time.
    """
    if not isinstance(alt, str) or len(alt.split()) < 3:
        raise ValueError(f"`alt` must be a sentence that says what the figure shows, but got {alt!r}.")
    stream = io.BytesIO()
    tight = None if fig.get_layout_engine() else "tight"
    fig.savefig(stream, format="png", dpi=dpi, bbox_inches=tight, facecolor="white")
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(fig)
    gc.collect()  # earlier figures are knots of references: without, a dozen of them stays in memory
    png = base64.b64encode(stream.getvalue()).decode("ascii")
    return {"image/png": png, "text/plain": alt}, {"image/png": {"alt": alt}}


def show(fig, alt, *, dpi=DPI):
    """Display handle of the figure, now shown with its alternative text; `update(handle, fig, alt)` replaces it.

    Outside of IPython the text is printed and None is returned.
    """
    from IPython import get_ipython
    from IPython.display import display

    data, metadata = bundle(fig, alt, dpi)
    if get_ipython() is None:
        print(alt)
        return None
    return display(data, raw=True, metadata=metadata, display_id=True)


def update(handle, fig, alt, *, dpi=DPI):
    """The handle, now showing another figure and its alternative text."""
    data, metadata = bundle(fig, alt, dpi)
    handle.update(data, raw=True, metadata=metadata)
    return handle
