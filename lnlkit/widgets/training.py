"""A button for what has to be trained live: sliders never train."""

import html
import time

import ipywidgets

from lnlkit import checks, viz
from lnlkit.widgets.page import Places, failed, show_controls


class TrainButton:
    """A button that starts live training, with one line of text as progress.

    run: `run(report)` does the work and calls `report(text)` on its way, for instance as the `progress` of
    `lnlkit.training.fit`; it returns a closing sentence, or a described figure, or None.
    seconds: the expected time, said on the button. choices: {name: values, or {text: value}}, a menu each; what is
    chosen there is handed over too, as `run(report, name=value)`.
    """

    def __init__(self, label, run, *, seconds=None, choices=None):
        choices = {} if choices is None else checks.mapping(choices, "choices", "name: values")
        self.label, self.run = checks.text(label, "label"), checks.function(run, "run", of=("report", *choices))
        about = "" if seconds is None else f" (about {checks.positive(seconds, 'seconds'):g} s)"
        self.menus = {name: _menu(name, values) for name, values in choices.items()}
        self.button = ipywidgets.Button(description=label + about, layout={"width": "auto"})
        self.message = ipywidgets.HTML()
        self.button.on_click(self._on_click)
        self.places = Places()

    @property
    def choice(self):
        """What is chosen in the menus, `{name: value}`."""
        return {name: menu.value for name, menu in self.menus.items()}

    def show(self):
        """Puts the menus, the button and its line of text on the page."""
        text = f"Button: {self.button.description}. It needs a running kernel."
        line = ipywidgets.HBox([*self.menus.values(), self.button], layout={"flex_flow": "row wrap"})
        show_controls(ipywidgets.VBox([line, self.message]), text)
        self.places.show(self.places.now or ({"text/plain": "Not started."}, {}))

    _ipython_display_ = show

    def report(self, text):
        """Writes a line in place of the last one."""
        self.places.update({"text/plain": str(text)})

    def _on_click(self, button):
        self.button.disabled, self.message.value = True, ""
        started = time.perf_counter()
        try:
            self.report("Training ...")
            self._finish(self.run(self.report, **self.choice), time.perf_counter() - started)
        except Exception as error:  # a front end would swallow it
            self.message.value = failed(self.label, self.choice, error)
            self.report("Failed.")
        except BaseException:  # the kernel was interrupted: a way to end a training that takes too long
            self.report("Stopped.")
            raise
        finally:
            self.button.disabled = False

    def _finish(self, result, seconds):
        """The closing sentence, or the figure with what it says as text: numbers are not for screen readers alone."""
        figure = hasattr(result, "savefig")
        told = viz.description(result) if figure else "" if result is None else str(result)
        said = f"{told or 'Done.'} ({seconds:.1f} s)"
        if figure:
            self.places.update(*viz.bundle(result))
            self.message.value = html.escape(said)
        else:
            self.report(said)


def _menu(name, values):
    pairs = list(values.items()) if isinstance(values, dict) else [(str(value), value) for value in
                                                                   checks.sequence(values, "choices")]  # fmt: skip
    if not pairs:
        raise ValueError(f"`choices` must offer at least one value of {name}, but got none.")
    style = {"description_width": "initial"}
    return ipywidgets.Dropdown(options=pairs, value=pairs[0][1], description=name.replace("_", " "), style=style,
                               layout={"width": "auto"})  # fmt: skip
