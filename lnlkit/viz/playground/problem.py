"""The problem in pictures: what is learned by heart, what losses tell, and why a matrix does not say it all."""

import numpy as np
import seaborn

from lnlkit import checks
from lnlkit.viz import given
from lnlkit.viz.lines import LEARNED, bands, learned
from lnlkit.viz.matrices import transition_heatmap
from lnlkit.viz.playground.overview import CE, NOTEBOOK
from lnlkit.viz.show import describe
from lnlkit.viz.style import GREY, GUESS, INK, LABEL, NOTE, PALETTE, finish, noise_name, panels, plain

BINS = np.linspace(0, 6, 41)  # of losses, in nats; larger ones stand in the last
SHORT = {"fit_right": "right labels learned", "memorised": "wrong labels learned", "test_acc": "clean test images"}


def _of_ce(table, noise, noise_rate):
    """Runs of cross-entropy on digits under a noise, and their epochs with what was learned."""
    runs = given.runs(table, NOTEBOOK, "dataset", "noise", "noise_rate", "realised_rate", "best_val")
    runs = runs[(runs["row"] == CE) & (runs["dataset"] == "digits")]
    runs = given.at_rate(runs, noise_rate, noise)
    return runs, learned(table.epochs[table.epochs["key"].isin(runs["key"])], runs)


def _mark(ax, x, guess, color):
    """A guess as a hollow diamond."""
    ax.plot([x], [guess], **GUESS, markeredgecolor=color, linestyle="", clip_on=False)


@plain
def memorisation(table, noise_rate=0.4, noise="symmetric", *, guesses=None, revealed=True):
    """Figure of what cross-entropy learns over the epochs: right labels, wrong ones, and what clean test images tell.

    Means over the seeds and their range. guesses: {"fit_right", "memorised", "test_acc": per cent at the last epoch},
    drawn as diamonds; without `revealed` they stand alone.
    """
    runs, epochs = _of_ce(table, noise, noise_rate)
    guesses, last = checks.instance(guesses or {}, "guesses", dict), int(epochs["epoch"].max())
    fig, ax = panels(width=8.2, height=3.6)
    said = []
    for place, (column, (_, color, line)) in enumerate(LEARNED.items()):
        look = {"color": color, "linestyle": line, "linewidth": 2.2}
        if revealed:
            bands(ax, epochs, column, unit=100, label=SHORT[column], **look)
        else:
            ax.plot([], [], label=SHORT[column], **look)
        if column in guesses:
            _mark(ax, last + 1.2 + 1.8 * place, guesses[column], color)  # side by side where they are equal
        end = 100 * epochs[epochs["epoch"] == last][column].mean()
        guess = f" (guess {guesses[column]:g})" if column in guesses else ""
        said.append(f"{SHORT[column]} {end:.0f} %{guess}" if revealed else f"{SHORT[column]}{guess}")
    ax.set(xlim=(0, last + 5.5), ylim=(0, 103))
    ax.legend(fontsize=LABEL, frameon=False, loc="center left", bbox_to_anchor=(1.02, 0.5),
              title="◇ your guess for the end" if guesses else None, title_fontsize=LABEL)  # fmt: skip
    finish(ax, f"Cross-entropy, {100 * noise_rate:.0f} % of the labels wrong", "epoch", "%", grid="y")
    best = 100 * runs["best_val"].mean()
    what = (f"At epoch {last}: {', '.join(said)}. At the best epoch on noisy validation data clean test images "
            f"{best:.0f} %." if revealed else f"What will the last epoch be? {', '.join(said)}.")  # fmt: skip
    return describe(fig, what)


