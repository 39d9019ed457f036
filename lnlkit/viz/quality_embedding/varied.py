"""What lambda and the size of the training set do to average precision, with guesses before it is shown."""

import itertools

from lnlkit import checks
from lnlkit.viz import given
from lnlkit.viz.lines import by_row, legend_below
from lnlkit.viz.quality_embedding import figures
from lnlkit.viz.quality_embedding.figures import AT, CAN, NOTEBOOK, PLAIN, SETS, STUDIES
from lnlkit.viz.show import describe
from lnlkit.viz.style import GUESS, NOTE, finish, panels, row_styles

VARIED = {"lambda_mi": (figures.LAMBDA, max), "size": (1.0, min)}  # value of the main runs, and which end is guessed


def studies(table, *, guesses=None, revealed=True):
    """Figure of the recorded table: mAP against lambda and training size, a row a data set (Paper 02, Fig. 6).

    Its Table V as a curve. Means with 95 % t-intervals over the seeds; where a study was not run is no panel.
    guesses: {"scenes lambda_mi" or "mnist size" and so on: CAN's mAP in % at the largest lambda or the smallest size},
    diamonds; without `revealed` nothing is drawn but the main runs, of the usual lambda and the whole training set.
    """
    runs = figures.main_runs(given.runs(table, NOTEBOOK, *STUDIES, "dataset", "best_val"))
    found = {(name, x): of for name in SETS for x in VARIED
             if (of := figures.of_study(runs[runs["dataset"] == name], x))[x].nunique() > 1}  # fmt: skip
    if not found:
        raise ValueError("`table` must have runs that vary lambda or size, but has no such runs.")
    guesses = checks.instance(guesses or {}, "guesses", dict)
    for key in guesses:
        checks.one_of(key, "guesses", [f"{name} {x}" for name, x in found])
    names = list(dict.fromkeys(name for name, _ in found))
    fig, axes = panels(len(names), len(VARIED), width=9, height=2.8, squeeze=False)
    for (r, name), (c, x) in itertools.product(enumerate(names), enumerate(VARIED)):
        ax = axes[r, c]
        if (name, x) not in found:
            ax.set_axis_off()
            continue
        plain = runs[(runs["dataset"] == name) & (runs["row"] == PLAIN)] if x == "lambda_mi" else None
        _panel(ax, x, found[name, x], plain, guesses.get(f"{name} {x}"), revealed)
        finish(ax, f"{SETS[name]}, $P_{{\\mathrm{{noise}}}}$ = {AT:g}", STUDIES[x], "" if c else "mAP, %", grid="y")
    if first := next((ax for ax in axes.flat if ax.get_legend()), None):
        title = "mean and 95 % t-interval over the seeds" + (", ◇ your guess for CAN" if guesses else "")
        legend_below(fig, first, columns=len(figures.ROWS), title=title)
    return describe(fig, f"Mean average precision against lambda and size at P_noise {AT:g}. "
                         f"{'; '.join(_told(found, guesses, revealed))}.")  # fmt: skip


def _told(found, guesses, revealed):
    """What a study found, or what is asked of it, in words; a string each."""
    for (name, x), of in found.items():
        study, guess = f"{SETS[name]}, {x.removesuffix('_mi')}", guesses.get(f"{name} {x}")
        mine = "" if guess is None else f" (guess {guess:g} % at {VARIED[x][1](of[x]):g})"
        mean = 100 * of[of["row"] == CAN].groupby(x)["best_val"].mean()
        mean = mean if revealed else mean[mean.index == VARIED[x][0]]
        at, values = (", ".join(form.format(value) for value in part)
                      for form, part in (("{:g}", mean.index), ("{:.1f} %", mean)))  # fmt: skip
        yield f"{study} {at}: CAN {values}{mine}"


def _panel(ax, x, runs, plain, guess, revealed):
    """mAP against x; lambda, whose values stand at equal distances, is CAN's alone: plain training is a level line."""
    usual, end = VARIED[x]
    values = sorted(runs[x].unique())
    shown = runs if revealed else runs[runs[x] == usual]
    places = {value: place if x == "lambda_mi" else value for place, value in enumerate(values)}
    by_row(shown.assign(place=shown[x].map(places)), ax, NOTEBOOK, x="place", unit=100, strong=(CAN,),
           legend=x == "size")  # fmt: skip
    ax.set_xticks(list(places.values()), [f"{value:g}" for value in values])
    if guess is not None:
        color = row_styles(NOTEBOOK)[CAN][1]["color"]
        ax.plot([places[end(values)]], [guess], **GUESS, markeredgecolor=color, linestyle="", clip_on=False)
    if plain is not None:
        _lambda_ground(ax, values, 100 * plain[(plain["noise_rate"] == AT) & (plain["size"] == 1)]["best_val"].mean())
    elif not revealed:
        ax.set_xlim(values[0] - 0.04, values[-1] + 0.04)


def _lambda_ground(ax, values, plain):
    """The level of plain training; from lambda 1 on, where no variance minimises the loss, the ground is grey."""
    ax.axhline(plain, color=row_styles(NOTEBOOK)[PLAIN][1]["color"], linestyle="--", linewidth=1.5, zorder=1)
    if values[-1] >= 1:
        low, high = ax.get_ylim()
        ax.set_ylim(low - 0.2 * (high - low), high)  # room for the text
        ax.axvspan(sum(value < 1 for value in values) - 0.5, len(values) - 0.5, color="#f2f2f2", zorder=0)
        ax.text(0.98, 0.02, "λ ≥ 1: the loss has\nno minimum in σ", transform=ax.transAxes, ha="right", va="bottom",
                fontsize=NOTE, color="#555555")  # fmt: skip
    ax.set_xlim(-0.5, len(values) - 0.5)
