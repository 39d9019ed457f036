"""Explorers: controls over recorded results, one picture below them; and a button for what has to be trained live.

House rules (they keep notebooks alive on old and new ipywidgets, without a browser and without a kernel): core
controls only, a picture that is drawn from values alone, one display handle that is updated, no `interact` and no
`Output` widget. What goes wrong in a callback is shown in red and kept in `ERRORS`, because front ends hide it.
"""

import contextlib
import html
import time
import traceback
from collections import OrderedDict

import ipywidgets

from lnlkit import viz
from lnlkit.viz.show import place, replace

ERRORS: list[dict] = []
"""What went wrong in callbacks so far: dicts with `where`, `choice`, `error` and `traceback`."""

ERROR_CLASS = "lnlkit-error"  # in the HTML of a red message, so that a runner can find it in the widget state
ALL = 300  # up to so many combinations `drive` walks through every one
KEPT = 100  # pictures that an explorer keeps, a hundredth of a megabyte to a tenth each
DRAWING = "drawing ..."
NOTHING = "–"  # the value of a control that does not matter here: controls take no None


def _failed(where, choice, error):
    """Red HTML for an exception, which is also kept in ERRORS."""
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    ERRORS.append({"where": where, "choice": dict(choice), "error": repr(error), "traceback": text})
    at = f" at {choice}" if choice else ""
    message = html.escape(f"{where} failed{at}: {type(error).__name__}: {error}. What is shown is older.")
    return f'<div class="{ERROR_CLASS}" role="alert" style="color: #b00020">{message}</div>'


def _show_controls(box, text):
    """Shows widgets with a sentence for readers without a kernel in place of the widgets' own repr."""
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        return
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    display({"application/vnd.jupyter.widget-view+json": view, "text/plain": text}, raw=True)


