"""Describe a command: a function with its options, or several functions as its actions.

@command(RUN, option("--split", "photos to evaluate", choices=SPLITS, default="validation"))
def evaluate(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome: ...

runs = command(default="list")
@runs.action("delete", "delete runs with all their files", RUNS, example="runs delete 3f2a 77c0")
"""

import argparse
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from core.cli.outcome import Outcome, ProgressLine
from core.errors import name_command
from core.workspace import Workspace

Run = Callable[[Workspace, Namespace, ProgressLine], Outcome]


class Option(NamedTuple):
    """An option, or a positional argument if the name has no dashes."""

    name: str
    settings: dict[str, Any]

    def add_to(self, parser: argparse._ActionsContainer) -> None:
        added = parser.add_argument(self.name, **self.settings)
        added.required = added.required and "default" not in self.settings


class Group(NamedTuple):
    """Options under a heading."""

    title: str
    what: str
    options: Sequence[Option]

    def add_to(self, parser: argparse._ActionsContainer) -> None:
        group = parser.add_argument_group(self.title, self.what)
        for one in self.options:
            one.add_to(group)


def option(name: str, what: str, type: Any = None, **settings: Any) -> Option:
    """Describe an option or argument; its help ends with the default, if there is one.

    Args:
        name: The name and, optionally, the word for its value: “--limit N”.
        type: Reads the value; left out, it is the type of a numeric default, else str.
    """
    name, *metavar = name.split()
    default = settings.get("default")
    if metavar or not name.startswith("-"):
        settings.setdefault("metavar", metavar[0] if metavar else name.upper())
    if type is None and isinstance(default, int | float):
        type = default.__class__
    if default not in (None, "", "-", (), []) and "(default" not in what:
        what += " (default: %(default)s)"
    return Option(name, {"help": what, "type": type, **settings})


def flag(name: str, what: str) -> Option:
    """Describe an option without a value."""
    return Option(name, {"action": "store_true", "help": what})


def natural(text: str) -> int:
    """Read a whole number that is not negative."""
    if (number := int(text)) < 0:
        raise argparse.ArgumentTypeError("must be at least 0")
    return number


class Command:
    """A function with options, or a name for actions, as in `runs stop RUN`.

    Args:
        options: Options of the command; an action has its own.
        default: The action that runs when none is named.
        what: A sentence about an action.
        example: An example of an action.
    """

    run: Run

    def __init__(
        self, *options: Option | Group, default: str = "", what: str = "", example: str = ""
    ) -> None:
        self._options, self._default = options, default
        self._what, self._example = what, example
        self.actions: dict[str, Command] = {}

    def __call__(self, run: Run) -> "Command":
        """Decorate the function of the command."""
        self.run = run
        return self

    def action(self, name: str, what: str, *options: Option, example: str = "") -> "Command":
        """Decorate the function of an action."""
        self.actions[name] = Command(*options, what=what, example=example)
        return self.actions[name]

    def add_to(self, parser: argparse.ArgumentParser, *, json: bool | str = False) -> None:
        """Add the options and actions to a parser; `json` is the default of --json."""
        for one in self._options:
            one.add_to(parser)
        if self.actions:
            parsers = parser.add_subparsers(dest="action", metavar="|".join(self.actions))
        for name, action in self.actions.items():
            subparser = add_parser(parsers, name, action._what, action._example)
            # No default: it would undo a --json before the action.
            action.add_to(subparser, json=argparse.SUPPRESS)
            if name == self._default:  # its options have their defaults also when it is not named
                parser.set_defaults(**vars(subparser.parse_args([])))
        parser.add_argument(
            "--json",
            action="store_true",
            default=json,
            help="print one JSON document on stdout",
        )

    def choose(self, given: Namespace) -> Run:
        """Return the function of the command, or of the action that was named."""
        return self.actions[given.action or self._default].run if self.actions else self.run


command = Command
"""The decorator that makes a command of a function; `command(…).action` adds an action."""


def add_parser(
    parsers: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    what: str,
    example: str,
) -> argparse.ArgumentParser:
    """Add the parser of a command or action, with a sentence and an example in its help."""
    return parsers.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=name_command(f"example: python -m core {example}") if example else None,
    )
