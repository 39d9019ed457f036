"""Explorers follow their controls, offer what was recorded, keep what they drew and what went wrong."""

import ast
import base64
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import small_picture

from lnlkit import viz, widgets


@pytest.fixture(autouse=True)
def _errors_start_empty():
    widgets.ERRORS.clear()
    yield
    widgets.ERRORS.clear()


class Picture(viz.Picture):
    """A picture that remembers its choices and fails on the one it is told to fail on."""

    title, size, fails_on = "toy explorer", (2, 1), None

    def lay_out(self):
        self.choices = []

    def fill(self, **choice):
        self.choices.append(choice)
        if choice == self.fails_on:
            raise KeyError("no such run")
        return f"A picture of {choice}."


class Handle:
    """A place on the page, and what stood there so far."""

    def __init__(self, *bundled):
        self.shown = list(bundled)

    def update(self, data, *, raw, metadata=None):
        self.shown.append((data, metadata))


@pytest.fixture
def page(monkeypatch):
    """A page without a kernel: handles of what is shown, in order; `cell` is the cell that is run, `run` its run."""
    page = SimpleNamespace(handles=[], cell=None, run=0)
    monkeypatch.setattr(widgets, "place", lambda bundled: page.handles.append(Handle(bundled)) or page.handles[-1])
    monkeypatch.setattr(widgets, "_executing", lambda: (page.cell, page.run))
    return page


def texts(page):
    """The descriptions that stand on the page now."""
    return [handle.shown[-1][0]["text/plain"] for handle in page.handles]


# asymmetric noise was recorded at a rate of its own, and row "b" at one rate only
OFFERED = pd.DataFrame(
    [("symmetric", 0.1, "a"), ("symmetric", 0.2, "a"), ("symmetric", 0.2, "b"), ("symmetric", 0.3, "a"),
     ("asymmetric", 0.15, "b"), ("asymmetric", 0.3, "a")],
    columns=["noise", "rate", "row"])  # fmt: skip


def explorer(offered=OFFERED, **options):
    return widgets.Explorer(type("Told", (Picture,), options)(None, offered))


def offers(control):
    return [value for _, value in control.options]


# ---- what is offered


def test_a_control_offers_what_is_recorded_with_those_before_it():
    told = explorer()
    noise, rate, row = told.controls.values()
    assert offers(noise) == ["symmetric", "asymmetric"]
    assert (offers(rate), offers(row)) == ([0.1, 0.2, 0.3], ["a"]) and row.disabled
    rate.value = 0.2
    assert offers(row) == ["a", "b"] and not row.disabled
    noise.value = "asymmetric"
    assert (offers(rate), rate.value, offers(row)) == ([0.15, 0.3], 0.15, ["b"])  # the nearest rate


def test_every_choice_on_the_way_is_recorded():
    told = explorer()
    recorded = OFFERED.to_dict("records")
    for name, value in (("rate", 0.3), ("noise", "asymmetric"), ("noise", "symmetric"), ("rate", 0.2), ("row", "b")):
        told.controls[name].value = value
        assert told.choice in recorded
    assert len(told.picture.choices) == 4 and all(choice in recorded for choice in told.picture.choices)
    assert told.choice == {"noise": "symmetric", "rate": 0.2, "row": "b"}


def test_a_value_still_offered_is_kept():
    told = explorer(start={"rate": 0.3})
    told.controls["noise"].value = "asymmetric"
    assert told.choice == {"noise": "asymmetric", "rate": 0.3, "row": "a"}


def test_what_was_chosen_by_hand_comes_back_when_it_is_recorded_again():
    told = explorer(start={"rate": 0.2})
    told.controls["row"].value = "b"
    told.controls["rate"].value = 0.1
    assert told.choice["row"] == "a"
    told.controls["rate"].value = 0.2
    assert told.choice["row"] == "b"


