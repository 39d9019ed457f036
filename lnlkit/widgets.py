"""Explorers: controls over recorded results, one picture below them; and a button for what has to be trained live.

House rules (they keep notebooks alive on old and new ipywidgets, without a browser and without a kernel): core
controls only, a pure `draw(table, **choice) -> Figure`, one display handle that is updated, no `interact` and no
`Output` widget. What goes wrong in a callback is shown in red and kept in `ERRORS`, because front ends hide it.
"""

import contextlib
import html
import itertools
import math
import time
import traceback

import ipywidgets

from lnlkit import records, viz

ERRORS: list[dict] = []
"""What went wrong in callbacks so far: dicts with `where`, `choice`, `error` and `traceback`."""

ERROR_CLASS = "lnlkit-error"  # in the HTML of a red message, so that a runner can find it in the widget state
ALL = 300  # up to so many combinations `drive` walks through every one


def _failed(where, choice, error):
    """Red HTML for an exception, which is also kept in ERRORS."""
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    ERRORS.append({"where": where, "choice": dict(choice), "error": repr(error), "traceback": text})
    at = f" at {choice}" if choice else ""
    message = html.escape(f"{where} failed{at}: {type(error).__name__}: {error}. What is shown is older.")
    return f'<div class="{ERROR_CLASS}" role="alert" style="color: #b00020">{message}</div>'


def _pairs(name, values):
    """Values or (label, value) pairs of a control as pairs."""
    pairs = [value if isinstance(value, tuple) else (_label(value), value) for value in values]
    if not pairs:
        raise ValueError(f"`controls[{name!r}]` must list at least one value, but is empty.")
    return pairs


def _control(label, pairs):
    """A labelled control for (label, value) pairs: a slider for numbers, buttons or a menu for the rest."""
    options = {"options": pairs, "value": pairs[0][1], "description": label}
    style = {"description_width": "6em"}
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for _, value in pairs):
        return ipywidgets.SelectionSlider(**options, style=style, continuous_update=False)
    if len(pairs) <= 4 and sum(len(text) for text, _ in pairs) <= 60:
        return ipywidgets.ToggleButtons(**options, style={**style, "button_width": "auto"})
    return ipywidgets.Dropdown(**options, style=style)


def _label(value):
    return f"{value:g}" if isinstance(value, float) else str(value)


def _show_controls(box, text):
    """Shows widgets with a sentence for readers without a kernel in place of the widgets' own repr."""
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        return
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    display({"application/vnd.jupyter.widget-view+json": view, "text/plain": text}, raw=True)


class Explorer:
    """Controls above one picture that follows them; `show()` puts both on the page, `drive()` tries every choice.

    draw: `draw(table, **choice) -> Figure`, pure; alt: `alt(table, **choice) -> str`, the picture in words;
    controls: `{name: values}`, values or (label, value) pairs; start: `{name: value}` shown first (else the first);
    labels: `{name: text}` beside the controls, where the name alone would not do.
    Setting `explorer.controls["noise_rate"].value = 0.2` does what moving the slider does.
    """

    def __init__(self, table, draw, controls, *, alt, start=None, labels=None, title="explorer"):
        self.table, self.draw, self.alt, self.title = table, draw, alt, title
        pairs = {name: _pairs(name, values) for name, values in controls.items()}
        self.values = {name: [value for _, value in offered] for name, offered in pairs.items()}
        labels = {name: name.replace("_", " ") for name in pairs} | (labels or {})
        self.controls = {name: _control(labels[name], offered) for name, offered in pairs.items()}
        unknown = set(start or {}) - set(self.controls)
        if unknown:
            raise ValueError(f"`start` must name controls ({', '.join(self.controls)}), but got {sorted(unknown)}.")
        for name, value in (start or {}).items():
            self.controls[name].value = value
        self.message = ipywidgets.HTML()
        self.handle, self.n_drawn, self._paused = None, 0, False
        for control in self.controls.values():
            control.observe(self._on_change, names="value")

    @property
    def choice(self):
        """The values now chosen, `{name: value}`."""
        return {name: control.value for name, control in self.controls.items()}

    def figure(self):
        """The figure of the values now chosen, and its alternative text."""
        return self.draw(self.table, **self.choice), self.alt(self.table, **self.choice)

    def show(self):
        """Puts controls and picture on the page. An error in this first drawing is raised, not only recorded."""
        fig, alt = self.figure()
        box = ipywidgets.VBox([*self.controls.values(), self.message])
        names = ", ".join(control.description for control in self.controls.values())
        _show_controls(box, f"Controls for {names}: they need a running kernel. The picture shows the first choice.")
        self.handle = viz.show(fig, alt)

    _ipython_display_ = show

    def _on_change(self, change):
        if not self._paused:
            self.redraw()

    def redraw(self):
        """Draws the values now chosen in place of the picture; True when that worked."""
        try:
            fig, alt = self.figure()
            if self.handle is None:
                viz.bundle(fig, alt)  # nothing is on the page yet: render all the same, so that `drive` finds faults
            else:
                viz.update(self.handle, fig, alt)
        except Exception as error:  # a front end would swallow it
            self.message.value = _failed(self.title, self.choice, error)
            return False
        self.message.value = ""
        self.n_drawn += 1
        return True

    @contextlib.contextmanager
    def _silently(self):
        self._paused = True
        try:
            yield
        finally:
            self._paused = False

    def _set(self, choice):
        """Chooses values with one redraw: the last control that changes fires, the others are set silently."""
        changed = [name for name, value in choice.items() if self.controls[name].value != value]
        with self._silently():
            for name in changed[:-1]:
                self.controls[name].value = choice[name]
        if changed:
            self.controls[changed[-1]].value = choice[changed[-1]]
        else:
            self.redraw()

    def _tour(self, most):
        """All combinations of values if there are at most so many, else every value of each control in turn."""
        values = self.values
        if math.prod(map(len, values.values())) <= most:
            return [dict(zip(values, combination, strict=True)) for combination in itertools.product(*values.values())]
        return [{**self.choice, name: value} for name, offered in values.items() for value in offered]

    def drive(self, most=ALL):
        """Number of pictures drawn while the controls walk through their values; ends where it began.

        All combinations are visited if there are at most `most`, else every value of each control, the others as
        they were (`most=0` asks for that). A picture takes about a third of a second.
        Raises RuntimeError when any of them failed, so that a notebook which drives its explorers fails with them.
        """
        before, start, known = self.n_drawn, self.choice, len(ERRORS)
        for choice in self._tour(most):
            self._set(choice)
        drawn = self.n_drawn - before
        self._set(start)
        if len(ERRORS) > known:
            raise RuntimeError(
                f"{len(ERRORS) - known} choices of the {self.title} failed, the first with {ERRORS[known]['error']} "
                f"at {ERRORS[known]['choice']}: see lnlkit.widgets.ERRORS."
            )
        return drawn


