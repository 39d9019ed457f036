"""Figures of label vectors: how often labels occur and meet, images with their labels, qualities, transitions, errors.

N examples, K classes; label vectors are arrays (N, K) of 0 and 1.
"""

import textwrap

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from lnlkit import checks
from lnlkit.viz.style import INK, NOTE, PALE, PALETTE, TICK, TITLE, WIDTH, blank, finish, row_style, whole
from lnlkit.viz.images import _plane
from lnlkit.viz.matrices import _contrast, transition_row

NAMES = ("latent label", "noisy label")  # of the rows and of the columns of a transition matrix
TRUSTED, UNTRUSTED = (PALETTE[0], "o"), (PALETTE[2], "^")  # blue and green as in Fig. 7, told apart by marker too
SPLITS = {  # field of the embedding: what 0 and 1 are called
    "flagged": ("trusted", "untrusted"),
    "disagrees": ("prediction agrees", "prediction disagrees"),
    "wrong": ("label vector right", "label vector wrong"),
}
CHANGED = "#c00000"


def _vectors(y, name):
    """Label vectors as booleans (N, K); probabilities are cut at 1/2."""
    y = np.asarray(y)
    if y.ndim != 2:
        raise ValueError(f"`{name}` must hold label vectors (N, K), but got shape {y.shape}. "
                         "Class numbers become vectors by numpy.eye(K)[y].")  # fmt: skip
    return y > 0.5


def label_counts(ax, y, class_names=None, *, y_noisy=None, title=None):
    """The axes with the number of examples that have each label (Paper 02, Fig. 5); y_noisy (N, K) stands beside y."""
    bars = [_vectors(y, "y").sum(0)] + ([] if y_noisy is None else [_vectors(y_noisy, "y_noisy").sum(0)])
    names = list(range(len(bars[0]))) if class_names is None else list(class_names)
    width = 0.8 / len(bars)
    labels = (None,) if y_noisy is None else ("clean labels", "noisy labels")
    for place, (counts, label) in enumerate(zip(bars, labels, strict=True)):
        at = np.arange(len(counts)) + (place - (len(bars) - 1) / 2) * width
        style = {"color": PALETTE[place], "hatch": "////" * place, "edgecolor": "white", "linewidth": 0}
        ax.bar(at, counts, width=0.92 * width, label=label, **style)
    ax.set_xticks(range(len(names)), names)
    _slant(ax)
    finish(ax, title, None, "examples with the label", grid="y")
    if y_noisy is not None:
        _legend_above(ax, title)
    return ax


def _legend_above(ax, title, handles=None):
    """The axes with a legend in one line above, and the title above that."""
    handles = ax.get_legend_handles_labels()[0] if handles is None else handles
    ax.legend(handles=handles, fontsize=TICK, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0),
              ncols=len(handles))  # fmt: skip
    if title is not None:
        ax.set_title(title, fontsize=TITLE, pad=26)
    return ax


def label_counts_alt(y, class_names=None, *, y_noisy=None):
    """The sentence that `label_counts` is read out as: number of labels, the rarest and the most frequent one."""
    parts = []
    for name, vectors in (("clean", y), ("noisy", y_noisy)):
        if vectors is None:
            continue
        counts = _vectors(vectors, "y").sum(0)
        names = list(range(len(counts))) if class_names is None else list(class_names)
        low, high = int(counts.argmin()), int(counts.argmax())
        of = f"{name} labels" if y_noisy is not None else "labels"
        parts.append(f"{len(vectors)} examples have {counts.sum()} {of}, from {counts[low]} for {names[low]} to "
                     f"{counts[high]} for {names[high]}")  # fmt: skip
    return "How often each label occurs: " + "; ".join(parts) + "."


