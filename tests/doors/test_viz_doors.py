"""Pictures and tables that all papers share: what cannot be shown is refused in one sentence, before it is drawn."""

import numpy as np
import pandas as pd
import pytest
from refusals import BAD, NAN, Door, cases, check_refusal, refuses

from lnlkit import papers, viz
from lnlkit.viz import images, lines, tables

NOTEBOOK = "01_cvae_augmentation"
COORDS, Y = np.array([[0.0, 0], [1, 2], [2, 1], [4, 4]]), np.array([0, 1, 2, 1])
VECTORS = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]], np.uint8)
T = np.array([[0.8, 0.2], [0.1, 0.9]])
IMAGES = [np.zeros((4, 4), np.uint8)] * 4
RUNS = pd.DataFrame({"row": ["ce", "ce", "seal"], "seed": [0, 1, 0], "noise_rate": [0.2, 0.4, 0.2],
                     "best_val": [0.9, 0.8, 0.7], "text": ["a", "b", "c"], "gap": [NAN] * 3})  # fmt: skip
FRAME = pd.DataFrame({"method": ["a", "b"], "accuracy": [0.9, 0.8]})
PAPER = papers.load("01")
VERDICTS = [papers.judge(claim, "lab", papers.Measured((1.0, 1.1, 1.2))) for claim in PAPER.claims]
COMPARED = papers.compare(PAPER, "table-1", {("ce", 0.1): [94.0, 95.0]})


def ax():
    return viz.panels(width=2, height=2)[1]


def figure(text="One empty panel."):
    return viz.describe(ax().figure, text)


def changed(dicts, **changes):
    """The first of some dicts with other values, `...` for none."""
    first = dicts[0] if isinstance(dicts[0], dict) else vars(dicts[0])
    return [{key: value for key, value in (first | changes).items() if value is not ...}]


NO_TABLE = {"text": "T", "nothing": None, "row": T[0], "not square": T[:1], "nan": T * NAN, "negative": T - 0.5,
            "mapping": {"T": T}, "ragged": [[1.0], [0.5, 0.5]], "no rows": np.zeros((0, 0))}  # fmt: skip
NO_VECTORS = {"class numbers": Y, "text": VECTORS.astype(str), "nan": VECTORS * NAN, "percent": 100 * VECTORS,
              "negative": -1.0 * VECTORS, "nothing": None, "ragged": [[1], [0, 1]], "none": VECTORS[:0]}  # fmt: skip
NO_IMAGE = {"flat": np.zeros(16), "pixels as floats": np.full((4, 4), 200.0), "pixels as int64": np.full((4, 4), 200),
            "nan": np.full((4, 4), NAN), "text": np.array([["a"]]), "four channels": np.zeros((4, 8, 8), np.uint8),
            "nothing": None, "empty": np.zeros((0, 4), np.uint8), "ragged": [[1], [1, 2]]}  # fmt: skip
NO_LIST = {"nothing": None, "number": 3, "empty": []}
NO_MAPPING = {"nothing": None, "list": [T], "array": T, "empty": {}, "text": "T"}
KINDS = BAD | {
    "ax": {"nothing": None, "figure": ax().figure, "text": "ax", "both": viz.panels(1, 2)[1]},
    "fig": {"nothing": None, "axes": ax(), "text": "figure", "both": viz.panels()},
    "class names": {"too few": ["a"], "too many": list("abcd"), "text": "abc", "number": 3, "empty": []},
    "T": NO_TABLE | {"counts": 10 * T},
    "matrices": NO_MAPPING | {f"of {what}": {"a": T, "b": value} for what, value in NO_TABLE.items()},
    "vectors": NO_VECTORS,
    "image": NO_IMAGE,
    "images": NO_LIST | {f"of {what}": [[IMAGES[0], value]] for what, value in NO_IMAGE.items()} | {"rows empty": [[]]},
    "points": {"one axis": COORDS[:, 0], "three": np.zeros((4, 3)), "text": COORDS.astype(str), "nan": COORDS * NAN,
               "infinite": np.full((4, 2), np.inf), "short": COORDS[:3], "nothing": None,
               "none": COORDS[:0], "ragged": [[0], [1, 2]]},
    "runs": {"nothing": None, "list": [1], "records": RUNS.to_dict("records"), "empty": RUNS[:0],
             "no columns": pd.DataFrame(), "no rows' names": RUNS.drop(columns="row"),
             "rows of nobody": RUNS.assign(row="mine"), "series": RUNS["row"], "text for rates": RUNS.assign(
                 noise_rate=["a", "b", "c"], best_val=["a", "b", "c"])},
    "frame": {"nothing": None, "list": [1], "text": "table", "empty": FRAME[:0], "no columns": pd.DataFrame(),
              "series": FRAME["method"], "columns twice": pd.concat([FRAME, FRAME], axis=1),
              "index twice": pd.concat([FRAME, FRAME])},
    "column": {"unknown": "best_vall", "number": 3, "list": ["best_val"], "texts": "text", "without numbers": "gap"},
    "rows": {"text": "ce", "nothing's list": [None], "empty": [], "unknown": ["cee"], "number": 3},
    "sentence": {"empty": "", "a word": "figure", "nothing": None, "number": 3, "list": ["a", "b", "c"]},
    "text": {"nothing": None, "number": 3, "list": ["a"]},
    "best": {"unknown": "maximum", "truth": True, "number": 1, "list": ["max"]},
    "pair": {"one": ["rows"], "three": ["a", "b", "c"], "text": "ab c", "nothing": None, "number": 3},
    "digits": {"negative": -1, "half": 1.5, "text": "two", "unknown column": {"acc": 2}, "of text": {"accuracy": "2"}},
    "columns": {"unknown": ["methods"], "text": "method"},
    "verdicts": {"nothing": None, "empty": [], "texts": ["reproduced"], "numbers": [1], "paper": PAPER,
                 "another word": changed(VERDICTS, verdict="failed"), "no place": changed(VERDICTS, place=...)},
    "compared": {"nothing": None, "empty": [], "texts": ["ce"], "pairs": [("ce", 94.0)],
                 "no unit": changed(COMPARED, unit=...), "no n": changed(COMPARED, n=...)},
    "number": {"text": "97", "truth": True, "list": [97.0]},
}  # fmt: skip