@plain
def small_loss(panels_by_title):
    """Figure of the losses of training examples, right and wrong labels apart, a panel each.

    panels_by_title: {title: (loss (N,), wrong (N,) bool, mixture)}; mixture: scikit-learn's `GaussianMixture` of two
    components fitted to the losses, whose densities are drawn and whose choice is told.
    """
    of = checks.mapping(panels_by_title, "panels_by_title", "title: (loss, wrong, mixture)")
    fig, axes = panels(1, len(of), width=10.5, height=3.3, squeeze=False)
    said = []
    for ax, (title, (loss, wrong, mixture)) in zip(axes[0], of.items(), strict=True):
        loss, wrong = checks.numbers(loss, "loss", 1).astype(float), np.asarray(wrong, bool)
        checks.same_length(loss=loss, wrong=wrong)
        shown = np.minimum(loss, BINS[-1] - 1e-9)
        seaborn.histplot(x=shown, hue=np.where(wrong, "wrong label", "right label"), bins=BINS, multiple="layer",
                         hue_order=["right label", "wrong label"], palette=[PALETTE[0], PALETTE[3]], alpha=0.55,
                         linewidth=0, legend=ax is axes[0, 0], ax=ax)  # fmt: skip
        kept = mixture.predict(loss[:, None]) == mixture.means_.argmin()
        density = len(loss) * (BINS[1] - BINS[0]) * np.exp(mixture.score_samples(BINS[:, None]))
        ax.plot(BINS, density, color=INK, linewidth=1.4, linestyle="--")
        purity = 100 * np.mean(~wrong[kept])
        ax.set_ylim(0, 1.1 * max(bar.get_height() for bar in ax.patches))  # a narrow density may be far higher
        finish(ax, f"{title}\n{purity:.0f} % of those kept are right", "loss, nats",
               "training examples" if ax is axes[0, 0] else "", grid="y")  # fmt: skip
        said.append(f"{title}: of the {100 * kept.mean():.0f} % that are kept {purity:.0f} % are right")
    if axes[0, 0].get_legend():
        seaborn.move_legend(axes[0, 0], "upper right", title=None, frameon=False, fontsize=NOTE)
    return describe(fig, f"Losses of right and wrong labels, dashed a mixture of two normals. {'; '.join(said)}.")


@plain
def same_matrix(table, noise_rate=0.4, *, guesses=None, revealed=True):
    """Figure of cross-entropy under two noises with one transition matrix: images drawn at random, or the likeliest.

    guesses: {"model_idn": per cent of clean test images at its best epoch on noisy validation data}, a diamond;
    without `revealed` the line of instance-dependent noise is left out.
    """
    guesses = checks.instance(guesses or {}, "guesses", dict)
    found = {noise: _of_ce(table, noise, noise_rate) for noise in ("class_conditional", "model_idn")}
    fig, (left, right) = panels(1, 2, width=10.2, height=3.7, gridspec_kw={"width_ratios": [1, 1.7]})
    key = table.matrices.query("dataset == 'digits' and noise == 'model_idn' and noise_rate == @noise_rate")
    transition_heatmap(key.iloc[0]["T"], left, title="the matrix of both")
    left.xaxis.label.set_size(LABEL)
    said, last = [], max(int(epochs["epoch"].max()) for _, epochs in found.values())
    for place, (noise, (runs, epochs)) in enumerate(found.items()):
        color, name = PALETTE[(0, 3)[place]], noise_name(noise)
        best = 100 * runs["best_val"].mean()
        if revealed or not place:
            bands(right, epochs, "test_acc", unit=100, label=name, color=color, linestyle=("-", "--")[place])
            said.append(f"{name} {best:.0f} % at the best epoch on noisy validation data")
        if noise in guesses:
            _mark(right, last + 2, guesses[noise], color)
            said.append(f"your guess for {name} {guesses[noise]:g} %")
    right.axhline(100 * found["class_conditional"][0]["best_val"].mean(), color=GREY, linewidth=0.8, linestyle=":")
    right.set(xlim=(0, last + 3), ylim=(min([40, *guesses.values()]), 103))
    right.legend(fontsize=LABEL, frameon=False, loc="upper right", title="◇ your guess" if guesses else None)
    finish(right, "clean test images recognised, CE", "epoch", "%", grid="y")
    return describe(fig, f"Two noises of one matrix, {100 * noise_rate:.0f} % of the labels wrong: {', '.join(said)}.")
