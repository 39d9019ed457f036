"""What a check asks of an answer: values for inputs of which it gets copies, and properties that they must have."""

import copy

import numpy as np


class NotDone(Exception):
    """The exercise is not done: there is no answer, or it returns nothing yet."""


class Mistake(Exception):
    """The answer is wrong; the message says in a sentence what was got, what is wanted, and the likely mistake."""


def ask(answer, *inputs):
    """What the answer returns for copies of the inputs; NotDone where that is nothing, Mistake where it fails."""
    if answer is None or answer is ...:
        raise NotDone
    if not callable(answer):
        raise Mistake(f"it must be a function, but is {type(answer).__name__}: hand over the function itself")
    try:
        found = answer(*copy.deepcopy(inputs))
    except NotImplementedError:
        raise NotDone from None
    except Exception as error:
        where = _line_of(error)
        raise Mistake(f"it raised {type(error).__name__}{where}: {_in_a_line(error)}") from error
    if found is None or found is ...:
        raise NotDone
    return found


def _line_of(error) -> str:
    """' in line 3 of its cell', for an error raised in code of the reader's own."""
    place = error.__traceback__.tb_next  # the frame above is `ask`
    return "" if place is None else f" in line {place.tb_lineno} of its cell"


def _in_a_line(error) -> str:
    return f"{' '.join(str(error).split()):.200}"


def expect(condition, said: str) -> None:
    """Raises Mistake with a sentence unless the condition holds."""
    if not condition:
        raise Mistake(said)


def expect_close(got, wanted, said: str, *, tol: float = 1e-4) -> None:
    """Raises Mistake unless `got`, a number, array or tensor, is `wanted` to `tol` (absolute, and relative to 1).

    said: the likely mistake, a clause; what was got and wanted, where they differ most, comes before it.
    """
    got, wanted = _array(got, said), np.asarray(_plain(wanted), float)
    if got.shape != wanted.shape:
        raise Mistake(f"got shape {got.shape}, wanted {wanted.shape}: {said}")
    apart = np.where(np.isnan(got) & np.isnan(wanted), 0.0, np.nan_to_num(np.abs(got - wanted), nan=np.inf))
    off = apart > tol * np.maximum(1, np.nan_to_num(np.abs(wanted)))
    if off.any():
        place = np.unravel_index(np.where(off, apart, -1).argmax(), got.shape)
        at = f" at {', '.join(map(str, place))}" if got.ndim else ""
        raise Mistake(f"got {got[place]:.4g}, wanted {wanted[place]:.4g}{at}: {said}")


def _plain(value):
    """The value without torch: tensors as arrays, whatever asks for gradients."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def _array(got, said):
    try:
        return np.asarray(_plain(got), float)
    except (TypeError, ValueError):
        raise Mistake(f"got {type(got).__name__}, wanted numbers: {said}") from None
