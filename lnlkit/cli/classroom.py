"""Commands of a class: pages, the look at a machine before it, the edition without solutions, marking."""

import functools
import sys

import click

from lnlkit.cli.terminal import progress


@click.command()
@click.argument("notebooks", nargs=-1)
@click.option("--out", help="Folder of the pages. Default: artifacts/site.")
@click.option("--scale", default="smoke", show_default=True, help="smoke, lab or paper.")
@click.option("--reuse", is_flag=True, help="Take stored results where nothing they depend on has changed.")
def site(notebooks, out, scale, reuse):
    """Write all notebooks, executed, as pages to read without a kernel or internet.

    NOTEBOOKS: "01" and so on, or nothing for all of them.
    """
    from lnlkit.run import screen
    from lnlkit.run import site as pages

    built = pages.build(out, scale, notebooks or None, reuse=reuse, say=click.echo)
    click.echo(f"{len(built.pages)} pages. Open {screen.near(built.pages[0])} in a browser.")


@click.command()
@click.argument("notebooks", nargs=-1)
@click.option("--scale", default="lab", show_default=True, help="smoke or lab: what must fit.")
def check(notebooks, scale):
    """Say whether this machine can run the notebooks, and how long each takes here.

    NOTEBOOKS: such as 01 03, or nothing for all. Within a minute: versions, memory, data, kernel, each with its cure.
    """
    from lnlkit.run import preflight

    if not preflight.check(list(notebooks), scale, click.echo):
        raise SystemExit(1)


@click.command()
@click.argument("notebooks", nargs=-1)
@click.option("--out", help="Folder for them. Default: notebooks/student.")
@click.option("--check", is_flag=True, help="Write nothing: say what is out of date, and end with 1.")
def student(notebooks, out, check):
    """Write the student edition: the notebooks without their solutions.

    NOTEBOOKS: "01", names or paths; all without any.
    """
    from lnlkit.run import screen
    from lnlkit.run import student as edition

    if check:
        click.echo("\n".join(found := edition.differences(notebooks, out)), nl=bool(found))
        sys.exit(1 if found else 0)
    for path in edition.write(notebooks, out):
        click.echo(screen.near(path))


@click.command()
@click.argument("folder")
@click.option("--notebook", help="Of which notebook all of them are, such as 03. Default: each says so itself.")
@click.option("--cohort", type=int, default=0, show_default=True, help="Seed of the data that answers are tried on.")
@click.option("--out", help="Default: the folder's name with -marks, beside it.")
@click.option("--jobs", type=int, default=1, show_default=True, help="Notebooks side by side.")
@click.option("--timeout", type=float, default=600, show_default=True, help="Seconds that a notebook may take.")
def grade(folder, notebook, cohort, out, jobs, timeout):
    """Mark students' notebooks: who has which exercise right. It runs their code: see docs/marking.md.

    FOLDER: name.ipynb, or name/anything.ipynb, for each student.
    """
    from lnlkit.run import grading

    tell = functools.partial(progress, "")
    marked = grading.grade(folder, notebook=notebook, cohort=cohort, out=out, jobs=jobs, timeout=timeout, progress=tell)
    progress("", "")
    click.echo(marked.summary)
