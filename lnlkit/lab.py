"""For the notebooks: begin and end one, open a function in place, compare a derived function with the package's."""

import copy
import functools
import gc
import inspect
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lnlkit import checks, papers, records, tasks

IN_PLACE = "changes what it is given: work on a copy, made with .clone() or .copy()."


@dataclass(frozen=True)
class Session:
    """A notebook at work: its paper, the settings of its scale, and where its record goes."""

    paper: papers.Paper
    scale: str
    settings: dict[str, Any]
    seeds: list[int]
    device: str
    out_dir: Path
    started: float

    def recorded(self, scale: str | None = None, progress=None):
        """The recorded runs of a scale, the session's if none is named: shipped ones, else swept now.

        They are kept in `<out_dir>/runs`, or where `lnlkit run` says: its OUT_DIR is gone after a run that was killed.
        """
        from lnlkit.recorded.making import obtain

        runs = Path(os.environ.get("LNLKIT_RUNS") or self.out_dir / "runs")
        return obtain(self.paper, self.scale if scale is None else scale, runs, self.device, progress)

    def verdicts(self, table) -> list:
        """A verdict on each claim of the paper: at `paper` from the session's own table, else from the recorded one.

        Beside those of the recorded table stands what the session's own runs measure, without a verdict.
        """
        from lnlkit import recorded
        from lnlkit.recorded import judging

        if self.scale == "paper":
            return judging.verdicts(self.paper, table)
        return judging.verdicts(self.paper, recorded.load(self.paper.key), table if self.scale == "smoke" else None)

    def save(self, *, config: dict, claims, comparison, metrics: dict | None = None, **more) -> Path:
        """Path of the notebook's record, written whole; `more` are further entries (see `records.for_notebook`).

        metrics: numbers by name; those that the claims are judged by where none are given.
        """
        for claim in checks.instance(claims, "claims", list):
            checks.instance(claim, "claims", papers.Verdict, "Use session.verdicts(...).")
        record = records.for_notebook(
            self.paper.key, self.scale, self.seeds, config=config, claims=claims, comparison=comparison,
            metrics={claim.id: claim.value for claim in claims} if metrics is None else metrics,
            started=self.started, **more)  # fmt: skip
        return records.write(self.out_dir / f"{self.paper.key}.json", record)


def begin(notebook: str, *, scale: str, seeds, device: str, out_dir, **fractions: float) -> Session:
    """Checks a notebook's parameters, says what will be run on what, and returns its `Session`.

    fractions: further parameters by name that must be fractions, such as RATE.
    From here on the process computes with one thread, as `lnlkit run` does: the number of threads changes how sums are
    rounded, and so what a table says. A study, which has recorded runs to show, is begun without torch.
    """
    from threadpoolctl import threadpool_limits

    started = time.perf_counter()
    gc.collect()
    gc.freeze()  # what is imported stays: the collection after each picture need not look through it again
    paper = papers.load(notebook)
    settings = paper.scale(scale)
    for name, value in fractions.items():
        checks.fraction(value, name)
    seeds = checks.seed_list(seeds, "SEEDS")
    device = checks.text(device, "device") if paper.is_study else _one_thread_on(device)
    session = Session(paper, scale, settings, seeds, device, checks.writable_folder(out_dir, "out_dir"), started)
    threadpool_limits(1)
    own = "".join(f"; {name} {value:g}" for name, value in fractions.items())
    run, *more = tasks.grid(paper, scale)
    if paper.is_study:
        sets = ", ".join(dict.fromkeys(config["dataset"] for config in (run, *more)))
        print(f"recorded runs on {sets}; nothing is trained until a button is pressed")
        return session
    sets = dict.fromkeys(config["dataset"] for config in (run, *more) if tasks.of(config) is tasks.of(run))
    print(f"scale {scale}: {', '.join(sets)}, network {run['network']}, {run['epochs']} epochs, on {session.device}; "
          f"seeds {', '.join(map(str, session.seeds))}{own}")  # fmt: skip
    return session


def _one_thread_on(device: str) -> str:
    """The device under that name, for torch with one thread."""
    import torch

    from lnlkit.training import pick_device

    device = pick_device(device)
    torch.set_num_threads(1)
    return device


def show(obj):
    """Shows the source of a function, class or module of the package, with its file and line.

    In a notebook the source is highlighted, elsewhere it is printed.
    """
    code, where = _source(obj)
    from IPython import get_ipython

    print(where)
    if get_ipython() is None:
        print(code)
        return
    from IPython.display import Code, display

    # Code alone would leave a terminal or a plain reader with "<IPython.core.display.Code object>".
    page = Code(code, language="python")._repr_html_()
    page = page.replace("<pre>", '<pre style="font-size: 12px; white-space: pre">', 1)  # 120 characters fit a cell
    display({"text/html": page, "text/plain": code}, raw=True)


def _source(obj):
    """Source text of an object, and 'lnlkit/training.py, line 116' for it."""
    plain = inspect.unwrap(obj.func if isinstance(obj, functools.partial) else obj)
    try:
        lines, first = inspect.getsourcelines(plain)
        path = Path(inspect.getsourcefile(plain))
    except (TypeError, OSError):
        raise TypeError(
            f"`obj` must be a function, class or module written in Python, but got {checks.brief(obj)}: "
            "pass the function itself, without calling it."
        ) from None
    root = Path(__file__).resolve().parents[1]
    name = path.resolve().relative_to(root).as_posix() if path.resolve().is_relative_to(root) else path.name
    return "".join(lines), f"{name}, line {max(first, 1)}"


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
