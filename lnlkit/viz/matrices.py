"""Transition matrices as heat maps in which the off-diagonal cells carry the colour."""

import numpy as np
import seaborn
from matplotlib.ticker import MaxNLocator

from lnlkit.checks import transition_matrix
from lnlkit.viz.show import describe
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
    vmax = _largest_flip(T) if vmax is None else vmax
    words, diagonal = np.char.mod("%.0f", 100 * T), np.eye(len(T), dtype=bool)
    words[~diagonal & (words == "0") | (diagonal & (not show_diagonal))] = ""
    percent_map(100 * T, ax, words, class_names, vmax=100 * vmax, fontsize=fontsize or (9 if len(T) <= 10 else 7))
    return finish(ax, title, f"{names[1]} (cells: % of the row)", names[0])


def percent_map(values, ax, words=None, class_names=None, *, vmax=None, fontsize=9):
    """The axes with values (K, K) as a square heat map from 0 to vmax, words (K, K) in its cells, a grey diagonal."""
    size, diagonal = len(values), np.eye(len(values), dtype=bool)
    ax.set_facecolor(PALE)
    ticks = list(range(size)) if class_names is None else list(class_names)
    fig = ax.figure.canvas.figure
    fig.set_visible(False)  # else seaborn draws all of it, only to see whether tick labels overlap
    seaborn.heatmap(values, mask=diagonal, cmap="cividis", vmin=0, vmax=vmax, square=True, cbar=False, ax=ax,
                    linewidths=0.5, linecolor="white", xticklabels=ticks, yticklabels=ticks)  # fmt: skip
    fig.set_visible(True)
    style = {"ha": "center", "va": "center", "fontsize": fontsize, "in_layout": False}  # inside its cell: no layout
    for i, j in np.argwhere(np.full((size, size), words is not None)):
        ax.text(j + 0.5, i + 0.5, words[i, j], **style)
    _contrast(ax)
    ax.tick_params(length=0)
    ax.tick_params(axis="x", rotation=45 if any(len(str(tick)) > 2 for tick in ticks) else 0)
    ax.tick_params(axis="y", rotation=0)
    return ax


def _contrast(ax):
    """Writes each number of a heat map black or white, whichever stands out more from its cell (WCAG _contrast)."""
    mesh = ax.collections[0]
    rgb = mesh.cmap(mesh.norm(mesh.get_array())).reshape(-1, 4)[:, :3]
    linear = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    dark = linear @ (0.2126, 0.7152, 0.0722) <= 0.179
    columns = round(len(dark) ** 0.5)
    for place, text in enumerate(ax.texts):  # in the order of the cells
        on_grey = place % (columns + 1) == 0
        text.set_color("#444444" if on_grey else "white" if dark[place] else "black")


def transition_row(matrices, *, class_names=None, show_diagonal=True, names=NAMES, columns=None):
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
    fig = whole(side * columns, side * rows + 0.5)
    axes = fig.subplots(rows, columns, squeeze=False).ravel()
    vmax = max(_largest_flip(np.asarray(T, float)) for T in matrices.values())
    for place, (ax, (title, T)) in enumerate(zip(axes, matrices.items(), strict=False)):
        fontsize = 7 if side / len(T) < 0.3 else None
        transition_heatmap(T, ax, class_names, title, show_diagonal, names=names, vmax=vmax, fontsize=fontsize)
        ax.set_xlabel(names[1] if place >= count - columns else "", fontsize=LABEL)
        ax.set_ylabel(names[0] if place % columns == 0 else "", fontsize=LABEL)
    for ax in axes[count:]:
        ax.set_axis_off()
    said = [_about(title, T, class_names) for title, T in matrices.items()]
    said = " ".join([f"Matrices of {names[1]} (columns) given {names[0]} (rows).", *said])
    if all(np.allclose(T, np.diag(np.diag(T))) for T in matrices.values()):  # a scale of nothing
        return describe(fig, said)
    bar = fig.colorbar(axes[0].collections[0], ax=list(axes), location="bottom", shrink=0.5, aspect=40, pad=0.02)
    bar.set_label(f"P({names[1]} | {names[0]}) in %, off the diagonal", fontsize=LABEL, color=INK)
    bar.locator = MaxNLocator(6, integer=True)
    bar.update_ticks()
    bar.outline.set_visible(False)
    return describe(fig, said)


def _about(title, T, class_names):
    """The sentence on one matrix: its mean diagonal and its largest flip."""
    T = np.asarray(T, float)
    flips = np.where(np.eye(len(T), dtype=bool), 0, T)
    i, j = np.unravel_index(flips.argmax(), T.shape)
    start, end = (i, j) if class_names is None else (class_names[i], class_names[j])
    most = f", most off it {100 * flips[i, j]:.0f} % from {start} to {end}" if flips[i, j] > 0 else ""
    return f"{' '.join(str(title).split())}: {100 * T.diagonal().mean():.0f} % on the diagonal{most}."
