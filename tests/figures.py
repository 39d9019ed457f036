"""What tests of figures look at: the words of an axes, and whether a figure can be read."""

import itertools
from unittest import mock

from matplotlib.text import Text


def words(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def line(ax, label):
    """x and y of the line with this label."""
    return next(drawn for drawn in ax.lines if drawn.get_label() == label).get_data()


def extent(patch):
    """From where to where on the x axis a patch reaches; what `axvspan` draws is a polygon in old Matplotlib."""
    box = patch.get_path().get_extents(patch.get_patch_transform())
    return box.x0, box.x1


def legible(fig):
    """No text that is drawn is cut off by the figure's edge, and no two level ones overlap by more than two pixels."""
    drawn, draw = [], Text.draw
    with mock.patch.object(Text, "draw", lambda text, *args, **kw: (drawn.append(text), draw(text, *args, **kw))):
        fig.canvas.draw()
    boxes = {text: text.get_window_extent() for text in drawn if text.get_visible() and text.get_text().strip()}
    assert len(boxes) > 1
    width, height = fig.bbox.size
    for text, box in boxes.items():
        assert box.x0 > -2 and box.y0 > -2 and box.x1 < width + 2 and box.y1 < height + 2, text.get_text()
    level = [text for text in boxes if text.get_rotation() in (0, 90)]
    for one, other in itertools.combinations(level, 2):
        a, b = boxes[one], boxes[other]
        apart = min(a.x1, b.x1) - max(a.x0, b.x0) < 2 or min(a.y1, b.y1) - max(a.y0, b.y0) < 2
        assert apart, (one.get_text(), other.get_text())
    return True
