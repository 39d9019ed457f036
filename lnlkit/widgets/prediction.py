"""Predict, then reveal: the reader sets a guess for each curve before it is drawn."""

import html

import ipywidgets

from lnlkit import checks, viz
from lnlkit.widgets.page import ERROR_CLASS, Places, failed, show_controls

REVEALED = "lnlkit_revealed"  # in the metadata of the picture: what `viz.bundle` made of the revealed one


class Prediction:
    """A slider from 0 to 100 for each question, a button, and a picture that shows the truth once it was pressed.

    title: what errors call it. questions: {name: text beside the slider}. draw: `draw(guesses, revealed)`, from values
    alone, returns a described figure of the guesses {name: number}, with the truth if `revealed`. `guesses` and
    `revealed` say how it stands.
    """

    def __init__(self, title, questions, draw):
        self.title, self.draw = checks.text(title, "title"), checks.function(draw, "draw", of=("guesses", "revealed"))
        self.revealed, self.places = False, Places()
        self.sliders = {name: _slider(text) for name, text in checks.mapping(questions, "questions",
                                                                             "name: text").items()}  # fmt: skip
        self.button = ipywidgets.Button(description="reveal", layout={"width": "auto"})
        self.message = ipywidgets.HTML(layout={"min_height": "1.8em"})
        self.button.on_click(self._reveal)
        for slider in self.sliders.values():
            slider.observe(self._on_change, names="value")

    @property
    def guesses(self):
        """The numbers now set, `{name: number}`."""
        return {name: slider.value for name, slider in self.sliders.items()}

    def show(self):
        """Puts sliders, button and picture on the page. An error in this first drawing is raised, not only recorded."""
        asked = ", ".join(slider.description for slider in self.sliders.values())
        text = f"Sliders for guesses ({asked}) and a button that reveals: they need a running kernel."
        data, about = viz.bundle(self.draw(self.guesses, self.revealed))
        if not self.revealed:  # kept out of sight in the notebook, for a page without a kernel
            about = {**about, REVEALED: viz.bundle(self.draw(self.guesses, True))}
        line = ipywidgets.HBox([*self.sliders.values(), self.button], layout={"flex_flow": "row wrap"})
        show_controls(ipywidgets.VBox([line, self.message]), text)
        self.places.show((data, about))

    _ipython_display_ = show

    def _on_change(self, change):
        self.redraw()

    def _reveal(self, button):
        self.revealed = True
        if self.redraw():
            figure, self.button.description = self._figure, "revealed"
            self.message.value = html.escape(viz.description(figure))

    def redraw(self):
        """Draws how it stands in place of the picture; True when that worked."""
        try:
            self._figure = self.draw(self.guesses, self.revealed)
            self.places.update(*viz.bundle(self._figure))
        except Exception as error:  # a front end would swallow it
            self.message.value = failed(self.title, self.guesses, error)
            return False
        self.message.value = ""
        return True

    def drive(self):
        """Number of pictures shown while every slider visits its ends, before and after the truth is revealed.

        Raises RuntimeError when any of them failed. It ends revealed, with the guesses that were there.
        """
        before, shown = self.guesses, 0
        for _ in range(2):
            for name, slider in self.sliders.items():
                for value in (slider.min, slider.max, before[name]):
                    slider.value = value
                    shown += self._worked()
            self.button.click()
            shown += self._worked()
        return shown

    def _worked(self):
        if ERROR_CLASS in self.message.value:
            raise RuntimeError(f"{self.title} failed at {self.guesses}: see lnlkit.widgets.ERRORS.")
        return 1


def _slider(text):
    return ipywidgets.IntSlider(value=50, min=0, max=100, step=1, description=checks.text(text, "questions"),
                                style={"description_width": "initial"}, continuous_update=False,
                                layout={"width": "300px"})  # fmt: skip
