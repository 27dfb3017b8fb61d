"""Commands with actions of their own, as `runs stop RUN`: one parser each, all made alike."""

import argparse
from collections.abc import Iterator, Mapping

from core.installed import COMMAND


def add_actions(
    parser: argparse.ArgumentParser, command: str, actions: Mapping[str, tuple[str, str]]
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yields each action and its parser, to which the caller adds what the action takes.

    Args:
        parser: Of the command.
        command: Its name.
        actions: Name of the action → what it does, and an example without the command.
    """
    parsers = parser.add_subparsers(dest="action", metavar="|".join(actions))
    for name, (what, example) in actions.items():
        action = parsers.add_parser(
            name,
            help=what,
            description=f"{what[0].upper()}{what[1:]}.",
            epilog=f"example: {COMMAND} {command} {example}",
        )
        action.add_argument(
            "--json",
            action="store_true",
            default=argparse.SUPPRESS,  # else it would undo a --json before the action
            help="print one JSON document on stdout",
        )
        yield name, action
