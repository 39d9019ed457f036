"""Explorers: controls over recorded results, one picture below them that follows."""

import functools
import html

import ipywidgets

from lnlkit import checks, viz
from lnlkit.widgets.page import ERRORS, Places, failed, show_controls

KEPT = 100  # pictures that an explorer keeps, a hundredth of a megabyte to a tenth each
NOTHING = "–"  # the value of a control that does not matter here: controls take no None


def _number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _control(label, pairs):
    """A control for (text, value) pairs, a slider for numbers, else buttons or a menu; and the same with its label."""
    options = {"options": pairs, "value": pairs[0][1], "description": label}
    style = {"description_width": "initial"}
    if all(value == NOTHING or _number(value) for _, value in pairs):
        control = ipywidgets.SelectionSlider(**options, style=style, continuous_update=False)
    elif len(pairs) <= 4 and sum(len(text) for text, _ in pairs) <= 60:  # they would stand below a label of their own
        options["description"], style["button_width"] = "", "auto"
        control = ipywidgets.ToggleButtons(**options, style=style, layout={"width": "auto"})
        beside = ipywidgets.HTML(html.escape(label))
        return control, ipywidgets.HBox([beside, control], layout={"margin": "0 16px 0 0"})
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
    Setting `explorer.controls["noise_rate"].value = 0.2` does what moving the slider does. Shown in several cells, it
    has one state and the same picture in all of them.
    """

    def __init__(self, picture):
        self.picture, self.title = checks.instance(picture, "picture", viz.Picture), picture.title
        offered = picture.offered.drop_duplicates()
        self.rows = offered.astype(object).where(offered.notna(), NOTHING).to_dict("records")
        self.labels = {name: picture.labels.get(name, name.replace("_", " ")) for name in offered}
        made = {name: _control(label, self._pairs(name, {})) for name, label in self.labels.items()}
        self.controls = {name: control for name, (control, _) in made.items()}
        self._line = ipywidgets.HBox([labelled for _, labelled in made.values()], layout={"flex_flow": "row wrap"})
        self.message = ipywidgets.HTML(layout={"min_height": "1.8em"})
        self.places, self._paused, self._wanted = Places(), False, dict(picture.start)  # wanted: by the last hand
        self._bundle = functools.lru_cache(KEPT)(self._render)
        self._settle()
        for name, control in self.controls.items():
            control.observe(functools.partial(self._on_change, name), names="value")

    def _pairs(self, name, choice):
        """What a control offers, (text, value): what is recorded together with these values of other controls."""
        found = dict.fromkeys(row[name] for row in self.rows if choice.items() <= row.items())
        text = self.picture.names.get(name, lambda value: f"{value:g}" if _number(value) else str(value))
        return tuple((value if value == NOTHING else text(value), value)
                     for value in sorted(found, key=lambda value: value if _number(value) else 0))  # fmt: skip

    @property
    def choice(self):
        """The values now chosen, `{name: value}`."""
        return {name: control.value for name, control in self.controls.items()}

    def _settle(self):
        """Sets each control in turn to what it can offer and to what is wanted, or what is nearest, without drawing."""
        choice, self._paused = {}, True
        for name, control in self.controls.items():
            pairs = self._pairs(name, choice)
            choice[name] = _nearest(self._wanted.get(name), [value for _, value in pairs])
            with control.hold_sync():  # setting options chooses the first: the page is told of the end alone
                if tuple(control.options) != pairs:
                    control.options = pairs
                control.value, control.disabled = choice[name], len(pairs) == 1
        self._paused = False

    def _on_change(self, name, change):
        if not self._paused:
            self.choose(**{name: change["new"]})

    def _render(self, *values, small=False):
        """The picture of these values of the controls, as `viz.bundle` has it."""
        self.message.value = "drawing ..."
        choice = {name: None if value == NOTHING else value for name, value in zip(self.labels, values, strict=True)}
        fig = self.picture.draw(**choice)
        return viz.bundle(fig, fig.dpi, small=small)

    def show(self):
        """Puts controls and picture on the page. An error in this first drawing is raised, not only recorded."""
        try:
            bundled = self._render(*self.choice.values(), small=True)  # this one stays in the notebook
        finally:
            self.message.value = ""
        text = (f"Controls for {', '.join(self.labels.values())}: they need a running kernel. "
                "The picture shows the first choice.")  # fmt: skip
        show_controls(ipywidgets.VBox([self._line, self.message]), text)
        self.places.show(bundled)

    _ipython_display_ = show

    def redraw(self):
        """Draws the values now chosen in place of the picture, wherever it stands; True when that worked."""
        try:
            self.places.update(*self._bundle(*self.choice.values()))  # also before `show`: `drive` finds faults
        except Exception as error:  # a front end would swallow it
            self.message.value = failed(self.title, self.choice, error)
            return False
        self.message.value = ""
        return True

    def choose(self, **wanted):
        """Chooses several values, or what is recorded nearest to them, with one redraw; True when that worked.

        A value that is not recorded with the others now is chosen as soon as it is.
        """
        wanted = {name: NOTHING if value is None else value for name, value in wanted.items()}
        for name, value in wanted.items():
            checks.one_of(name, "control", self.controls)
            known = list(dict.fromkeys(row[name] for row in self.rows))
            if value not in known and not (_number(value) and abs(value) < float("inf") and any(map(_number, known))):
                raise ValueError(f"`{name}` must be one of {known}, but got {checks.brief(value)}.")
        self._wanted |= wanted
        self._settle()
        return self.redraw()

    def drive(self):
        """Number of pictures shown while the controls walk through all recorded choices; ends where it began.

        Raises RuntimeError when any of them failed, so that a notebook which drives its explorers fails with them.
        """
        start = dict(self._wanted)
        lost = [choice for choice in self.rows if not self.choose(**choice)]
        self._wanted = start
        self._settle()
        self.redraw()
        if lost:
            error = next(of["error"] for of in ERRORS if (of["where"], of["choice"]) == (self.title, lost[0]))
            raise RuntimeError(
                f"{len(lost)} choices of the {self.title} failed, the first with {error} at {lost[0]}: "
                "see lnlkit.widgets.ERRORS."
            )
        return len(self.rows)
