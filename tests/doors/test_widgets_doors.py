"""Explorers and buttons: what is no picture, no control, no value that was recorded, or no function is refused."""

import pandas as pd
import pytest
from refusals import BAD, NAN, Door, check_refusal, standard_tests
from toy_explorer import Picture

from lnlkit import viz, widgets
from lnlkit.viz import choicenet

OFFERED = pd.DataFrame({"rate": [0.1, 0.1, 0.3], "row": ["ce", "gce", "ce"]})


def picture(table=None, offered=OFFERED, **options):
    return type("Told", (Picture,), options)(table, offered)


EXPLORER = widgets.Explorer(picture())
KINDS = BAD | {
    "picture": {"nothing": None, "a class": Picture, "figure": picture().fig, "runs": OFFERED, "text": "noise"},
    "offered": {"nothing": None, "list": [1], "empty": OFFERED[:0], "no columns": pd.DataFrame(), "dict": {"rate": [1]},
                "series": OFFERED["row"]},
    "controls": {"unknown": {"rates": 0.1}, "number": {3: 0.1}},
    "rate": {"text": "0.3", "nan": NAN, "infinite": float("inf"), "nothing": None, "truth": True, "list": [0.3]},
    "text": {"nothing": None, "number": 3, "list": ["a"]},
    "function": {"nothing": None, "called": 3, "text": "train"},
}  # fmt: skip
DOORS = [
    Door(picture, {"offered": OFFERED, "labels": {"rate": "noise rate"}, "names": {"row": str.upper}, "start": {}},
         {"offered": "offered", "labels": "controls", "names": "controls", "start": "controls"}),
    Door(picture().draw, {"rate": 0.3, "row": "ce"}, {"rate": "rate", "row": "name"},
         {"rate": {"not recorded": 0.2}, "row": {"not at this rate": "gce"}},
         called={"rate": "choice", "row": "choice"}),
    Door(widgets.Explorer, {"picture": picture()}, {"picture": "picture"}),
    Door(EXPLORER.choose, {"rate": 0.3, "row": "ce"}, {"rate": "rate", "row": "name"}),
    Door(widgets.TrainButton, {"label": "Train", "run": print, "seconds": 20},
         {"label": "text", "run": "function", "seconds": "positive"},
         {"run": {"takes nothing": lambda: None, "takes two": lambda report, seed: None}},
         spared={"seconds": {"nothing"}}),
    Door(widgets.TrainButton, {"label": "Train", "run": lambda report, method: None, "choices": {"method": ["ce"]}},
         {"label": "text"}, {"choices": {"list": ["ce"], "no values": {"method": []}, "a text": {"method": "ce"}},
                             "run": {"takes no method": lambda report: None}}),
    Door(widgets.Prediction, {"title": "curves", "questions": {"a": "curve a"}, "draw": lambda guesses, revealed: None},
         {"title": "text", "draw": "function"}, {"questions": {"list": ["a"], "nothing": None, "number": {"a": 3}},
                                                 "draw": {"takes one": lambda guesses: None}}),
    Door(widgets.Labeller, {"title": "digits", "n": 2, "class_names": ["no", "yes"], "draw": lambda labels: None},
         {"title": "text", "n": "count", "draw": "function"},
         {"class_names": {"text": "no", "nothing": None}, "draw": {"takes none": lambda: None}}),
]  # fmt: skip


test_bad_input_is_refused_in_one_sentence, test_the_call_works_otherwise = standard_tests(DOORS, KINDS)


def test_a_control_that_there_is_not_is_named():
    assert "Did you mean 'rate'?" in check_refusal(lambda: EXPLORER.choose(rates=0.3), "control")
    check_refusal(lambda: picture().draw(rate=0.3), "choice")
    check_refusal(lambda: picture().draw(rate=0.3, row="ce", seed=0), "choice")
    assert EXPLORER.choice == {"rate": 0.3, "row": "ce"} and not widgets.ERRORS  # told at once, in no callback


@pytest.mark.parametrize("start", [{"rate": 0.2}, {"row": "never run"}, {"rate": NAN, "row": None}])
def test_a_start_that_was_not_recorded_is_the_nearest_that_was(start):
    explorer = widgets.Explorer(picture(start=start))
    assert tuple(explorer.choice.values()) in set(OFFERED.itertuples(index=False, name=None))
    assert explorer.drive() == 3


def test_pictures_of_papers_draw_what_they_offer():
    told = choicenet.TwoClassifiers()
    assert "30 % of the labels flipped" in viz.description(told.draw(rho=0.25, corruption=0.1 * 3))
    for wrong in ({"rho": 0.25, "corruption": 0.31}, {"rho": 2, "corruption": 0.3}):
        check_refusal(lambda wrong=wrong: told.draw(**wrong), "choice")
