"""What a command shows on its way."""

import sys

import click


def progress(before: str, line: str) -> None:
    """Shows where a run is, on one line of a terminal; a log file gets none of it."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{before}{line}", nl=False, err=True)
