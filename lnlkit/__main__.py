"""`python -m lnlkit` is the command `lnlkit`."""

import os
import sys

safe = getattr(sys.flags, "safe_path", False)  # then Python itself has left out the folder typed in
if not safe and sys.path[0] != os.path.dirname(os.path.dirname(os.path.abspath(__file__))):
    del sys.path[0]  # a random.py of the user's is not Python's: the command `lnlkit` does not look there either

from lnlkit.cli import main  # noqa: E402

main()