def test_a_control_that_does_not_matter_shows_a_dash_and_hands_over_none():
    offered = pd.DataFrame({"row": ["can", "can", "ce"], "lam": [0.0, 0.3, float("nan")]})
    told = explorer(offered, start={"lam": 0.3})
    assert [label for label, _ in told.controls["lam"].options] == ["0", "0.3"]
    told.controls["row"].value = "ce"
    assert told.picture.choices == [{"row": "ce", "lam": None}]
    assert [label for label, _ in told.controls["lam"].options] == ["–"] and told.controls["lam"].disabled
    told.controls["row"].value = "can"
    assert told.choice == {"row": "can", "lam": 0.3}  # not the first: it matters again
    assert told.drive() == 3


def test_names_labels_and_start_are_the_pictures():
    told = explorer(names={"noise": str.upper}, labels={"rate": "noise rate"}, start={"rate": 0.21, "row": "b"})
    assert [label for label, _ in told.controls["noise"].options] == ["SYMMETRIC", "ASYMMETRIC"]
    assert list(told.labels.values()) == ["noise", "noise rate", "row"]
    assert [control.description for control in told.controls.values()] == ["", "noise rate", ""]  # beside, not above
    beside = [getattr(part, "children", [None])[0] for part in told._line.children]
    assert [beside[0].value, beside[1], beside[2].value] == ["noise", None, "row"]
    assert told.choice == {"noise": "symmetric", "rate": 0.2, "row": "b"}


def test_nothing_recorded_is_refused():
    with pytest.raises(ValueError, match="`offered` must have at least one row"):
        explorer(OFFERED[:0])


# ---- following


def test_a_change_draws_once_however_many_options_follow():
    told = explorer(start={"rate": 0.3})
    told.controls["noise"].value = "asymmetric"  # the rates change with it
    assert told.picture.choices == [{"noise": "asymmetric", "rate": 0.3, "row": "a"}]
    told.choose(noise="symmetric", rate=0.2, row="b")
    assert told.picture.choices[1:] == [{"noise": "symmetric", "rate": 0.2, "row": "b"}]


def test_a_picture_is_drawn_once_and_then_kept(monkeypatch, page):
    monkeypatch.setattr(widgets, "KEPT", 2)
    told = explorer()
    told.show()
    for value in (0.2, 0.1, 0.2):
        told.controls["rate"].value = value
    assert [choice["rate"] for choice in told.picture.choices] == [0.1, 0.2, 0.1]  # the first stays in the notebook
    _, *shown = page.handles[0].shown
    assert shown[0] == shown[2] != shown[1]
    told.controls["rate"].value = 0.3
    told.controls["rate"].value = 0.1  # one too many
    assert [choice["rate"] for choice in told.picture.choices] == [0.1, 0.2, 0.1, 0.3, 0.1]


def test_the_picture_on_the_page_is_replaced_and_drawing_is_said(page):
    told = explorer()
    told.show()
    said = []
    told.message.observe(lambda change: said.append(change["new"]), names="value")
    told.controls["noise"].value = "asymmetric"
    _, (data, metadata) = page.handles[0].shown
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == "A picture of {'noise': 'asymmetric', 'rate': 0.15, 'row': 'b'}."
    assert said == ["drawing ...", ""]


# ---- in several places


def test_an_explorer_shown_twice_has_the_same_picture_in_both_places(page):
    told = explorer()
    for _ in range(2):
        told.show()
        page.run += 1
    told.controls["rate"].value = 0.3
    assert texts(page) == ["A picture of {'noise': 'symmetric', 'rate': 0.3, 'row': 'a'}."] * 2
    told.show()  # a third one begins where the others are
    assert len(set(texts(page))) == 1 and told.drive() == len(OFFERED)
    assert len(set(texts(page))) == 1 and told.choice["rate"] == 0.3


