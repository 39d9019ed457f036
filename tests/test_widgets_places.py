"""Explorers and buttons in several cells stay the same everywhere; what goes wrong in them is shown and kept."""

import pytest
from toy_explorer import OFFERED, explorer

from lnlkit import viz, widgets

pytestmark = pytest.mark.usefixtures("errors_start_empty")


# ---- in several cells


def test_an_explorer_shown_twice_has_the_same_picture_in_both_places(page):
    told = explorer()
    for _ in range(2):
        told.show()
        page.run += 1
    told.controls["rate"].value = 0.3
    assert page.texts() == ["A picture of {'noise': 'symmetric', 'rate': 0.3, 'row': 'a'}."] * 2
    told.show()  # a third one begins where the others are
    assert len(set(page.texts())) == 1 and told.drive() == len(OFFERED)
    assert len(set(page.texts())) == 1 and told.choice["rate"] == 0.3


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
    assert len(set(page.texts()[-3:])) == 1


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
    first, second, third = page.texts()
    assert first == second == third and first.startswith("Done. (")


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