AX = {"ax": "ax"}
DOORS = [
    Door(viz.embedding, dict(coords=COORDS, y_noisy=Y, y_clean=Y, ax=ax(), size=9, cross=2),
         {"coords": "points", "y_noisy": "labels", "y_clean": "labels", "size": "positive", "cross": "positive"} | AX,
         spared={name: {"from one", "short"} for name in ("y_noisy", "y_clean")}),
    Door(viz.embedding_row, dict(coords=COORDS, y_clean=Y, noisy={"a": Y}, agreement={"a": 0.5}),
         {"coords": "points", "y_clean": "labels"},
         {"noisy": NO_MAPPING, "agreement": NO_MAPPING | {"other titles": {"b": 0.5}, "per cent": {"a": 50},
                                                         "text": {"a": "half"}}},
         spared={"y_clean": {"from one", "short"}}),
    Door(images.show_image, dict(ax=ax(), image=IMAGES[0]), {"image": "image"} | AX, called={"image": "images"}),
    Door(viz.image_grid, dict(images=[IMAGES[:2]], row_labels=["first"], col_labels=["a", "b"], notes=[["p", "q"]]),
         {"images": "images"},
         {"row_labels": {**NO_LIST, "two": ["a", "b"], "text": "first"}, "col_labels": {"one": ["a"], "text": "ab"},
          "notes": {"one": [["p"]], "flat": [1, 2], "two rows": [["p", "q"]] * 2}},
         spared={"images": {"nothing"}}),
    Door(viz.label_counts, dict(ax=ax(), y=VECTORS, class_names=list("abc"), y_noisy=VECTORS),
         {"y": "vectors", "y_noisy": "vectors", "class_names": "class names"} | AX,
         {"y_noisy": {"fewer": VECTORS[:2], "shorter": VECTORS[:, :2]}}, spared={"y_noisy": {"nothing"}}),
    Door(viz.co_occurrence, dict(ax=ax(), y=VECTORS, class_names=list("abc")),
         {"y": "vectors", "class_names": "class names"} | AX),
    Door(viz.scene_grid, dict(images=IMAGES, noisy=VECTORS, latent=VECTORS, true=VECTORS, class_names=list("abc")),
         {"noisy": "vectors", "latent": "vectors", "true": "vectors", "class_names": "class names"},
         {"images": NO_LIST | {"fewer": IMAGES[:2]}, "latent": {"fewer": VECTORS[:2], "shorter": VECTORS[:, :2]}},
         spared={"true": {"nothing"}}),
    Door(viz.transition_heatmap, dict(T=T, ax=ax(), class_names=["a", "b"], names=("x", "y"), vmax=0.5),
         {"T": "T", "class_names": "class names", "names": "pair", "vmax": "positive"} | AX,
         spared={"vmax": {"nothing"}}),
    Door(viz.transition_row, dict(matrices={"a": T}, names=("x", "y")), {"matrices": "matrices", "names": "pair"}),
    Door(viz.describe, dict(fig=ax().figure, text="One empty panel."), {"fig": "fig", "text": "sentence"}),
    Door(viz.description, dict(fig=figure()), {"fig": "fig"}, {"fig": {"without": ax().figure}}),
    Door(viz.bundle, dict(fig=figure(), dpi=20), {"fig": "fig", "dpi": "positive"}, {"dpi": {"few": 1, "many": 1e5}}),
    Door(viz.show, dict(fig=figure(), text="One empty panel.", dpi=20),
         {"fig": "fig", "text": "sentence", "dpi": "positive"}, spared={"text": {"nothing"}}),
    Door(viz.panels, dict(rows=1, cols=1, width=2, height=1.0),
         {"rows": "count", "cols": "count", "width": "positive", "height": "positive"}, spared={"width": {"nothing"}}),
    Door(viz.noise_name, dict(noise="symmetric"), {"noise": "text"}),
    Door(viz.row_labels, dict(notebook="01"), {"notebook": "name"}),
    Door(viz.row_styles, dict(notebook="01"), {"notebook": "name"}),
    Door(lines.by_row, dict(runs=RUNS, ax=ax(), notebook=NOTEBOOK, x="noise_rate", y="best_val", rows=["ce"],
                            strong=["ce"], interval="range", unit=100),
         {"runs": "runs", "x": "column", "y": "column", "rows": "rows", "strong": "rows", "unit": "positive",
          "notebook": "name", "interval": "name"} | AX,
         {"rows": {"not run": ["gce"]}}, spared={"interval": {"nothing"}},
         called={"x": "runs", "y": "runs"}),
    Door(lines.bands, dict(ax=ax(), runs=RUNS, y="best_val", x="noise_rate", unit=100, label="CE"),
         {"runs": "runs", "x": "column", "y": "column", "unit": "positive"} | AX,
         spared={"runs": {"no rows' names", "rows of nobody"}}, called={"x": "runs", "y": "runs"}),
    Door(lines.label_ends, dict(ax=ax(), ends=pd.Series({"ce": 0.9, "seal": 0.91}), notebook=NOTEBOOK, at=1, gap=0.1,
                                strong=["ce"], names={"ce": "plain"}),
         {"notebook": "name"} | AX,
         {"ends": {"nothing": None, "dict": {"ce": 0.9}, "of nobody": pd.Series({"mine": 0.9}), "list": [0.9],
                   "empty": pd.Series(dtype=float)}}),
    Door(lines.dots, dict(runs=RUNS, ax=ax(), notebook=NOTEBOOK, x="best_val", rows=["ce", "seal"], xlabel="accuracy"),
         {"runs": "runs", "x": "column", "rows": "rows", "notebook": "name"} | AX,
         spared={"runs": {"rows of nobody"}}, called={"x": "runs"}),
    Door(tables.rich, dict(frame=FRAME, caption="What it is", best="max", digits=2, text=["method"],
                           widths={"method": "9em"}),
         {"frame": "frame", "caption": "text", "best": "best", "digits": "digits", "text": "columns"},
         {"widths": {"unknown": {"methods": "9em"}}}),
    Door(tables.spread, dict(mean=97.0, sd=0.1, digits=1), {"mean": "number", "sd": "number", "digits": "digits"},
         spared={"digits": {"unknown column", "of text"}}),
    Door(tables.claims, dict(verdicts=VERDICTS, title="Claims"), {"verdicts": "verdicts", "title": "text"}),
    Door(tables.comparison, dict(rows=COMPARED, place="Table 1", best="max"),
         {"rows": "compared", "place": "name", "best": "best"}, spared={"place": {"nothing"}}),
    Door(tables.heat_table, dict(runs=RUNS, notebook=NOTEBOOK, rows=["ce"], columns="noise_rate", value="best_val",
                                 unit=100, ax=ax(), span=(50, 100)),
         {"runs": "runs", "notebook": "name", "rows": "rows", "value": "column", "unit": "positive", "ax": "ax"},
         {"columns": {"unknown": "rate", "number": 3, "list": ["noise_rate"]}, "rows": {"not run": ["gce"]},
          "span": {"one": [50], "turned": (100, 50), "number": 50, "text": "50", "nan": (NAN, 1)}},
         spared={"ax": {"nothing"}}, called={"value": "runs", "columns": "runs"}),
]  # fmt: skip



@pytest.mark.parametrize("door, argument, value", cases(DOORS, KINDS))
def test_bad_input_is_refused_in_one_sentence(door, argument, value):
    if argument == "rows" and value == ["gce"]:
        check_refusal(lambda: door.function(**door.good | {argument: value}), "runs")
    else:
        refuses(door, argument, value)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_the_call_works_otherwise(door):
    door.function(**door.good)


def test_labels_of_another_number_are_refused():
    for name in ("y_noisy", "y_clean"):
        check_refusal(lambda name=name: viz.embedding(**DOORS[0].good | {name: Y[:3]}), name)


def test_what_is_shown_in_a_table_is_written_when_it_is_not_text():
    page = tables.rich(pd.DataFrame({"says": ["a b", None, 3.5]}), "words", text=["says"]).to_html()
    assert ">a b<" in page and ">3.5<" in page


def test_every_shared_function_has_a_door():
    """Names that are no functions of a user's values: constants, modules, the base class of explorers' pictures."""
    doors = {door.function.__name__ for door in DOORS}
    assert set(viz.__all__) - doors == {"MARKERS", "PALETTE", "Picture", "lines", "tables"}
