"""A derived function held against the package's: same values, same gradients."""

import copy
import inspect

import numpy as np

from lnlkit import checks

IN_PLACE = "changes what it is given: work on a copy, made with .clone() or .copy()."


def assert_same(mine, theirs, *tensors, names=None, rtol=1e-4, atol=1e-6):
    """Prints one line when two functions have the same values and gradients on the given arguments, else raises.

    mine, theirs: functions of the arguments that return a tensor, an array, a number or a tuple of these;
    tensors: the arguments, of which every floating-point tensor is differentiated, and every parameter of a network;
    names: their names, for messages.
    Both functions get copies and start from the same random state. Raises AssertionError that says which output or
    which gradient differs, and by how much.
    """
    given = [f"argument {i + 1}" for i in range(len(tensors))]
    names = given if names is None else checks.sequence(names, "names")
    if len(names) != len(tensors):
        raise ValueError(f"`names` must have one name per argument ({len(tensors)}), but got {names}.")
    rtol, atol = checks.not_negative(rtol, "rtol"), checks.not_negative(atol, "atol")
    for name, function in (("mine", mine), ("theirs", theirs)):
        _takes(function, name, tensors)
    my_copies, my_values, my_gradients = _values_and_gradients(mine, tensors, "mine")
    copies, values, gradients = _values_and_gradients(theirs, tensors, "theirs")
    ours, package = _name(mine), _name(theirs)
    for name, a, b in zip(names, my_copies, copies, strict=True):
        if not _equal(a, b):
            raise AssertionError(f"{name}: {ours} {IN_PLACE}")
    if len(my_values) != len(values):
        raise AssertionError(f"output: {ours} returns {len(my_values)} tensors, but {package} {len(values)}.")
    for i, (a, b) in enumerate(zip(my_values, values, strict=True)):
        _compare(f"output {i + 1}", a, b, ours, package, rtol, atol)
    compared = 0
    for name, mine_by, theirs_by in zip(names, my_gradients, gradients, strict=True):
        for a, b in zip(mine_by, theirs_by, strict=True):
            if a is not None or b is not None:
                a, b = (_zeros_if_none(a, b), _zeros_if_none(b, a))
                _compare(f"gradient by {name}", a, b, ours, package, rtol, atol)
                compared += 1
    what = "values and gradients" if compared else "values"
    print(f"same {what} on {', '.join(names)}: {ours}")


def _takes(function, name, arguments):
    """Raises unless the argument of this name is a function that can be called with the arguments."""
    checks.function(function, name)
    try:
        signature = inspect.signature(function)
    except ValueError:  # of functions written in C only some have one
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        raise TypeError(f"`{name}` must take the {len(arguments)} arguments given, but {_name(function)}{signature} "
                        f"does not: {error}.") from None  # fmt: skip


def _name(function):
    return getattr(function, "__name__", None) or type(function).__name__


def _zeros_if_none(gradient, other):
    """The gradient, or zeros shaped as the other: autograd gives None where nothing depends on the argument."""
    return other * 0 if gradient is None else gradient


def _fresh(argument):
    """A copy of an argument, so that neither function sees what the other did to it; floats ask for gradients."""
    import torch

    if torch.is_tensor(argument):
        return argument.detach().clone().requires_grad_(argument.is_floating_point())
    if isinstance(argument, torch.Generator):
        return torch.Generator(argument.device).set_state(argument.get_state())
    return copy.deepcopy(argument)


def _leaves(argument):
    """What is differentiated in an argument: the tensor itself, or the parameters of a network."""
    import torch

    if isinstance(argument, torch.nn.Module):
        return [parameter for parameter in argument.parameters() if parameter.requires_grad]
    return [argument] if torch.is_tensor(argument) and argument.requires_grad else []


def _equal(a, b):
    """Whether two copies of an argument are still the same; of what is no tensor, array or number nothing is known."""
    import torch

    if not (torch.is_tensor(a) or isinstance(a, np.ndarray)):
        return True
    a, b = (np.asarray(copy.detach().cpu() if torch.is_tensor(copy) else copy) for copy in (a, b))
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _outputs(returned, name):
    """What a function returned, a tensor or several, as a list of tensors with something in each."""
    import torch

    returned = returned if isinstance(returned, (tuple, list)) else (returned,)
    try:  # numpy's copy may be turned round, as by [::-1], or a table: torch takes neither
        outputs = [output if torch.is_tensor(output) else torch.as_tensor(np.array(output)) for output in returned]
    except (TypeError, ValueError, RuntimeError):
        kinds = ", ".join(type(output).__name__ for output in returned)
        raise TypeError(f"`{name}` must return tensors, arrays or numbers, but returned {kinds}.") from None
    if not outputs or any(output.numel() == 0 for output in outputs):
        raise ValueError(f"`{name}` must return something to compare, but an output is empty: give it more examples.")
    return outputs


def _values_and_gradients(function, arguments, name):
    """What became of the arguments, outputs as tensors, and gradients by each argument of a weighted sum of these.

    Where no gradient exists there is None.
    """
    import torch

    copies = [_fresh(argument) for argument in arguments]
    try:
        with torch.random.fork_rng():  # both functions start from the same random state
            returned = function(*copies)
    except RuntimeError as error:
        if "leaf Variable that requires grad is being used in an in-place" not in str(error):
            raise
        raise AssertionError(f"{_name(function)} {IN_PLACE}") from None
    outputs = _outputs(returned, name)
    # A plain sum would not see weight that moved from one example to another: each entry gets a weight of its own.
    generator, total = torch.Generator().manual_seed(0), 0.0
    for output in outputs:
        if output.requires_grad:
            total = total + (output * torch.randn(output.shape, generator=generator).to(output)).sum()
    wanted = [_leaves(argument) for argument in copies]
    flat = [leaf for leaves in wanted for leaf in leaves]
    found = [None] * len(flat)
    if flat and torch.is_tensor(total):
        found = torch.autograd.grad(total, flat, allow_unused=True)
    found = iter(found)
    return copies, [output.detach() for output in outputs], [[next(found) for _ in leaves] for leaves in wanted]


def _compare(what, a, b, mine, theirs, rtol, atol):
    """Raises AssertionError unless two tensors have the same shape and, within the tolerance, the same entries."""
    import torch

    if a.shape != b.shape:
        raise AssertionError(f"{what}: {mine} has shape {tuple(a.shape)}, but {theirs} {tuple(b.shape)}.")
    a, b = a.double(), b.double()
    off = ~torch.isclose(a, b, rtol=rtol, atol=atol, equal_nan=True)
    if off.any():
        odd = int((a.isnan() != b.isnan()).sum())
        gap = f": at {odd} of {off.numel()} places one is NaN" if odd else f" by up to {(a - b)[off].abs().max():.3g}"
        hint = " Was a tensor detached?" if "gradient" in what and not a.any() else ""
        raise AssertionError(f"{what}: {mine} and the package's {theirs} differ{gap}.{hint}")
