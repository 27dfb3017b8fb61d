"""What a command is: a function with the options it takes, or several functions as its actions.

@command(RUN, option("--split", "photos to judge by", choices=SPLITS, default="validation"))
def evaluate(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome: ...

runs = command(default="list")
@runs.action("delete", "delete runs with all they made", RUNS, example="runs delete 3f2a 77c0")
"""

import argparse
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from core.cli.outcome import Outcome, ProgressLine
from core.config import read_settings
from core.errors import name_command
from core.workspace import Workspace

Run = Callable[[Workspace, Namespace, ProgressLine], Outcome]

_JSON = "print one JSON document on stdout"


class Option(NamedTuple):
    """An option or, where the name has no dashes, a positional argument.

    Beside what argparse knows: `setting` is what the default is read from, and an `optional`
    argument may be left out although it asks for one value at least.
    """

    name: str
    settings: dict[str, Any]

    def add_to(self, parser: argparse._ActionsContainer) -> None:
        settings = dict(self.settings)
        optional, setting = settings.pop("optional", False), settings.pop("setting", "")
        if setting:
            settings["default"] = getattr(read_settings(), setting)
        added = parser.add_argument(self.name, **settings)
        if optional:
            added.required = False


class Group(NamedTuple):
    """Options under a heading of their own, or without one: of which only one may be given."""

    title: str
    what: str
    options: Sequence[Option]

    def add_to(self, parser: argparse._ActionsContainer) -> None:
        group: argparse._ActionsContainer = (
            parser.add_argument_group(self.title, self.what)
            if self.title
            else parser.add_mutually_exclusive_group()
        )
        for one in self.options:
            one.add_to(group)


def option(name: str, what: str, type: Any = None, **settings: Any) -> Option:
    """Describe an option or argument; its help ends with the default, if that says something.

    Args:
        name: As it is typed, with what stands for its value where that is said: “--limit N”.
        type: Reads the value; left out, it is that of a default that is a number, else str.
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


def flag(name: str, what: str, **settings: Any) -> Option:
    """Describe an option that is given or not."""
    return Option(name, {"action": "store_true", "help": what, **settings})


def number(kind: type[int] | type[float], low: float, high: float | None = None) -> Any:
    """Return what reads a number in a range from the command line."""

    def read(text: str) -> int | float:
        value = kind(text)
        if not (low <= value and (high is None or value <= high)):
            most = "at least {low}" if high is None else "between {low} and {high}"
            raise argparse.ArgumentTypeError("must be " + most.format(low=low, high=high))
        return value

    read.__name__ = kind.__name__  # argparse names it: “invalid int value”
    return read


class _Action(NamedTuple):
    what: str
    options: Sequence[Option]
    example: str
    run: Run


class Command:
    """A function that is run with options, or a name for actions, as `runs stop RUN`.

    Args:
        options: What it takes; what an action takes is said with the action.
        default: The action that is run when none is named.
        after: Called with the workspace after each action.
    """

    def __init__(
        self,
        *options: Option | Group,
        default: str = "",
        after: Callable[[Workspace], object] = lambda _: None,
    ) -> None:
        self._options, self._default, self._after = options, default, after
        self._run: Run | None = None
        self.actions: dict[str, _Action] = {}

    def __call__(self, run: Run) -> "Command":
        """Take the function that the options are for: as its decorator."""
        self._run = run
        return self

    def action(
        self, name: str, what: str, *options: Option, example: str = ""
    ) -> Callable[[Run], Run]:
        """Take a function as an action of the command: as its decorator."""

        def take(run: Run) -> Run:
            self.actions[name] = _Action(what, options, example, run)
            return run

        return take

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add the options and actions to the parser of the command."""
        for one in self._options:
            one.add_to(parser)
        if self.actions:
            self._add_actions(parser)
        parser.add_argument("--json", action="store_true", help=_JSON)

    def _add_actions(self, parser: argparse.ArgumentParser) -> None:
        required = not self._default
        metavar = "ACTION" if required else "|".join(self.actions)
        parsers = parser.add_subparsers(dest="action", required=required, metavar=metavar)
        for name, (what, options, example, _) in self.actions.items():
            action = add_parser(parsers, name, what, example)
            for one in options:
                one.add_to(action)
            if name == self._default:  # what it takes is asked for when it is not named, too
                parser.set_defaults(**vars(action.parse_args([])))
            # No default: it would undo a --json before the action.
            action.add_argument(
                "--json", action="store_true", default=argparse.SUPPRESS, help=_JSON
            )

    def run(self, workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
        """Run the command, or the action that was named."""
        run = self._run or self.actions[given.action or self._default].run
        outcome = run(workspace, given, progress)
        self._after(workspace)
        return outcome


command = Command
"""The decorator that makes a command of a function; `command(…).action` adds one more."""


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