def co_occurrence(ax, y, class_names=None, *, title=None):
    """The axes with a heat map: of the examples with the label of the row the % that have that of the column too.

    On the diagonal, grey, the number of examples with the label. More than 12 labels get a colour scale in place of
    numbers. Where no example has two labels a sentence says so.
    """
    vectors = _vectors(y, "y").astype(float)
    both, size = vectors.T @ vectors, vectors.shape[1]
    diagonal = np.eye(size, dtype=bool)
    if not both[~diagonal].any():
        return finish(blank(ax, "Every example has at most one label:\nno two labels meet."), title)
    share = 100 * both / np.maximum(both.diagonal()[:, None], 1)
    names = list(range(size)) if class_names is None else list(class_names)
    ax.set_facecolor(PALE)
    mesh = ax.pcolormesh(np.ma.masked_array(share, diagonal), cmap="cividis", vmin=0, linewidth=0.5, edgecolor="white")
    ax.set(aspect="equal", xlim=(0, size), ylim=(size, 0))
    ax.set_xticks(np.arange(size) + 0.5, names)
    ax.set_yticks(np.arange(size) + 0.5, names)
    ax.spines[:].set_visible(False)
    if size > 12:
        ax.figure.colorbar(mesh, ax=ax, shrink=0.8, aspect=30, pad=0.02).outline.set_visible(False)
    else:
        for i, j in np.argwhere(~diagonal):
            ax.text(j + 0.5, i + 0.5, f"{share[i, j]:.0f}", ha="center", va="center", fontsize=TICK)
        _contrast(ax)
        for i in range(size):
            ax.text(i + 0.5, i + 0.5, f"{both[i, i]:.0f}", ha="center", va="center", fontsize=NOTE, color="#444444",
                    in_layout=False)  # fmt: skip
    ax.tick_params(axis="both", length=0)
    _slant(ax)
    return finish(ax, title, "... also have this label (%)", "of the examples with this label")


def _slant(ax):
    """The axes with long names below slanted so that each ends at its column."""
    if max(len(text.get_text()) for text in ax.get_xticklabels()) > 2:
        for text in ax.get_xticklabels():
            text.set(rotation=50, ha="right", va="center", rotation_mode="anchor")
    return ax


def _said(vector, class_names):
    """The labels of a vector (K,) as text."""
    return ", ".join(str(class_names[k]) for k in np.flatnonzero(vector)) or "none"