def _number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(value):
    """A value as it stands on a control."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _control(label, pairs):
    """A control for (text, value) pairs, a slider for numbers, else buttons or a menu; and the same with its label."""
    options = {"options": pairs, "value": pairs[0][1], "description": label}
    style = {"description_width": "initial"}
    if all(value == NOTHING or _number(value) for _, value in pairs):
        control = ipywidgets.SelectionSlider(**options, style=style, continuous_update=False)
    elif len(pairs) <= 4 and sum(len(text) for text, _ in pairs) <= 60:  # they would stand below a label of their own
        options["description"], style["button_width"] = "", "auto"
        control = ipywidgets.ToggleButtons(**options, style=style, layout={"width": "auto"})
        return control, ipywidgets.HBox([ipywidgets.HTML(html.escape(label)), control])
    else:
        control = ipywidgets.Dropdown(**options, style=style, layout={"width": "auto"})
    return control, control


def _nearest(value, offered):
    """The value itself if it is offered, else for a number the nearest one, else the first."""
    if value in offered:
        return value
    numbers = [other for other in offered if _number(other)]
    return min(numbers, key=lambda other: abs(other - value)) if _number(value) and numbers else offered[0]


class Explorer:
    """Controls above one picture that follows them; `show()` puts both on the page, `drive()` tries every choice.

    picture: a `viz.Picture`. A control offers the values that are recorded together with those of the controls before
    it; where one of its values is missing (NaN) it does not matter, and `draw` gets None.
    Setting `explorer.controls["noise_rate"].value = 0.2` does what moving the slider does.
    """

    def __init__(self, picture):
        self.picture, self.title = picture, picture.title
        offered = picture.offered.drop_duplicates()
        self.rows = offered.astype(object).where(offered.notna(), NOTHING).to_dict("records")
        self.names = list(offered.columns)
        if not self.rows:
            raise ValueError(f"`offered` of the {self.title} must have at least one row, but is empty.")
        for given in ("start", "labels", "names"):
            unknown = sorted(set(getattr(picture, given)) - set(self.names))
            if unknown:
                raise ValueError(f"`{given}` must name controls ({', '.join(self.names)}), but got {unknown}.")
        self.labels = {name: picture.labels.get(name, name.replace("_", " ")) for name in self.names}
        made = [_control(self.labels[name], self._pairs(name, self._values(name))) for name in self.names]
        self.controls = dict(zip(self.names, (control for control, _ in made), strict=True))
        self._line = ipywidgets.HBox([labelled for _, labelled in made], layout={"flex_flow": "row wrap"})
        self.message = ipywidgets.HTML(layout={"min_height": "1.8em"})
        self.handle, self._paused, self._kept = None, False, OrderedDict()
        self._settle(picture.start)
        for control in self.controls.values():
            control.observe(self._on_change, names="value")

    def _values(self, name, choice=None):
        """The values of a control that are recorded together with these of other controls, numbers in order."""
        found = dict.fromkeys(row[name] for row in self.rows if all(row[k] == v for k, v in (choice or {}).items()))
        return sorted(found, key=lambda value: value if _number(value) else 0)

    def _pairs(self, name, values):
        text = self.picture.names.get(name, _text)
        return tuple((value if value == NOTHING else str(text(value)), value) for value in values)

    @property
    def choice(self):
        """The values now chosen, `{name: value}`."""
        return {name: control.value for name, control in self.controls.items()}

    def _settle(self, wanted):
        """Sets each control in turn to what it can offer and to what is wanted, or what is nearest, without drawing."""
        choice = {}
        with self._silently():
            for name, control in self.controls.items():
                value, pairs = wanted.get(name, control.value), self._pairs(name, self._values(name, choice))
                value = self.picture.start.get(name, value) if value == NOTHING else value  # it matters again
                choice[name] = _nearest(value, [value for _, value in pairs])
                with control.hold_sync():  # setting options chooses the first: the page is told of the end alone
                    if tuple(control.options) != pairs:
                        control.options = pairs
                    control.value, control.disabled = choice[name], len(pairs) == 1

    @contextlib.contextmanager
    def _silently(self):
        self._paused = True
        try:
            yield
        finally:
            self._paused = False

    def _on_change(self, change):
        if not self._paused:
            self._settle(self.choice)
            self.redraw()

    def figure(self):
        """The figure of the values now chosen."""
        return self.picture.draw(**{name: None if value == NOTHING else value for name, value in self.choice.items()})

    def _bundle(self, small=False):
        """The picture of the values now chosen, from among those kept if it is there."""
        key = tuple(self.choice.values())
        if key not in self._kept:
            self.message.value = DRAWING
            fig = self.figure()
            self._kept[key] = viz.bundle(fig, fig.dpi, small=small)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def show(self):
        """Puts controls and picture on the page. An error in this first drawing is raised, not only recorded."""
        bundled, self.message.value = self._bundle(small=True), ""  # this one stays in the notebook
        text = (f"Controls for {', '.join(self.labels.values())}: they need a running kernel. "
                "The picture shows the first choice.")  # fmt: skip
        _show_controls(ipywidgets.VBox([self._line, self.message]), text)
        self.handle = place(bundled)

    _ipython_display_ = show

    def redraw(self):
        """Draws the values now chosen in place of the picture; True when that worked."""
        try:
            bundled = self._bundle()  # rendered also while nothing is on the page, so that `drive` finds faults
            if self.handle is not None:
                replace(self.handle, bundled)
        except Exception as error:  # a front end would swallow it
            self.message.value = _failed(self.title, self.choice, error)
            return False
        self.message.value = ""
        return True

    def choose(self, **wanted):
        """Chooses several values, or what is recorded nearest to them, with one redraw; True when that worked."""
        self._settle(wanted)
        return self.redraw()

    def _tour(self, most):
        """All recorded choices if there are at most so many, else one for every value of each control."""
        if len(self.rows) <= most:
            return self.rows
        now = self.choice
        return [max((row for row in self.rows if row[name] == value), key=lambda row: _alike(row, now))
                for name in self.names for value in self._values(name)]  # fmt: skip

    def drive(self, most=ALL):
        """Number of pictures shown while the controls walk through what they offer; ends where it began.

        All recorded choices are visited if there are at most `most`, else every value of each control, the others as
        they are where that is recorded (`most=0` asks for that).
        Raises RuntimeError when any of them failed, so that a notebook which drives its explorers fails with them.
        """
        start, known = self.choice, len(ERRORS)
        shown = sum(self.choose(**choice) for choice in self._tour(most))
        self.choose(**start)
        if len(ERRORS) > known:
            raise RuntimeError(
                f"{len(ERRORS) - known} choices of the {self.title} failed, the first with {ERRORS[known]['error']} "
                f"at {ERRORS[known]['choice']}: see lnlkit.widgets.ERRORS."
            )
        return shown


def _alike(row, choice):
    """Number of controls on which two choices agree."""
    return sum(row[name] == value for name, value in choice.items())


class TrainButton:
    """A button that starts live training, with one line of text as progress: sliders never train.

    run: `run(report)` does the work and calls `report(text)` on its way, for instance as the `progress` of
    `lnlkit.training.fit`; it returns a closing sentence, or a described figure, or None.
    seconds: the expected time, said on the button.
    """

    def __init__(self, label, run, *, seconds=None):
        self.label, self.run, self.result = label, run, None
        about = f" (about {seconds:g} s)" if seconds else ""
        self.button = ipywidgets.Button(description=label + about, layout={"width": "auto"})
        self.message = ipywidgets.HTML()
        self.button.on_click(self._on_click)
        self.handle = None

    def show(self):
        """Puts the button and its line of text on the page."""
        from IPython import get_ipython
        from IPython.display import display

        text = f"Button: {self.button.description}. It needs a running kernel."
        _show_controls(ipywidgets.VBox([self.button, self.message]), text)
        if get_ipython() is not None:
            self.handle = display({"text/plain": "Not started."}, raw=True, display_id=True)

    _ipython_display_ = show

    def report(self, text):
        """Writes a line in place of the last one."""
        if self.handle is not None:
            self.handle.update({"text/plain": str(text)}, raw=True)

    def _on_click(self, button):
        self.button.disabled, self.message.value = True, ""
        started = time.perf_counter()
        try:
            self.report("Training ...")
            self.result = self.run(self.report)
            self._finish(time.perf_counter() - started)
        except Exception as error:  # a front end would swallow it
            self.message.value = _failed(self.label, {}, error)
            self.report("Failed.")
        finally:
            self.button.disabled = False

    def _finish(self, seconds):
        """The closing sentence, or the figure with what it says as text: numbers are not for screen readers alone."""
        figure = hasattr(self.result, "savefig")
        said = viz.description(self.result) if figure else self.result or "Done."
        if figure and self.handle is not None:
            replace(self.handle, viz.bundle(self.result))
            self.message.value = html.escape(f"{said} ({seconds:.1f} s)")
        else:
            self.report(f"{said} ({seconds:.1f} s)")
