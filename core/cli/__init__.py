"""The command line: one module for several commands, with the same functions as the pages.

Imported by `core.__main__` alone. Results go to stdout, progress to stderr. Exit codes: 0 done,
1 an error with its remedy, 2 wrong usage, 130 interrupted with Ctrl-C.
"""

from core.cli.command import main

__all__ = ["main"]
