"""The command line: one module a command, the same code as the pages behind it.

Progress goes to stderr and the result to stdout, as plain text or with --json as one JSON document.
Exit codes: 0 done, 1 a problem with its remedy, 2 wrong usage, 130 interrupted with Ctrl-C.
"""

from core.cli.entry import main

__all__ = ["main"]