def test_a_cell_that_is_run_again_leaves_no_dead_place_behind(page):
    told, page.cell = explorer(), "first"
    for page.run in range(30):
        told.show()
    page.cell = "second"
    told.show()
    told.controls["rate"].value = 0.3
    updated = [handle for handle in page.handles if len(handle.shown) > 1]
    assert updated == page.handles[-2:]
    told.show()  # twice in one run of a cell: both stand there
    told.controls["rate"].value = 0.1
    assert len(set(texts(page)[-3:])) == 1


def test_where_the_cell_is_not_told_the_newest_places_are_kept(page):
    told = explorer()
    for _ in range(30):
        told.show()
    told.controls["rate"].value = 0.3
    assert [len(handle.shown) for handle in page.handles] == [1] * (30 - widgets.PLACES) + [2] * widgets.PLACES


def test_a_button_shown_twice_says_the_same_in_both_places(page):
    button = widgets.TrainButton("Train", lambda report: report("half way"))
    button.show()
    button.show()
    button.button.click()
    button.show()
    first, second, third = texts(page)
    assert first == second == third and first.startswith("Done. (")


def test_drive_visits_every_recorded_choice_once_and_returns():
    told = explorer(start={"rate": 0.2})
    assert told.drive() == len(OFFERED)
    assert told.picture.choices == OFFERED.to_dict("records")
    assert told.choice == {"noise": "symmetric", "rate": 0.2, "row": "a"}  # where it began


# ---- what goes wrong


FAILING = {"noise": "symmetric", "rate": 0.2, "row": "a"}


def test_a_failing_picture_is_shown_in_red_and_kept():
    told = explorer(fails_on=FAILING)
    told.controls["rate"].value = 0.2
    (entry,) = widgets.ERRORS
    assert entry["choice"] == FAILING and entry["where"] == "toy explorer"
    assert "no such run" in entry["error"] and "Traceback" in entry["traceback"]
    assert widgets.ERROR_CLASS in told.message.value and "no such run" in told.message.value
    told.controls["rate"].value = 0.3
    assert told.message.value == ""


def test_drive_fails_when_a_picture_does_but_visits_the_rest():
    told = explorer(fails_on=FAILING)
    with pytest.raises(RuntimeError, match="1 choices of the toy explorer failed, the first with KeyError"):
        told.drive()
    assert len(told.picture.choices) == len(OFFERED) and len(widgets.ERRORS) == 1
    with pytest.raises(RuntimeError, match="1 choices"):
        told.drive()  # known, and told again


def test_an_error_is_kept_once_however_often_and_wherever_it_is_shown(page):
    told = explorer(fails_on=FAILING)
    told.show()
    told.show()
    for value in (0.2, 0.1, 0.2):
        told.controls["rate"].value = value
    assert len(widgets.ERRORS) == 1 and "no such run" in told.message.value
    told = explorer(start=FAILING, fails_on=FAILING)  # where the drive begins and ends
    with pytest.raises(RuntimeError, match="1 choices"):
        told.drive()
    assert len(widgets.ERRORS) == 1


def test_the_first_picture_fails_aloud():
    with pytest.raises(KeyError, match="no such run"):
        explorer(fails_on=FAILING, start=FAILING).show()


def test_a_first_picture_that_fails_is_not_being_drawn_for_ever():
    told = explorer(fails_on=FAILING, start=FAILING)
    with pytest.raises(KeyError):
        told.show()
    assert told.message.value == ""


def test_what_is_chosen_must_be_a_control_and_a_value_of_its_kind():
    told = explorer()
    assert told.choose(rate=0.1 * 3) and told.choice["rate"] == 0.3
    assert told.choose(rate=0.21) and told.choice["rate"] == 0.2  # the nearest
    with pytest.raises(ValueError, match="`control` must be one of .* Did you mean 'rate'"):
        told.choose(rates=0.3)
    for wrong in ({"row": "c"}, {"row": None}, {"rate": "0.3"}, {"rate": float("nan")}, {"noise": 3}):
        with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must be one of"):
            told.choose(**wrong)
    assert told.choice == {"noise": "symmetric", "rate": 0.2, "row": "a"}


