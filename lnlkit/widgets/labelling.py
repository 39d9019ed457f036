"""Labelling by hand: a button a class, the next image after each click."""

import ipywidgets

from lnlkit import checks, viz
from lnlkit.widgets.page import Places, failed, show_controls


class Labeller:
    """A button for each class; each click labels one of n images, and the picture goes on to the next.

    title: what errors call it. class_names: texts on the buttons. draw: `draw(labels)`, from values alone, returns a
    described figure for the labels (numbers of classes) given so far: the next image, or the outcome after the last.
    """

    def __init__(self, title, n, class_names, draw):
        self.title, self.n = checks.text(title, "title"), checks.positive_int(n, "n")
        self.draw, self.labels, self.places = checks.function(draw, "draw", of=("labels",)), [], Places()
        names = [checks.text(str(name), "class_names") for name in checks.sequence(class_names, "class_names")]
        self.buttons = [ipywidgets.Button(description=name, layout={"width": "auto"}) for name in names]
        self.back = ipywidgets.Button(description="back", layout={"width": "auto"}, disabled=True)
        self.message = ipywidgets.HTML(layout={"min_height": "1.8em"})
        for label, button in enumerate(self.buttons):
            button.on_click(lambda _, label=label: self._set([*self.labels, label]))
        self.back.on_click(lambda _: self._set(self.labels[:-1]))
        self._say()

    def show(self):
        """Puts buttons and picture on the page. An error in this first drawing is raised, not only recorded."""
        bundled = viz.bundle(self.draw(list(self.labels)))
        line = ipywidgets.HBox([*self.buttons, self.back], layout={"flex_flow": "row wrap"})
        show_controls(ipywidgets.VBox([line, self.message]), f"{self.n} images to label: it needs a running kernel.")
        self.places.show(bundled)

    _ipython_display_ = show

    def _set(self, labels):
        """Takes these labels and draws what follows from them; more than n are not taken."""
        if len(labels) > self.n:
            return
        self.labels = labels
        self._say()
        try:
            self.places.update(*viz.bundle(self.draw(list(labels))))
        except Exception as error:  # a front end would swallow it
            self.message.value = failed(self.title, {"labels": labels}, error)

    def _say(self):
        done = len(self.labels) == self.n
        self.message.value = "Done." if done else f"Image {len(self.labels) + 1} of {self.n}: what is it?"
        self.back.disabled = not self.labels
        for button in self.buttons:
            button.disabled = done
