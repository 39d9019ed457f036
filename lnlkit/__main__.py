"""`python -m lnlkit` is the command `lnlkit`."""

from lnlkit.cli import main

main()
