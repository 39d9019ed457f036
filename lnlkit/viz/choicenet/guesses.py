"""What a reader guessed, in pictures that show it beside the truth, or in the place of it."""

import numpy as np

from lnlkit import checks
from lnlkit.viz.style import INK, NOTE, PALE


def checked(guesses, names):
    """The guesses, {name: per cent}, of names that are known; without any, {}."""
    guesses = checks.instance(guesses or {}, "guesses", dict)
    return {checks.one_of(name, "guesses", names): checks.between(value, "guesses", 0, 100)
            for name, value in guesses.items()}  # fmt: skip


def told(guesses, names):
    """' Your guess: CE 50 %, ChoiceNet 60 %.', by the readable names {name: text}; nothing without one."""
    said = ", ".join(f"{names[name]} {value:g} %" for name, value in guesses.items())
    return said and f" Your guess: {said}."


def hide(ax, known=()):
    """Takes numbers and colours of a heat map away, but for the lines `known`, by their numbers."""
    mesh = ax.collections[0]
    values = np.ma.masked_all(mesh.get_array().shape)
    values[list(known)] = mesh.get_array()[list(known)]
    mesh.set_array(values)
    ax.set_facecolor(PALE)
    for text in list(ax.texts):
        if int(text.get_position()[1]) in known:
            text.set_fontweight("normal")  # bold would say that it is the best
        else:
            text.remove()


def in_cells(ax, column, guesses):
    """Guesses {line: per cent} in the cells of a column of a heat map, below the number that is there."""
    there = {tuple(map(int, text.get_position())): text for text in ax.texts}
    for line, value in guesses.items():
        text = there.get((column, line))
        if text is None:
            ax.text(column + 0.5, line + 0.5, f"◇ {value:g}", ha="center", va="center", fontsize=NOTE, color=INK)
        else:
            text.set_text(f"{text.get_text()}\n◇ {value:g}")
