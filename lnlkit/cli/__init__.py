"""The command `lnlkit`. Every command imports what it needs when it is called."""

import ast
import functools
import os
import sys

import click

from lnlkit import __version__
from lnlkit.cli import classroom
from lnlkit.cli.terminal import progress


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lnlkit")
def cli():
    """Learning with noisy labels, rebuilt paper by paper.

    \b
    lnlkit run 01                    a notebook at the small scale
    lnlkit run 01 --scale lab        what students do: minutes
    lnlkit report                    what was measured, against the papers
    """


@cli.command()
@click.argument("notebook")
@click.option("--scale", default="smoke", show_default=True, help="smoke, lab or paper.")
@click.option("--seeds", help="Comma-separated, for example 0,1,2.")
@click.option("--rate", type=float, help="Noise rate of your own training run, a fraction such as 0.2.")
@click.option("--device", help="cpu, cuda or auto.")
@click.option("-p", "--parameter", "pairs", multiple=True, metavar="NAME=VALUE", help="Any other notebook parameter.")
@click.option("--out-dir", help="Default: artifacts/<scale>.")
@click.option("--html", is_flag=True, help="Also write the executed notebook as a web page.")
@click.option("--reuse", is_flag=True, help="Show the stored result when nothing it depends on has changed.")
@click.option("--save-results", is_flag=True, help="Copy the record to results/, the folder that is committed.")
@click.option("--timeout", type=float, help="Stop after so many seconds.")
def run(notebook, scale, seeds, rate, device, pairs, out_dir, html, reuse, save_results, timeout):
    """Execute a notebook and say what came out.

    NOTEBOOK: "01", its name or a path. One screen: where its page is, what the runs say about the paper, what it took.
    """
    from lnlkit.run import runner, screen

    own = [(name, value) for name, value in (("RATE", rate), ("DEVICE", device)) if value is not None]
    result = runner.run(
        notebook, scale, _seeds(seeds), out_dir, _params([*own, *map(_pair, pairs)]), html=html, reuse=reuse,
        timeout=timeout, progress=functools.partial(progress, f"{notebook} at {scale}: "))  # fmt: skip
    saved = runner.save_results(result) if save_results else None  # before anything is printed, which may fail
    progress("", "")
    click.echo(screen.after_run(result))
    if saved:
        click.echo(f"Saved as:           {screen.near(saved)}")


def _pair(text: str) -> tuple:
    """Name and value of NAME=VALUE; the value is read as Python writes it, else taken as text."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(f"`--parameter` must be NAME=VALUE, but got {text!r}.")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):  # {[]: 1}, and a thousand brackets
        return name, value


def _params(pairs: list) -> dict:
    """The parameters by name, each given once, whether by its own option or by -p."""
    params = dict(pairs)
    if len(params) < len(pairs):
        twice = next(name for name, _ in pairs if [other for other, _ in pairs].count(name) > 1)
        raise ValueError(f"`{twice}` must be given once, but got {[value for name, value in pairs if name == twice]}.")
    return params


def _listed(text: str | None, kind: type, name: str, like: str) -> list | None:
    """The numbers of a comma-separated text."""
    try:
        return None if text is None else [kind(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"`{name}` must be {like}, but got {text!r}.") from None


def _seeds(text: str | None) -> list[int] | None:
    return _listed(text, int, "seeds", "whole numbers such as 0,1,2")


@cli.command()
@click.argument("what", required=False)
@click.option("--scale", help="smoke, lab or paper, of notebooks' records. Default: all that were run.")
@click.option("--html", is_flag=True, help="Write one page of recorded runs, report.html and report.md.")
@click.option("--out", help="Folder for that page. Default: artifacts/report.")
def report(what, scale, html, out):
    """Print all that was measured, or write it as one page with figures.

    Every claim with its numbers, and the paper's tables against ours. WHAT: "01", the path of a notebook's record, or
    nothing for all notebooks.

    With --html, WHAT is a notebook ("01"; "00" is the playground), a table that `lnlkit sweep --table` wrote, a folder
    of run records, as a sweep leaves it, or nothing for all tables of the kit.
    """
    from lnlkit.run import measured

    if html and scale is not None:
        raise click.UsageError("--scale is of notebooks' records: a page has the scale of its runs.")
    if out is not None and not html:
        raise click.UsageError("--out is the folder of a page: ask for one with --html.")
    tell = functools.partial(click.echo, err=True)
    for text in measured.as_page(what, out, tell) if html else measured.as_text(what, scale, tell):
        click.echo(text)


@cli.command()
@click.argument("what", required=False)
@click.option("--scale", default="lab", show_default=True, help="smoke, lab or paper, for a notebook's grid.")
@click.option("--method", "methods", multiple=True, help="Of METHODS, or your own: mine.py:Mine. Repeat it for more.")
@click.option("--dataset", help="Of `lnlkit data list`, or your own: mine.npz.")
@click.option("--noise", multiple=True, help="Kind of noise; `given` is that of your file. Repeat it for more.")
@click.option("--rates", help="Comma-separated shares of wrong labels, for example 0.2,0.4.")
@click.option("--seeds", help="Comma-separated, for example 0,1,2.")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="A setting: network, epochs, n_train, ...")
@click.option("--out", help="Default: artifacts/<scale>/runs. Records lie there in a folder for this code.")
@click.option("--jobs", type=int, default=1, show_default=True, help="Processes side by side, one thread each.")
@click.option("--cluster", metavar="ADDRESS", help="Make the runs on a Dask cluster: its scheduler's address or file.")
@click.option("--limit", type=int, help="Stop after so many runs of the grid; a later call goes on.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--table", help="Also write the collected table to this file.")
@click.option("--keep", is_flag=True, help="Keep the table's runs that are not made here.")
@click.option("--other-code", is_flag=True, help="Take up runs that other versions of the code made.")
def sweep(what, scale, methods, dataset, noise, rates, seeds, pairs, out, jobs, cluster, limit, device, table, keep,
          other_code):  # fmt: skip
    """Train every run of a grid.

    WHAT is a notebook ("01"; "00" is the playground), a study in a TOML file, or nothing, with the grid in options. At
    the end the accuracies of a study are printed.

    What is already there is skipped, so a killed sweep goes on. Runs that fail are listed at the end; a second call
    tries them again. Beyond one machine: docs/cluster.md.
    """
    from lnlkit.run import sweeps

    asked = {"methods": list(methods), "dataset": dataset, "noise": list(noise), "seeds": _seeds(seeds),
             "noise_rates": _listed(rates, float, "rates", "shares such as 0.2,0.4"),
             **_params([_pair(pair) for pair in pairs])}  # fmt: skip
    asked = {name: value for name, value in asked.items() if value not in (None, [])}
    sweeps.run(_grid_of(what, asked), scale, out, jobs=jobs, cluster=cluster, limit=limit, device=device, table=table,
               keep=keep, other_code=other_code, say=click.echo)  # fmt: skip


def _grid_of(what: str | None, asked: dict):
    """The paper or study that a sweep is of: a notebook's, that of a TOML file, or one of the options alone."""
    from lnlkit import methods, papers

    own = lambda name: {"needs": list(methods.find(name).needs), "file_digest": methods.own.digest(name)}  # noqa: E731
    if what is not None and not what.endswith(".toml"):
        if asked:
            raise click.UsageError(f"{what} has a grid of its own: leave out {', '.join(asked)}.")
        return papers.load(what)
    if what is None and not asked:
        raise click.UsageError("Say which grid: a notebook such as 01, a study.toml, or --method and its like.")
    raw, name = {}, "study"
    if what is not None:
        raw, name = papers.study.read(what)
    return papers.study.study(name, raw | asked, papers.rows_by_method(), own)


