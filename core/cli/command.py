"""The list of commands, how each is described, and the place where errors become an exit code.

Only the module of the named command is imported, so that small commands start quickly. A command is
a function with its options, or several functions as its actions:

@command(RUN, option("--split", "photos to evaluate", choices=SPLITS, default="validation"))
def evaluate(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome: ...

runs = command(default="list")
@runs.action("delete", "delete runs with all their files", RUNS, example="runs delete 3f2a 77c0")
"""

import argparse
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from importlib import import_module
from keyword import iskeyword
from typing import Any, NamedTuple

from core.cli.outcome import Outcome, ProgressLine, describe_error, print_outcome
from core.errors import COMMAND, PetalscopeError, describe_os_error, name_command
from core.workspace import Workspace, open_workspace

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


class Known(NamedTuple):
    """A command whose module is not imported yet."""

    module: str
    what: str
    example: str


_TABLE = """
import     datasets     --source oxford102 ~/downloads/oxford --dry-run
    import a dataset from a folder, an archive, a table, a public dataset or the built-in sample
datasets   datasets     compare latest flowers
    list the datasets, newest first; compare, rename or delete versions
export     exporting    latest ~/flowers
    export a dataset as folders of photos, a model as a zip, or a run as a notebook
features   datasets     latest --weights pretrained
    compute the features of a dataset before training
train      training     latest --hidden 256,128 --epochs 20
    train a head, or open the run that has the same recipe
sweep      training     latest --trials 50 --vary learning_rate,hidden,dropout
    train many heads with different settings and find the settings that matter
evaluate   evaluating   latest --split validation --json
    show the accuracy of a run, overall and for each class
predict    predicting   champion --dir ~/garden --to ~/garden.csv
    classify photos or a whole folder with a registered version or a run
add-predictions adding  predictions.csv --dataset latest --name keras
    add predictions that were made elsewhere, as a run that all pages evaluate
add-model  adding_model keras_model.h5 --dataset latest
    add a model that was trained elsewhere, as a run with scores of all photos
serve      registry     --port 8000
    start the prediction API, which answers with the champion
report     exporting    latest --to ~/flowers.html
    write a report about a run as one HTML file, with its model card
register   registry     latest --name “with the new photos”
    register a finished run and its answer rule as a model version
promote    registry     v3 --reason “better on roses”
    make a version the champion, roll back to the one before, or list the versions
runs       runs         pause latest
    list the runs; stop, pause, resume, extend, tag or delete them
retrain    registry     now
    train a challenger from reviewed photos and compare it with the champion
weights    doctor       --download
    show which ResNet-50 weights are used, or download them
doctor     doctor       --json
    check the workspace, its index, the scheduler, models, weights and the device
repair     upkeep       --json
    rebuild the index of a damaged workspace from its copies and folders
backup     upkeep       workspace.tar
    write the whole workspace into one file
restore    upkeep       workspace.tar
    restore a backup into an empty workspace
scheduler  upkeep
    run the scheduler in the foreground, for a service manager
"""
"""Name of a command, its module and an example of its arguments; then its help."""


def _read_table() -> Iterator[tuple[str, Known]]:
    lines = _TABLE.strip().splitlines()
    for words, what in zip(lines[::2], lines[1::2], strict=True):
        name, module, *typed = words.split(maxsplit=2)
        yield name, Known(module, what.strip(), "".join(typed))


COMMANDS = dict(_read_table())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code; wrong usage raises SystemExit(2)."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # hides TensorFlow's messages
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except BrokenPipeError:  # the reader of the output, such as `head`, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def _run(argv: Sequence[str]) -> int:
    as_json = "--json" in argv
    with closing(ProgressLine(sys.stderr)) as progress:
        try:
            parser, command = build_parser(argv)  # may raise: options read settings
            given = parser.parse_args(argv)
            assert command is not None  # the parser exits without one
            as_json = given.json
            outcome = command.choose(given)(open_workspace(), given, progress)
        except PetalscopeError as error:
            outcome = describe_error(error)
        except OSError as error:
            if isinstance(error, BrokenPipeError) or not (known := describe_os_error(error)):
                raise
            outcome = describe_error(known)
    print_outcome(outcome, as_json=as_json)
    sys.stdout.flush()
    return outcome.exit_code


def build_parser(argv: Sequence[str]) -> tuple[argparse.ArgumentParser, Command | None]:
    """Build the parser and return it with the command that the arguments name."""
    parser = argparse.ArgumentParser(
        prog=COMMAND,
        description="Petalscope without a browser. Results on stdout, progress on stderr.",
        epilog=name_command("example: python -m core import sample && python -m core train latest"),
    )
    parsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    command = None
    named = next((word for word in argv if word in COMMANDS), None)
    for name, known in COMMANDS.items():
        subparser = add_parser(parsers, name, known.what, f"{name} {known.example}")
        if name == named:
            module = import_module(f"core.cli.{known.module}")
            name = f"{name}_" if iskeyword(name) else name.replace("-", "_")
            command = vars(module)[name]
            command.add_to(subparser)
    return parser, command