def scene_grid(images, noisy, latent, true=None, class_names=None, *, columns=None, fig=None):
    """Figure of images with their labels below: noisy, latent, true (Paper 02, Fig. 8).

    images: N of them, (H, W), (H, W, 3) or (C, H, W), of any size; noisy, latent, true: (N, K), probabilities are cut
    at 1/2. The latent label is red and bold where it is not the noisy one, with a tick where it is the true one then,
    else with a cross. Without `true`, as for real images, that line and these marks are left out.
    """
    noisy, latent = _vectors(noisy, "noisy"), _vectors(latent, "latent")
    true = None if true is None else _vectors(true, "true")
    checks.same_length(images=images, noisy=noisy, latent=latent, **({} if true is None else {"true": true}))
    class_names = range(noisy.shape[1]) if class_names is None else class_names
    columns = columns or min(len(images), 6 if len(images) > 8 or len(images) in (5, 6) else 4)
    rows, wide = -(-len(images) // columns), WIDTH / columns
    texts = [_lines(noisy[i], latent[i], None if true is None else true[i], class_names, int(wide / 0.082))
             for i in range(len(images))]  # fmt: skip
    space = 0.18 * max(map(len, texts)) + 0.05  # inches below a row of images
    side = min(0.9 * wide, 1.9)
    fig = whole(fig, WIDTH, rows * (side + space) + 0.1)
    axes = fig.subplots(2 * rows, columns, squeeze=False, height_ratios=[side, space] * rows)
    for ax in axes.flat:
        ax.set_axis_off()
    for i, image in enumerate(images):
        above, below = axes[2 * (i // columns), i % columns], axes[2 * (i // columns) + 1, i % columns]
        plane = _plane(image)
        above.set_axis_on()
        above.set(xticks=[], yticks=[])
        above.spines[:].set_color("#cccccc")
        above.imshow(plane, cmap="gray_r", vmin=0, vmax=255 if plane.dtype == np.uint8 else 1, interpolation="nearest")
        for line, (text, style) in enumerate(texts[i]):
            below.annotate(text, (0.5, 1), xytext=(0, -13 * line), xycoords="axes fraction", ha="center", va="top",
                           textcoords="offset points", fontsize=TICK, in_layout=False, **style)  # fmt: skip
    return fig


def _lines(noisy, latent, true, class_names, width):
    """The lines of text below one image, each with its style; long ones are broken after so many letters."""
    changed = (noisy != latent).any()
    mark = "" if true is None or not changed else "  ✓" if (latent == true).all() else "  ✗"
    texts = [(f"noisy: {_said(noisy, class_names)}", {"color": INK}),
             (f"latent: {_said(latent, class_names)}{mark}",
              {"color": CHANGED, "weight": "bold"} if changed else {"color": INK})]  # fmt: skip
    if true is not None:
        texts.append((f"true: {_said(true, class_names)}", {"color": "#666666"}))
    return [(line, style) for text, style in texts for line in textwrap.wrap(text, width)]


def scene_grid_alt(noisy, latent, true=None):
    """The sentence that `scene_grid` is read out as: how many latent labels differ from noisy ones, and are true."""
    noisy, latent = _vectors(noisy, "noisy"), _vectors(latent, "latent")
    changed = (noisy != latent).any(1)
    text = f"{len(noisy)} images with their labels. In {changed.sum()} the latent label differs from the noisy one"
    if true is not None:
        true = _vectors(true, "true")
        wrong, right = (noisy != true).any(1), (latent == true).all(1)
        text += (f", in {(changed & right).sum()} of these it is the true one; {wrong.sum()} noisy labels are wrong, "
                 f"and {(wrong & right).sum()} of them are corrected")  # fmt: skip
    return text + "."


def quality_map(ax, embedding, by="flagged", title=None, *, label=None, size=24):
    """The axes with the t-SNE of the quality means, trusted points blue dots, untrusted ones green triangles.

    embedding: "embedding" of a recorded run, or what `lnlkit.quality.embed` returns (Paper 02, Fig. 7). by: "flagged",
    the cluster of 2-means; "disagrees", the paper's own split: the thresholded prediction is not the noisy label
    vector; "wrong", the truth. Wrong label vectors are crossed. label: only items whose noisy label is this class.
    """
    checks.one_of(by, "by", SPLITS)
    kept = np.asarray(embedding["label"]) == label if label is not None else np.ones(len(embedding["x"]), bool)
    x, wrong = np.asarray(embedding["x"], float)[kept], np.asarray(embedding["wrong"])[kept] > 0
    split = np.asarray(embedding[by])[kept] > 0
    for part, name, (color, marker) in zip((~split, split), SPLITS[by], (TRUSTED, UNTRUSTED), strict=True):
        count = f"{name}: {part.sum()}" + ("" if by == "wrong" else f" ({(part & wrong).sum()} wrong)")
        ax.scatter(*x[part].T, color=color, marker=marker, s=size, linewidths=0, alpha=0.75, label=count)
    if by != "wrong":
        ax.scatter(*x[wrong].T, color=INK, marker="x", s=0.55 * size, linewidths=0.8, label="label vector wrong")
    ax.set(xticks=[], yticks=[])
    ax.legend(fontsize=NOTE, frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0.0), handletextpad=0.1)
    finish(ax, title)
    ax.spines[:].set(visible=True, color="#cccccc")
    return ax


def quality_map_alt(embedding, by="flagged", *, label=None):
    """The sentence that `quality_map` is read out as: how many points of either kind, and how many are wrong."""
    checks.one_of(by, "by", SPLITS)
    kept = np.asarray(embedding["label"]) == label if label is not None else np.ones(len(embedding["x"]), bool)
    wrong, split = (np.asarray(embedding[key])[kept] > 0 for key in ("wrong", by))
    said = [f"{name} {part.sum()} ({(part & wrong).sum()} with a wrong label vector)"
            for name, part in zip(SPLITS[by], (~split, split), strict=True)]  # fmt: skip
    return f"t-SNE map of the quality means of {kept.sum()} training items: {', '.join(said)}."


def filled(T):
    """A recorded matrix (K, K) with rows that sum to 1, and which rows were empty (K,): these get 1 on the diagonal."""
    T = np.asarray(T, float)
    empty = T.sum(1) < 1e-9
    T = np.where(empty[:, None], np.eye(len(T)), T)
    return T / T.sum(1, keepdims=True), empty


def cross_out(ax, empty):
    """The heat map with a word in the rows (K,) whose latent label never occurs, and its names slanted."""
    _slant(ax)
    for text in list(ax.texts):
        if empty[int(text.get_position()[1])]:
            text.remove()
    for i in np.flatnonzero(empty):
        ax.add_patch(Rectangle((0, i), len(empty), 1, facecolor=PALE, edgecolor="white", linewidth=0.5))
        ax.text(len(empty) / 2, i + 0.5, "never", ha="center", va="center", fontsize=NOTE, color="#555555",
                style="italic", in_layout=False)  # fmt: skip
    return ax


def transition_pair(trusted, untrusted, class_names=None, *, clean=None, fig=None):
    """Figure of the transitions from latent to noisy labels in both clusters, on one scale (Paper 02, Fig. 9).

    trusted, untrusted: (K, K), rows sum to 1, or to 0 where the latent label never occurs: these say so. clean: the
    same from clean to clean labels, as a third panel: what labels that occur together put off the diagonal without
    noise (`lnlkit.noise.measured_transitions(y_clean, y_clean)`).
    """
    given = {"trusted labels": trusted, "untrusted labels": untrusted}
    given |= {} if clean is None else {"for comparison: clean to clean": clean}
    parts = {title: filled(T) for title, T in given.items()}
    fig = transition_row({title: T for title, (T, _) in parts.items()}, class_names=class_names, names=NAMES, fig=fig)
    for ax, (_, empty) in zip(fig.axes, parts.values(), strict=False):
        cross_out(ax, empty)
    return fig


def transition_pair_alt(trusted, untrusted):
    """The sentence that `transition_pair` is read out as: how much of either matrix lies on its diagonal."""
    said = []
    for name, T in (("trusted", trusted), ("untrusted", untrusted)):
        T, empty = filled(T)
        mean = "no latent label" if empty.all() else f"{100 * T.diagonal()[~empty].mean():.0f} %"
        said.append(f"{mean} for {name} labels")
    return f"Transitions from latent to noisy labels as two heat maps. Mean of the diagonal: {' and '.join(said)}."


def error_bars(ax, names, values, *, wrong=None, title=None, ylabel="error signal at the classifier"):
    """The axes with a group of bars per example, one bar per row, the values written on them (Paper 02, Fig. 1).

    names: N texts; values: `{row: N numbers}`. wrong: (N,) True where the label is wrong: grey ground.
    """
    width, bars = 0.8 / len(values), []
    for place, (row, heights) in enumerate(values.items()):
        name, style = row_style(row)
        at = np.arange(len(names)) + (place - (len(values) - 1) / 2) * width
        ax.bar(at, heights, width=0.9 * width, color=style["color"], label=name, zorder=3)
        bars += [(x, height) for x, height in zip(at, np.asarray(heights, float), strict=True)]
    reach = max(abs(height) for _, height in bars) or 1.0
    for x, height in bars:
        ax.text(x, height + np.copysign(0.02 * reach, height), f"{height:.2f}", ha="center", fontsize=NOTE,
                va="bottom" if height >= 0 else "top")  # fmt: skip
    ax.axhline(0, color=INK, linewidth=0.8, zorder=4)
    marked = [] if wrong is None else np.flatnonzero(wrong)
    for i in marked:
        ax.axvspan(i - 0.5, i + 0.5, color="#eeeeee", zorder=0)
    handles, _ = ax.get_legend_handles_labels()
    if len(marked):
        ground = {"linestyle": "none", "marker": "s", "markersize": 10, "color": "#dddddd"}
        handles.append(Line2D([], [], label="label wrong", **ground))
    ax.set_xticks(range(len(names)), names)
    ax.set(xlim=(-0.5, len(names) - 0.5))
    ax.margins(y=0.12)
    finish(ax, title, None, ylabel, grid="y")
    return _legend_above(ax, title, handles)