for command in (classroom.site, classroom.check, classroom.student, classroom.grade):
    cli.add_command(command)


@cli.group()
def data():
    """Data sets: which are here, and how to get one."""


@data.command("list")
def data_list():
    """Every data set with its size, where it is, and its licence."""
    from lnlkit import data as source
    from lnlkit.run import report as text

    names = ("name", "labels", "examples", "classes", "state", "licence")
    cells = [["" if row[name] is None else row[name] for name in names] for row in source.available()]
    click.echo("\n".join(text.grid([list(names), *cells])))


@data.command()
@click.argument("name")
def prepare(name):
    """Fetch a data set once and keep it as a bundle that can be carried to machines without internet."""
    from lnlkit import data as source

    path = source.prepare(name)
    click.echo(f"{name}: {path if path else 'built in, nothing to fetch'}")


@cli.command()
@click.option("--check", "name", metavar="METHOD", help="Say which promises a method keeps, for example mine.py:Mine.")
def methods(name):
    """Every method: defaults, needs, source."""
    from lnlkit import methods as table

    if name is not None:
        _check_method(name)
        return
    width = max(map(len, table.METHODS)) + 2
    for name, method in table.METHODS.items():
        defaults = ", ".join(f"{k}={v!r}" for k, v in table.hyperparameters(method()).items())
        click.echo(f"{name:{width}}{method.__doc__.splitlines()[0]}")
        click.echo(f"{'':{width}}defaults: {defaults or 'none'}")
        click.echo(f"{'':{width}}needs: {', '.join(method.needs) or 'noisy labels only'}; source: {method.source}")


def _check_method(name: str) -> None:
    """Prints what a method keeps of the contract; ends with 1 where it breaks something."""
    from lnlkit.methods import contract

    broken = contract.check(name)
    for promise in contract.PROMISES:
        word = promise.__name__.replace("_", " ")
        click.echo(f"[-] {word}: {broken[promise.__name__]}" if promise.__name__ in broken else f"[+] {word}")
    if broken:
        raise SystemExit(1)


def main(arguments=None) -> None:
    """Runs the command: status 0, 2 for bad input (one sentence, no traceback), 1 for a run that failed.

    A command that is ended by a signal takes its processes along, and has status 128 and the number of the signal.
    """
    from lnlkit.run import signals

    try:
        _working_folder()
        with signals.ended_by_signals():
            cli.main(arguments, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except signals.Ended as end:
        sys.exit(128 + end.args[0])
    except (ValueError, TypeError, OSError, RuntimeError, ArithmeticError) as error:
        if os.environ.get("LNLKIT_DEBUG"):
            raise
        progress("", "")
        click.echo(f"lnlkit: {error}", err=True)
        sys.exit(1 if isinstance(error, (RuntimeError, ArithmeticError)) else 2)


def _working_folder() -> None:
    """Raises where the folder that the command was typed in is no longer there: no name can be looked up from it."""
    try:
        os.getcwd()
    except OSError:
        raise FileNotFoundError("The folder that you are in has been deleted or moved: go to another one.") from None
