"""Explorers follow their controls, offer what was recorded, keep what they drew and what went wrong."""

import ast
import base64
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import small_picture
from toy_explorer import OFFERED, explorer

from lnlkit import viz, widgets

pytestmark = pytest.mark.usefixtures("errors_start_empty")


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
    monkeypatch.setattr(widgets.explorer, "KEPT", 2)
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


def test_drive_visits_every_recorded_choice_once_and_returns():
    told = explorer(start={"rate": 0.2})
    assert told.drive() == len(OFFERED)
    assert told.picture.choices == OFFERED.to_dict("records")
    assert told.choice == {"noise": "symmetric", "rate": 0.2, "row": "a"}  # where it began


# ---- controls


def test_controls_are_of_the_subset_that_old_and_new_ipywidgets_share():
    allowed = {"SelectionSlider", "IntSlider", "Dropdown", "ToggleButtons", "Button", "HTML", "VBox", "HBox"}
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in Path(widgets.__file__).parent.glob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    used = {
        node.attr for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ipywidgets"
    }  # fmt: skip
    assert used == allowed
    assert not [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "ipywidgets"]


def test_sliders_move_once_they_are_let_go():
    slider = explorer().controls["rate"]
    assert slider.continuous_update is False
    assert [label for label, _ in slider.options] == ["0.1", "0.2", "0.3"]


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


# ---- training, guessing and labelling by hand


def test_a_button_hands_over_what_is_chosen_in_its_menus():
    seen = []
    button = widgets.TrainButton("Train", lambda report, method, seeds: seen.append((method, seeds)),
                                 choices={"method": {"CE": "ce", "GCE": "gce"}, "seeds": [3, 5]})  # fmt: skip
    button.button.click()
    button.menus["method"].value, button.menus["seeds"].value = "gce", 5
    button.button.click()
    assert seen == [("ce", 3), ("gce", 5)] and button.choice == {"method": "gce", "seeds": 5}
    assert [text for text, _ in button.menus["method"].options] == ["CE", "GCE"] and not widgets.ERRORS


def guessing(fails_at=None):
    """A prediction of two curves whose picture says what it was drawn from, and fails at a guess."""
    def draw(guesses, revealed):
        if guesses["a"] == fails_at:
            raise KeyError("no such guess")
        return viz.describe(viz.panels(width=2, height=1)[0], f"A picture of {guesses}, revealed {revealed}.")

    return widgets.Prediction("two curves", {"a": "curve a, %", "b": "curve b, %"}, draw)


def test_a_guess_is_drawn_and_the_truth_once_the_button_is_pressed(page):
    told = guessing()
    told.show()
    told.sliders["a"].value = 80
    told.button.click()
    told.sliders["b"].value = 10
    wanted = [(50, 50, False), (80, 50, False), (80, 50, True), (80, 10, True)]
    assert [data["text/plain"] for data, _ in page.handles[0].shown] == [
        f"A picture of {{'a': {a}, 'b': {b}}}, revealed {revealed}." for a, b, revealed in wanted]  # fmt: skip
    assert told.guesses == {"a": 80, "b": 10} and told.revealed
    assert not any(slider.continuous_update for slider in told.sliders.values())


def test_a_guess_that_fails_is_shown_in_red_and_a_tour_fails_with_it():
    assert guessing().drive() == 14
    told = guessing(fails_at=100)
    with pytest.raises(RuntimeError, match="two curves failed at"):
        told.drive()
    (entry,) = widgets.ERRORS
    assert entry["where"] == "two curves" and entry["choice"]["a"] == 100
    assert widgets.ERROR_CLASS in told.message.value


def test_images_are_labelled_one_by_one_and_a_label_can_be_taken_back(page):
    drawn = []

    def draw(labels):
        drawn.append(labels)
        return viz.describe(viz.panels(width=2, height=1)[0], f"A picture of {len(labels)} labels.")

    told = widgets.Labeller("digits", 2, ["no", "yes"], draw)
    told.show()
    no, yes = told.buttons
    assert told.message.value == "Image 1 of 2: what is it?" and told.back.disabled
    for button in (yes, told.back, no, yes, yes):  # the last one comes too late
        button.click()
    assert drawn == [[], [1], [], [0], [0, 1]] and told.labels == [0, 1] and told.message.value == "Done."
    assert no.disabled and yes.disabled and page.texts() == ["A picture of 2 labels."]


def test_a_label_that_cannot_be_drawn_is_shown_in_red():
    told = widgets.Labeller("digits", 2, ["no", "yes"], lambda labels: [][1])
    told.buttons[1].click()
    assert widgets.ERRORS[0]["choice"] == {"labels": [1]} and widgets.ERROR_CLASS in told.message.value


@pytest.mark.parametrize("result, said", [(None, "Done."), ("", "Done."), (0, "0"), (np.array([1, 2]), "[1 2]")])
def test_a_button_shows_what_its_training_returns(result, said):
    button = widgets.TrainButton("Train", lambda report: result)
    button.button.click()
    assert button.places.now[0]["text/plain"] == f"{said} (0.0 s)" and not button.message.value


def test_a_button_says_that_its_training_was_interrupted():
    def run(report):
        raise KeyboardInterrupt

    button = widgets.TrainButton("Train", run)
    with pytest.raises(KeyboardInterrupt):
        button.button.click()
    assert button.places.now[0]["text/plain"] == "Stopped." and not button.button.disabled
