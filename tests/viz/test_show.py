"""A figure reaches the page as one sharp PNG of a fitting width, with its description."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
import small_picture
from matplotlib.figure import Figure
from PIL import Image

from lnlkit import viz
from lnlkit.papers import KEYS
from lnlkit.viz.show import DPI, SHOWN

pytestmark = pytest.mark.usefixtures("leaves_no_trace")


@pytest.fixture
def fig(ax):
    return viz.describe(ax.figure, "One empty panel.")


def picture(data):
    return Image.open(io.BytesIO(base64.b64decode(data["image/png"])))


def test_bundle_holds_a_png_and_its_description(fig):
    data, metadata = viz.bundle(fig)
    assert picture(data).format == "PNG"
    assert metadata["image/png"]["alt"] == data["text/plain"] == "One empty panel." == viz.description(fig)


@pytest.mark.parametrize(("inches", "wide"), [(5, 5 * SHOWN), (30, 960)])
def test_more_dots_make_a_figure_sharper_and_not_wider(inches, wide):
    fig = viz.describe(viz.panels(width=inches, height=1)[0], "A wide figure indeed.")
    data, metadata = viz.bundle(fig)
    assert metadata["image/png"]["width"] == wide
    assert picture(data).width == inches * DPI >= 1.5 * wide
    assert fig.dpi != DPI  # as it was


def test_a_figure_without_a_layout_is_cut_to_what_is_drawn():
    fig = viz.describe(Figure(figsize=(4, 4)), "A dot in the middle.")
    fig.text(0.5, 0.5, "here")
    data, metadata = viz.bundle(fig)
    assert picture(data).width < DPI
    assert metadata["image/png"]["width"] == round(picture(data).width * SHOWN / DPI)


def test_few_colours_are_kept_apart_and_many_are_not_thrown_away():
    fig, ax = viz.panels(width=3, height=3)
    ax.set_position((0, 0, 1, 1))
    ax.imshow(np.random.default_rng(0).random((60, 60, 3)), interpolation="nearest")
    viz.describe(fig, "Coloured noise everywhere.")
    small, whole = (viz.bundle(fig, small=small)[0] for small in (True, False))
    off = np.abs(np.asarray(picture(small).convert("RGB"), int) - np.asarray(picture(whole).convert("RGB")))
    assert off.mean() < 1
    fig, ax = viz.panels(width=3, height=3)
    ax.plot([0, 1], color="#0173b2")
    viz.describe(fig, "One blue line.")
    small, whole = (viz.bundle(fig, small=small)[0] for small in (True, False))
    assert len(small["image/png"]) < 0.5 * len(whole["image/png"])


@pytest.mark.parametrize("text", ["", "figure", None, 3])
def test_a_figure_without_a_sentence_is_refused(ax, text):
    with pytest.raises(ValueError, match="`text` must be a sentence"):
        viz.describe(ax.figure, text)
    with pytest.raises(ValueError, match="must carry a description"):
        viz.show(ax.figure)


def test_showing_closes_a_pyplot_figure():
    import matplotlib.pyplot as plt

    viz.bundle(viz.describe(plt.figure(), "A figure made with pyplot."))
    assert plt.get_fignums() == []


def test_outside_of_a_notebook_the_sentence_is_printed(ax, capsys):
    assert viz.show(ax.figure, "One empty panel.") is None
    assert capsys.readouterr().out == "One empty panel.\n"


def test_show_hands_over_the_description(fig, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", lambda data, **options: shown.append((data, options)))
    assert viz.show(fig, "Another one of these.") is None  # nothing that a cell would print below it
    ((data, options),) = shown
    assert options["metadata"]["image/png"]["alt"] == "Another one of these." and "image/png" in data
    assert options["raw"] and options["display_id"]


def test_what_all_papers_share_knows_none_of_them():
    folder, names = Path(viz.__file__).parent, [key[3:] for key in KEYS]
    shared = {path: path.read_text(encoding="utf-8") for path in folder.glob("*.py") if path.stem not in names}
    assert len(shared) > 10 and not [path for path, code in shared.items() if any(name in code for name in names)]
    assert all(hasattr(viz, name) for name in viz.__all__)


def test_a_description_is_one_line(ax):
    viz.describe(ax.figure, "Best at class-\nconditional\n20 %.")
    assert viz.description(ax.figure) == "Best at class-conditional 20 %."


OWN = {
    "black": "dark_background", "seaborn's": ["seaborn-v0_8-darkgrid", "seaborn-v0_8-talk"],
    "formulas": {"text.usetex": True},
    "settings": {"image.origin": "lower", "image.aspect": "auto", "savefig.bbox": "tight", "savefig.transparent": True,
                 "axes.grid": True, "figure.dpi": 300, "figure.autolayout": True},
}  # fmt: skip


def drawn():
    """Some figures of the kit, as they reach the page."""
    y, images = np.array([0, 1, 1, 2]), np.arange(64, dtype=np.uint8).reshape(4, 4, 4)
    _, (counts, points) = viz.panels(1, 2)
    viz.label_counts(counts, np.eye(3)[y], y_noisy=np.eye(3)[y])
    viz.embedding(np.eye(4)[:, :2], y, y[::-1], points, "four points")
    figs = [viz.describe(counts.figure, "Counts beside points."), viz.image_grid([images], ["images"]),
            viz.transition_row({"a": [[0.8, 0.2], [0.1, 0.9]]}), small_picture.picture().draw(rate=0.1, row="ce")]
    return [viz.bundle(fig)[0]["image/png"] for fig in figs]


@pytest.mark.parametrize("own", OWN.values(), ids=OWN)
def test_figures_look_the_same_whatever_the_user_has_set(own):
    import matplotlib.pyplot as plt

    wanted = drawn()
    fonts = {name: value for name, value in plt.rcParams.items() if name.startswith("font.")}  # these are the user's
    with plt.style.context([*own, fonts] if isinstance(own, list) else [own, fonts]):
        assert drawn() == wanted


def test_a_dark_figure_of_ones_own_stays_dark():
    import matplotlib.pyplot as plt

    with plt.style.context("dark_background"):
        fig, ax = plt.subplots(layout="constrained")
        ax.set_title("white on black")
        data, _ = viz.bundle(viz.describe(fig, "A dark figure, empty."))
    assert picture(data).convert("RGB").getpixel((0, 0)) == (0, 0, 0)