class TrainButton:
    """A button that starts live training, with one line of text as progress: sliders never train.

    run: `run(report)` does the work and calls `report(text)` on its way, for instance as the `progress` of
    `lnlkit.training.fit`; it returns a closing sentence, or a figure with its alternative text, or None.
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
        if isinstance(self.result, tuple) and self.handle is not None:
            viz.update(self.handle, *self.result)
        elif not isinstance(self.result, tuple):
            self.report(f"{self.result or 'Done.'} ({seconds:.1f} s)")


def _recorded(notebook, table, offer, draw, alt, wanted, *, names, labels, title):
    """Explorer of a recorded table, without one of the shipped one: its values, their names, what is shown first."""
    table = records.load_recorded(notebook) if table is None else table
    offered = offer(table)
    controls = {
        name: [(names[name](value), value) for value in values] if name in names else values
        for name, values in offered.items()
    }
    start = {name: value for name, value in wanted.items() if value in offered[name]}
    return Explorer(table, draw, controls, alt=alt, start=start, labels=labels, title=title)


def noise_explorer(table=None):
    """Explorer of the recorded runs of notebook 01: noise kind, noise rate and method.

    Each picture has accuracy over epochs, the realised transition matrix and a t-SNE map with wrong labels crossed.
    `table` is a table as `lnlkit.records.load_recorded` returns it; without one, the shipped table is used.
    """
    return _recorded(
        "01_cvae_augmentation", table, viz.choices, viz.recorded_run, viz.recorded_run_alt,
        {"noise": "model_idn", "noise_rate": 0.2, "row": "cvae_augmentation"},
        names={"noise": viz.noise_name, "row": viz.row_name}, labels={"noise": "noise kind", "row": "method"},
        title="noise explorer")  # fmt: skip


def regression_explorer(table=None):
    """Explorer of the recorded regressions of notebook 05: data, kind of outliers, outlier rate and method.

    Each picture has the fit over its training points, the correlations along x and the errors of all methods.
    `table` is a table as `lnlkit.records.load_recorded` returns it; without one, the shipped table is used.
    """
    return _recorded(
        "05_choicenet", table, viz.regression_choices, viz.regression_run, viz.regression_run_alt,
        {"dataset": "cosexp", "noise": "uniform", "noise_rate": 0.6, "row": "choicenet_regression"},
        names={"dataset": viz.dataset_name, "noise": viz.noise_name, "row": viz.row_name},
        labels={"dataset": "data", "noise": "outliers", "noise_rate": "outlier rate", "row": "method"},
        title="regression explorer")  # fmt: skip


def quality_explorer(table=None):
    """Explorer of the recorded runs of notebook 02: data, P_noise, CAN's lambda and method.

    Each picture has the mAP of all methods, and for CAN a map of the qualities and the transitions by trust.
    `table` is a table as `lnlkit.records.load_recorded` returns it; without one, the shipped table is used.
    """
    return _recorded(
        "02_quality_embedding", table, viz.quality_choices, viz.quality_run, viz.quality_run_alt,
        {"dataset": "scenes", "noise_rate": 0.4, "lambda_mi": 0.3, "row": "can"},
        names={"dataset": viz.multilabel_name, "row": viz.row_name},
        labels={"dataset": "data", "noise_rate": "P_noise", "lambda_mi": "λ of CAN", "row": "method"},
        title="quality explorer")  # fmt: skip


def correlation_explorer():
    """Explorer of `viz.two_classifiers`: the correlation of two classifiers and the share of flipped labels."""
    return Explorer(
        None,
        lambda table, **choice: viz.two_classifiers(**choice),
        {"rho": [k / 4 for k in range(-4, 5)], "corruption": [k / 10 for k in range(6)]},
        alt=lambda table, **choice: viz.two_classifiers_alt(**choice),
        start={"corruption": 0.3},
        labels={"rho": "correlation", "corruption": "flipped"},
        title="correlation explorer",
    )
