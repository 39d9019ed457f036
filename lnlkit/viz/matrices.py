"""Heat maps of matrices whose rows are labels, in per cent: transitions from clean to noisy labels, and the like."""

import numpy as np
import seaborn

from lnlkit import checks
from lnlkit.checks import transition_matrix
from lnlkit.viz import given
from lnlkit.viz.show import describe
from lnlkit.viz.style import LABEL, NOTE, PALE, TICK, finish, mosaic, plain, slant

NAMES = ("clean label", "noisy label")  # of the rows and of the columns of T
DARK = 0.47  # on cividis white stands out more up to here, black from here on (contrast as WCAG has it)


def _flips(T):
    """T (K, K) without its diagonal, which is NaN."""
    return np.where(np.eye(len(T), dtype=bool), np.nan, np.asarray(T, float))


def _largest_flip(T):
    """Largest off-diagonal entry of T (K, K); a small positive number for the identity."""
    return max(float(np.nanmax(_flips(T))), 1e-3)


@plain
def transition_heatmap(T, ax, class_names=None, title=None, *, names=NAMES, vmax=None):
    """The axes with T (K, K) as a heat map, T[i, j] = P(noisy = j | clean = i), cells in per cent.

    `names` says what rows and columns are, for a matrix that is not one of labels.

    Colour runs from 0 to the largest off-diagonal entry (or `vmax`): on a scale that held the diagonal, all flips
    would look alike. The diagonal is written on grey. Cells that round to 0 stay empty.
    """
    given.axes(ax)
    T, class_names, names = transition_matrix(T), given.names(class_names, len(T)), _pair(names)
    vmax = _largest_flip(T) if vmax is None else checks.positive(vmax, "vmax")
    words = np.char.mod("%.0f", 100 * T)
    words[_flips(T) < 0.005] = ""
    percent_map(100 * _flips(T), ax, words, class_names, vmax=100 * vmax)
    return finish(ax, title, f"{names[1]} (cells: % of the row)", names[0])


def _pair(names):
    """The names of rows and of columns, two texts."""
    if len(checks.sequence(names, "names")) != 2:
        raise ValueError(f"`names` must be what rows and columns are, two texts, but got {checks.brief(names)}.")
    return names


def percent_map(values, ax, words="", class_names=None, *, vmax=None):
    """The axes with values (K, K) as a square heat map from 0 to vmax, words (K, K) in its cells, grey where NaN."""
    ax.set_facecolor(PALE)
    fig, ticks = ax.figure.canvas.figure, list(range(len(values)) if class_names is None else class_names)
    fig.set_visible(False)  # else seaborn draws all of it, only to see whether tick labels overlap
    seaborn.heatmap(values, cmap="cividis", vmin=0, vmax=vmax, square=True, cbar=False, ax=ax, linewidths=0.5,
                    linecolor="white", xticklabels=ticks, yticklabels=ticks)  # fmt: skip
    fig.set_visible(True)
    words, (mesh,) = np.broadcast_to(words, values.shape), ax.collections
    style = {"ha": "center", "va": "center", "fontsize": TICK if len(values) <= 10 else 7, "in_layout": False}
    for i, j in np.argwhere(words != ""):
        on_grey, dark = np.isnan(values[i, j]), mesh.norm(values[i, j]) < DARK
        ax.text(j + 0.5, i + 0.5, words[i, j], color="#444444" if on_grey else "white" if dark else "black", **style)
    ax.tick_params(length=0, rotation=0)
    return slant(ax)


@plain
def colour_scale(fig, mesh, text, **where):
    """The colour bar of a heat map without a frame; `ax`, `cax`, `location` and the like say where it stands."""
    bar = fig.colorbar(mesh, **where)
    bar.set_label(text, fontsize=LABEL if "ax" in where else NOTE)
    bar.outline.set_visible(False)
    return bar


@plain
def transition_row(matrices, *, names=NAMES):
    """Figure with several transition matrices, `{title: T}`, on one colour scale, which stands at the bottom.

    `names` says what rows and columns are.
    """
    checks.mapping(matrices, "matrices", "title: T (K, K)")
    matrices, names = {str(title): transition_matrix(T, "matrices") for title, T in matrices.items()}, _pair(names)
    fig, axes = mosaic(len(matrices), largest=4.4, below=0.5)
    vmax, columns = max(map(_largest_flip, matrices.values())), axes.shape[1]
    for place, (ax, (title, T)) in enumerate(zip(axes.flat, matrices.items(), strict=False)):
        transition_heatmap(T, ax, title=title, names=names, vmax=vmax)
        ax.set_xlabel(names[1] if place >= len(matrices) - columns else "")
        ax.set_ylabel(names[0] if place % columns == 0 else "")
    if vmax > 1e-3:  # else a scale of nothing
        colour_scale(fig, axes[0, 0].collections[0], f"P({names[1]} | {names[0]}) in %, off the diagonal",
                     ax=axes, location="bottom", shrink=0.5, aspect=40, pad=0.02)  # fmt: skip
    said = [f"{' '.join(title.split())}: {100 * np.mean(np.diag(T)):.0f} % on the diagonal{_most(T)}."
            for title, T in matrices.items()]  # fmt: skip
    return describe(fig, " ".join([f"Matrices of {names[1]} (columns) given {names[0]} (rows).", *said]))


def _most(T):
    """Of one matrix its largest flip, in words."""
    flips = _flips(T)
    i, j = np.unravel_index(np.nanargmax(flips), flips.shape)
    return f", most off it {100 * flips[i, j]:.0f} % from {i} to {j}" if flips[i, j] > 0 else ""
