"""Transition matrices as heat maps in which the off-diagonal cells carry the colour."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from lnlkit.checks import transition_matrix
from lnlkit.viz.style import INK, LABEL, PALE, WIDTH, finish, whole

NAMES = ("clean label", "noisy label")  # of the rows and of the columns of T


def _largest_flip(T):
    """Largest off-diagonal entry of T (K, K); a small positive number for the identity."""
    off = T[~np.eye(len(T), dtype=bool)]
    return max(float(off.max(initial=0.0)), 1e-3)


def transition_heatmap(T, ax, class_names=None, title=None, show_diagonal=True, *, names=NAMES, vmax=None,
                       fontsize=None):  # fmt: skip
    """The axes with T (K, K) as a heat map, T[i, j] = P(noisy = j | clean = i), cells in per cent.

    `names` says what rows and columns are, for a matrix that is not one of labels.

    Colour runs from 0 to the largest off-diagonal entry (or `vmax`): on a scale that held the diagonal, all flips
    would look alike. The diagonal is written on grey, or left out. Cells that round to 0 stay empty.
    """
    T = transition_matrix(T)
    size = len(T)
    ticks = list(range(size)) if class_names is None else list(class_names)
    vmax = _largest_flip(T) if vmax is None else vmax
    fontsize = fontsize or (9 if size <= 10 else 7)
    words = np.char.mod("%.0f", 100 * T)
    diagonal = np.eye(size, dtype=bool)
    words[(words == "0") & ~diagonal] = ""
    ax.set_facecolor(PALE)
    # Not seaborn.heatmap: it draws the same, but its import and that of pandas would take 50 MB of a notebook's memory.
    ax.pcolormesh(np.ma.masked_array(100 * T, diagonal), cmap="cividis", vmin=0, vmax=100 * vmax, linewidth=0.5,
                  edgecolor="white")  # fmt: skip
    ax.set(aspect="equal", xlim=(0, size), ylim=(size, 0))
    places = np.arange(size) + 0.5
    ax.set_xticks(places, ticks)
    ax.set_yticks(places, ticks)
    ax.spines[:].set_visible(False)
    for i, j in np.argwhere(~diagonal):
        ax.text(j + 0.5, i + 0.5, words[i, j], ha="center", va="center", fontsize=fontsize)
    contrast(ax)
    if show_diagonal:
        for i in range(size):
            ax.text(i + 0.5, i + 0.5, words[i, i], ha="center", va="center", fontsize=fontsize, color="#444444",
                    in_layout=False)  # fmt: skip
    turn = any(len(str(tick)) > 2 for tick in ticks)
    ax.tick_params(axis="x", rotation=45 if turn else 0, length=0)
    ax.tick_params(axis="y", rotation=0, length=0)
    finish(ax, title, f"{names[1]} (cells: % of the row)", names[0])
    return ax


def contrast(ax):
    """Writes each number of a heat map black or white, whichever stands out more from its cell (WCAG contrast)."""
    mesh = ax.collections[0]
    colors = mesh.cmap(mesh.norm(mesh.get_array())).reshape(-1, 4)[:, :3]
    linear = np.where(colors <= 0.03928, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    luminance = linear @ (0.2126, 0.7152, 0.0722)
    columns = len(ax.get_xticks())
    for text in ax.texts:
        column, row = (int(place) for place in text.get_position())
        text.set_in_layout(False)  # inside its cell: leaving it out halves the time that the layout takes
        text.set_color("black" if luminance[row * columns + column] > 0.179 else "white")


def transition_row(matrices, *, class_names=None, show_diagonal=True, names=NAMES, columns=None, fig=None):
    """Figure with several transition matrices, `{title: T}`, on one colour scale.

    `names` says what rows and columns are.
    `columns` panels stand in a row (default: all up to three, four as two by two), the scale at the bottom.
    """
    if not matrices:
        raise ValueError("`matrices` must hold at least one matrix {title: T}, but got an empty dictionary.")
    count = len(matrices)
    columns = columns or (count if count <= 3 else 2 if count == 4 else 3)
    rows = -(-count // columns)
    side = min(WIDTH / columns, 4.4)
    fig = whole(fig, side * columns, side * rows + 0.5)
    axes = fig.subplots(rows, columns, squeeze=False).ravel()
    vmax = max(_largest_flip(np.asarray(T, float)) for T in matrices.values())
    for place, (ax, (title, T)) in enumerate(zip(axes, matrices.items(), strict=False)):
        fontsize = 7 if side / len(T) < 0.3 else None
        transition_heatmap(T, ax, class_names, title, show_diagonal, names=names, vmax=vmax, fontsize=fontsize)
        ax.set_xlabel(names[1] if place >= count - columns else "", fontsize=LABEL)
        ax.set_ylabel(names[0] if place % columns == 0 else "", fontsize=LABEL)
    for ax in axes[count:]:
        ax.set_axis_off()
    if all(np.allclose(T, np.diag(np.diag(T))) for T in matrices.values()):  # a scale of nothing
        return fig
    bar = fig.colorbar(axes[0].collections[0], ax=list(axes), location="bottom", shrink=0.5, aspect=40, pad=0.02)
    bar.set_label(f"P({names[1]} | {names[0]}) in %, off the diagonal", fontsize=LABEL, color=INK)
    bar.locator = MaxNLocator(6, integer=True)
    bar.update_ticks()
    bar.outline.set_visible(False)
    return fig

