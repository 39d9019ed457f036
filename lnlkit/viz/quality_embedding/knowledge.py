"""What the quality variable knows: maps of the qualities, transitions by trust, and the signals of Fig. 1."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.lines import Line2D

from lnlkit import checks
from lnlkit.viz.quality_embedding.scores import NOTEBOOK
from lnlkit.viz.show import describe
from lnlkit.viz.style import INK, LABEL, NOTE, PALE, PALETTE, TICK, finish, panels, row_styles

COLORS = PALETTE[:2]  # trusted blue, untrusted orange; right and wrong labels are told apart by marker
SPLITS = {  # field of the embedding: what 0 and 1 are called
    "flagged": ("trusted", "untrusted"),
    "disagrees": ("prediction agrees", "prediction disagrees"),
}
TITLES = {"flagged": "2-means on μ", "disagrees": "as in the paper: prediction against label"}


def quality_map(ax, embedding, by="flagged", title=None, *, size=26):
    """The axes with the t-SNE of the quality means; dots are right label vectors, crosses wrong ones.

    embedding: `embedding` of a recorded run, or what `label_quality.embed` returns (Paper 02, Fig. 7). by: what the
    colour says: "flagged", the cluster of 2-means; "disagrees", the paper's own: the prediction is not the noisy label.
    """
    names = SPLITS[checks.one_of(by, "by", SPLITS)]
    split, wrong = (np.asarray(embedding[key], bool) for key in (by, "wrong"))
    points = pd.DataFrame(embedding["x"], columns=["x", "y"])
    seaborn.scatterplot(points, x="x", y="y", hue=split, style=wrong, palette=dict(enumerate(COLORS)), s=size, ax=ax,
                        markers={False: "o", True: "X"}, hue_order=(0, 1), linewidth=0.3, legend=False)  # fmt: skip
    keys = [Line2D([], [], linestyle="none", marker="s", color=color, markersize=6,
                   label=f"{name}: {(split == part).sum()} ({(wrong & (split == part)).sum()} wrong)")
            for part, (name, color) in enumerate(zip(names, COLORS, strict=True))]  # fmt: skip
    keys.append(Line2D([], [], linestyle="none", marker="X", color="#666666", markersize=6, label="label vector wrong"))
    ax.set(xticks=[], yticks=[])
    ax.legend(handles=keys, fontsize=NOTE, frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0.01), ncols=1,
              handletextpad=0.1, labelspacing=0.2)  # fmt: skip
    finish(ax, title, "", "")
    ax.spines[:].set(visible=True, color="#cccccc")
    return ax


def map_words(embedding, by="flagged"):
    """How many points of either kind there are, and how many of them have a wrong label vector."""
    split, wrong = (np.asarray(embedding[key], bool) for key in (by, "wrong"))
    return ", ".join(f"{name} {(split == part).sum()} ({(wrong & (split == part)).sum()} with a wrong label vector)"
                     for part, name in enumerate(SPLITS[by]))  # fmt: skip


def quality_maps(embeddings):
    """Figure of `{whose: embedding}`, a row each, coloured by the clusters and as in the paper (Paper 02, Fig. 7)."""
    fig, axes = panels(len(embeddings), 2, width=9, height=3.2, squeeze=False)
    said = []
    for (whose, embedding), row in zip(embeddings.items(), axes, strict=True):
        for by, ax in zip(SPLITS, row, strict=True):
            quality_map(ax, embedding, by, f"{whose}: {TITLES[by]}")
            said.append(f"{whose}: {map_words(embedding, by)}")
    return describe(fig, f"t-SNE maps of the quality means. {'; '.join(said)}.")


def transition_panel(ax, T, class_names=None, title=None, *, vmax=1.0, numbers=True):
    """The axes with the transitions T (K, K) from latent to noisy labels as a heat map, diagonal and all.

    Rows sum to 1, or to 0 where the latent label never occurs: these say so.
    Not seaborn.heatmap: it draws the whole figure once to turn names, for which an explorer has no time.
    """
    size = len(T)
    names = list(range(size)) if class_names is None else list(class_names)
    ax.set_facecolor(PALE)
    ax.pcolormesh(np.zeros((size, size)), cmap="cividis", linewidth=0.5, edgecolor="white")
    ax.set(aspect="equal", xlim=(0, size), ylim=(size, 0))
    ax.set_xticks(np.arange(size) + 0.5, names)
    ax.set_yticks(np.arange(size) + 0.5, names)
    ax.spines[:].set_visible(False)
    finish(ax, title, "noisy label", "latent label")
    ax.tick_params(length=0, labelsize=NOTE)
    if max(len(str(name)) for name in names) > 2:
        for text in ax.get_xticklabels():
            text.set(rotation=50, ha="right", va="center", rotation_mode="anchor")
    return show_transitions(ax, T, vmax, numbers)


def show_transitions(ax, T, vmax=1.0, numbers=False):
    """The panel with another T (K, K) in it."""
    T, size, mesh = np.asarray(T, float), len(T), ax.collections[0]
    never = T.sum(1) < 1e-9
    mesh.set_array(np.ma.masked_array(100 * T, np.repeat(never[:, None], size, 1)))
    mesh.set_clim(0, 100 * vmax)
    for text in list(ax.texts):
        text.remove()
    style = {"ha": "center", "va": "center", "fontsize": NOTE, "in_layout": False}
    for i, j in np.argwhere(numbers & ~never[:, None] & (T >= 0.005)):
        ax.text(j + 0.5, i + 0.5, f"{100 * T[i, j]:.0f}", color="white" if T[i, j] < 0.55 * vmax else "black", **style)
    for i in np.flatnonzero(never):
        ax.text(size / 2, i + 0.5, "never", color="#555555", fontstyle="italic", **style)
    return mesh


def diagonal(T):
    """Mean of the diagonal of T (K, K) over the latent labels that occur; nan where none does."""
    T = np.asarray(T, float)
    there = T.sum(1) > 0
    return T.diagonal()[there].mean() if there.any() else np.nan


def diagonal_words(T):
    """'mean diagonal 95 %', or that the latent label never occurs."""
    return "no latent label" if np.isnan(diagonal(T)) else f"mean diagonal {100 * diagonal(T):.0f} %"


def transitions(matrices, class_names=None):
    """Figure of transitions from latent to noisy labels, `{title: T}`, on one scale, two a row (Paper 02, Fig. 9)."""
    rows = -(-len(matrices) // 2)
    fig, axes = panels(rows, 2, width=9, height=3.5, squeeze=False)
    vmax = max(1e-3, *(np.max(T) for T in matrices.values()))
    for ax, (title, T) in zip(axes.flat, matrices.items(), strict=True):
        mesh = transition_panel(ax, T, class_names, f"{title}: {diagonal_words(T)}", vmax=vmax)
    fig.colorbar(mesh, ax=list(axes.flat), shrink=0.6, aspect=30, label="% of the row").outline.set_visible(False)
    said = "; ".join(f"{title}: {diagonal_words(T)}" for title, T in matrices.items())
    return describe(fig, f"Transitions from latent to noisy labels as heat maps. {said}.")


def error_signals(signals, wrong):
    """Figure of the error signal at the classifier, a group of bars an image, a bar a method (Paper 02, Fig. 1).

    signals: DataFrame, one line an image (its name is the index), one column a row id. wrong: (N,) True where the label
    is wrong: grey ground.
    """
    styles = row_styles(NOTEBOOK)
    fig, ax = panels(width=8.5)
    long = signals.reset_index(drop=True).rename(columns={row: styles[row][0] for row in signals}).melt(
        ignore_index=False, var_name="way", value_name="signal").reset_index(names="image")  # fmt: skip
    seaborn.barplot(long, x="image", y="signal", hue="way", ax=ax, palette=[styles[row][1]["color"] for row in signals],
                    saturation=1, zorder=3)  # fmt: skip
    for bars in ax.containers:
        ax.bar_label(bars, fmt="{:+.2f}", fontsize=NOTE, padding=2)
    ax.axhline(0, color=INK, linewidth=0.8, zorder=4)
    for i in np.flatnonzero(wrong):
        ax.axvspan(i - 0.5, i + 0.5, color="#eeeeee", zorder=0)
    ax.set_xticks(range(len(signals)), signals.index, fontsize=TICK)
    ax.set(xlim=(-0.5, len(signals) - 0.5))
    ax.margins(y=0.12)
    finish(ax, None, "", "error signal at the classifier", grid="y")
    ax.tick_params(axis="x", labelsize=LABEL)
    ax.legend(fontsize=TICK, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(signals.columns))
    said = "; ".join(f"{styles[row][0]} " + ", ".join(f"{value:+.2f}" for value in signals[row]) for row in signals)
    return describe(fig, f"Gradient of the loss in the logit for {len(signals)} images and {len(signals.columns)} ways "
                         f"of training. {said}.")  # fmt: skip
