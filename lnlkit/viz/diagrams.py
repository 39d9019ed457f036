"""Boxes and arrows: what diagrams of networks are drawn from."""

from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from lnlkit.viz.style import INK, PALETTE, TICK, TITLE, WIDTH, whole

BLUE, ORANGE, GREEN = PALETTE[:3]


def chain(first, layers):
    """'794 → 400 → 400' from an input size and layers, given as sizes or as modules with `out_features`."""
    sizes = [getattr(layer, "out_features", layer) for layer in layers]
    return " → ".join(str(size) for size in [first, *sizes] if isinstance(size, int))


def canvas(xlim, ylim, height, width=WIDTH):
    """A figure and its only axes, without ticks, in which a unit is as wide as high; height and width in inches."""
    fig = whole(width, height)
    ax = fig.subplots()
    ax.set(xlim=xlim, ylim=ylim, aspect="equal")
    ax.set_axis_off()
    return fig, ax


def side(place, right):
    """Middle of the right or left side of a box (x, y, width, height, ...)."""
    return place[0] + (place[2] if right else 0), place[1] + place[3] / 2


def box(ax, x, y, width, height, text, color):
    """A rounded box with its text in the middle."""
    style = {"boxstyle": "round,pad=0,rounding_size=0.08", "facecolor": "white", "edgecolor": color, "linewidth": 1.8}
    ax.add_patch(FancyBboxPatch((x, y), width, height, **style))
    ax.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=TICK, color=INK)


def arrow(ax, start, end, color=INK):
    """An arrow from start to end."""
    style = {"arrowstyle": "-|>", "mutation_scale": 11, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
    ax.add_patch(FancyArrowPatch(start, end, color=color, **style))


def joined(ax, boxes, *chains):
    """Draws boxes {name: (x, y, width, height, text, colour)} and, along chains of names, arrows in their colours."""
    for place in boxes.values():
        box(ax, *place)
    for names in chains:
        for start, end in zip(names, names[1:], strict=False):
            arrow(ax, side(boxes[start], right=True), side(boxes[end], right=False), boxes[start][5])


def nodes(ax, places, *kinds, observed="XY"):
    """A circle with its name at each place {name: (x, y)}, observed ones on grey; arrows between them by kind.

    kinds: (look, {two names, such as the letters of a word: how far the arrow between them is bent}).
    """
    circles = {}
    for name, place in places.items():
        color = "#cfcfcf" if name in observed else "white"
        circles[name] = ax.add_patch(Circle(place, 0.34, facecolor=color, edgecolor=INK, linewidth=1.5, zorder=3))
        ax.text(*place, name, ha="center", va="center", fontsize=TITLE + 2, zorder=4, color=INK)
    for look, edges in kinds:
        for (start, end), bend in edges.items():
            ax.add_patch(FancyArrowPatch(
                places[start], places[end], arrowstyle="-|>", mutation_scale=14, linewidth=1.6, shrinkA=1, shrinkB=2,
                zorder=2, connectionstyle=f"arc3,rad={bend}", patchA=circles[start], patchB=circles[end],
                **look))  # fmt: skip