@pytest.mark.parametrize("name", ["labels", "names", "start"])
def test_a_picture_names_its_own_controls_alone(name):
    with pytest.raises(ValueError, match=f"`{name}` must be one of .* got 'rates'. Did you mean 'rate'"):
        explorer(**{name: {"rates": 0.1}})


def test_a_picture_draws_what_was_recorded_alone():
    picture = explorer().picture
    assert viz.description(picture.draw(noise="symmetric", rate=0.1 * 3, row="a")).startswith("A picture of {'noise'")
    assert picture.choices[-1]["rate"] == 0.3
    for wrong in ({"rate": 0.3}, {"noise": "asymmetric", "rate": 0.1, "row": "a"},
                  {"noise": "symmetric", "rate": "0.3", "row": "a"}, {"noise": ["symmetric"], "rate": 0.3, "row": "a"},
                  {"noise": "symmetric", "rate": 0.3, "row": "a", "seed": 0}):  # fmt: skip
        with pytest.raises(ValueError, match="`choice` must"):
            picture.draw(**wrong)


# ---- controls


def test_controls_are_of_the_subset_that_old_and_new_ipywidgets_share():
    allowed = {"SelectionSlider", "Dropdown", "ToggleButtons", "Button", "HTML", "VBox", "HBox"}
    tree = ast.parse(Path(widgets.__file__).read_text(encoding="utf-8"))
    used = {
        node.attr for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ipywidgets"
    }  # fmt: skip
    assert used <= allowed
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "ipywidgets"]


def test_sliders_move_once_they_are_let_go():
    slider = explorer().controls["rate"]
    assert slider.continuous_update is False
    assert [label for label, _ in slider.options] == ["0.1", "0.2", "0.3"]


# ---- live training


def test_train_button_reports(monkeypatch):
    lines = []

    def run(report):
        report("epoch 1/2")
        assert button.button.disabled
        return "Test accuracy 0.91."

    button = widgets.TrainButton("Train CE", run, seconds=20)
    monkeypatch.setattr(button, "report", lines.append)
    assert button.button.description == "Train CE (about 20 s)"
    button.button.click()
    assert lines[:2] == ["Training ...", "epoch 1/2"] and lines[2].startswith("Test accuracy 0.91. (")
    assert not button.button.disabled


def test_train_button_shows_a_returned_figure_and_says_what_it_says(page):
    fig = viz.describe(viz.panels(width=2, height=1)[0], "The curve just trained, error < 0.06.")
    button = widgets.TrainButton("Train", lambda report: fig)
    button.show()
    button.button.click()
    assert page.handles[0].shown[-1][1]["image/png"]["alt"] == "The curve just trained, error < 0.06."
    assert button.message.value.startswith("The curve just trained, error &lt; 0.06. (")


def test_train_button_keeps_errors_and_can_be_pressed_again():
    def run(report):
        raise ValueError("no data")

    button = widgets.TrainButton("Train CE", run)
    button.button.click()
    button.button.click()
    assert [entry["error"] for entry in widgets.ERRORS] == ["ValueError('no data')"]
    assert widgets.ERROR_CLASS in button.message.value and "no data" in button.message.value
    assert not button.button.disabled


# ---- a picture with panels


def test_only_panels_that_change_are_drawn_again():
    told = widgets.Explorer(small_picture.picture())
    told.controls["row"].value = "gce"
    assert told.picture.drawn == ["matrix", "curve"]
    told.controls["rate"].value = 0.4  # and so back to ce
    assert told.picture.drawn[2:] == ["matrix", "curve"]
    told.choose(rate=0.1, row="ce")
    assert told.picture.drawn[4:] == ["matrix"]


def test_a_panel_whose_drawing_failed_is_drawn_again():
    picture, tries = small_picture.picture(), []
    for _ in range(2):
        with pytest.raises(KeyError):
            picture.panel(picture.left, "key", lambda ax: tries.append(ax) or {}["no"])
    assert len(tries) == 2
