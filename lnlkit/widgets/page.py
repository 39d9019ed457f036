"""What stands on the page: controls, one picture in one or several places, and red messages for what went wrong."""

import html
import traceback

from lnlkit.viz.show import place

ERRORS: list[dict] = []
"""What went wrong in callbacks so far: dicts with `where`, `choice`, `error` and `traceback`."""

ERROR_CLASS = "lnlkit-error"  # in the HTML of a red message, so that a runner can find it in the widget state
PLACES = 8  # in which a picture is kept true; front ends do not tell which older ones are gone


def failed(where, choice, error):
    """Red HTML for an exception, which is also kept in ERRORS."""
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    entry = {"where": where, "choice": dict(choice), "error": repr(error), "traceback": text}
    if entry not in ERRORS:
        ERRORS.append(entry)
    at = f" at {choice}" if choice else ""
    said = str(error).removesuffix(".")
    message = html.escape(f"{where} failed{at}: {type(error).__name__}: {said}. What is shown is older.")
    return f'<div class="{ERROR_CLASS}" role="alert" style="color: #b00020">{message}</div>'


def show_controls(box, text):
    """Shows widgets with a sentence for readers without a kernel in place of the widgets' own repr."""
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        return
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    display({"application/vnd.jupyter.widget-view+json": view, "text/plain": text}, raw=True)


def _executing():
    """Ids of the cell that is run, None where the front end does not tell it, and of this run of it."""
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    parent = kernel.get_parent() if kernel is not None else {}
    return parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id")


class Places:
    """Where one picture stands on the page: what is shown in several cells is the same in all of them."""

    def __init__(self):
        self._shown = []  # (cell, its run, display handle), the oldest first
        self.now = None  # what stands there, as `viz.bundle` returns it

    def show(self, bundled):
        """Puts what `viz.bundle` returns on the page, in one more place."""
        self.now, (cell, run) = bundled, _executing()
        handle = place(bundled)
        if handle is not None:  # a cell that is run again has lost what it showed before
            kept = [of for of in self._shown if cell is None or of[0] != cell or of[1] == run]
            self._shown = [*kept, (cell, run, handle)][-PLACES:]

    def update(self, data, metadata=None):
        """Puts other data in all these places."""
        self.now = data, metadata
        for *_, handle in self._shown:
            handle.update(data, raw=True, metadata=metadata)
