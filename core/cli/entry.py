"""The commands, their parser, and the edge where errors become a message and an exit code.

Only the module of the command that was asked for is imported, so that the small ones are quick.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from keyword import iskeyword
from typing import NamedTuple

from core.cli.command import Command, add_parser
from core.cli.outcome import ProgressLine, describe_error, print_outcome
from core.errors import COMMAND, PetalscopeError, describe_os_error, name_command
from core.workspace import open_workspace

INTERRUPTED = 130


class Known(NamedTuple):
    """A command by name, before its module is imported."""

    module: str
    what: str
    example: str
    """What is typed after the name."""


_TABLE = """
import     datasets     --source oxford102 ~/downloads/oxford --dry-run
    make a dataset from a folder, an archive, a table, a public set or the embedded sample
datasets   datasets     compare latest flowers
    list the datasets, newest first; compare, rename or delete versions
export     exporting    latest ~/flowers
    write the photos of a dataset as folders of classes, or a model as a zip
features   weights      latest --weights pretrained
    compute the features of a dataset ahead of training
train      training     latest --hidden 256,128 --epochs 20
    train a head, or open the run of the same recipe
sweep      training     latest --trials 50 --vary learning_rate,hidden,dropout
    train many heads with other settings, and see which of them matter
evaluate   evaluating   latest --split validation --json
    show how good a run is, class by class
predict    predicting   champion --dir ~/garden --to ~/garden.csv
    classify photos, or a whole folder, with a registered version or a run
serve      registry     --port 8000
    serve the champion to programs: the prediction API
report     exporting    latest --to ~/flowers.html
    write all that is known of a run into one HTML file, and its model card beside it
register   registry     latest --name “with the new photos”
    make a model version of a finished run, with the rule by which it answers
promote    registry     v3 --reason “better on roses”
    let a model version answer, go back to the one before, or list them
runs       runs         pause latest
    list the runs; stop, pause, resume, extend, duplicate, tag or delete them
retrain    retraining   now
    train a challenger from reviewed photos and compare it
weights    weights      --download
    show which ResNet-50 weights are used, or download them
doctor     doctor       --json
    look whether workspace, index, scheduler, locks, models, weights and device are well
repair     upkeep       --json
    read the index of a damaged or emptied workspace back from its copies and folders
backup     upkeep       workspace.tar
    write all that is in the workspace into one file
restore    upkeep       workspace.tar
    read a backup back into an empty workspace
scheduler  upkeep
    give waiting runs to workers until it is ended: for who supervises it
"""
"""Of each command its name, its module and what is typed after the name; then what it does."""


def _read_table() -> Iterator[tuple[str, Known]]:
    lines = _TABLE.strip().splitlines()
    for words, what in zip(lines[::2], lines[1::2], strict=True):
        name, module, *typed = words.split(maxsplit=2)
        yield name, Known(module, what.strip(), "".join(typed))


COMMANDS = dict(_read_table())
"""Name → where the function is that has it (`import_` for “import”), and its help."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code; wrong usage raises SystemExit(2)."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's greetings are no progress
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except BrokenPipeError:  # the reader of our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


def _run(argv: Sequence[str]) -> int:
    as_json = "--json" in argv
    with ProgressLine(sys.stderr) as progress:
        try:
            parser, command = build_parser(argv)  # reads settings, for the defaults of options
            given = parser.parse_args(argv)
            assert command is not None  # the parser has ended without one
            as_json = given.json
            outcome = command.run(open_workspace(), given, progress)
        except PetalscopeError as error:
            outcome = describe_error(error)
        except OSError as error:
            if isinstance(error, BrokenPipeError) or (told := describe_os_error(error)) is None:
                raise
            outcome = describe_error(told)
    print_outcome(outcome, as_json=as_json)
    sys.stdout.flush()
    return outcome.exit_code


def build_parser(argv: Sequence[str]) -> tuple[argparse.ArgumentParser, Command | None]:
    """Build the parser for what was typed, and return the command that is named in it."""
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
            command = vars(module)[f"{name}_" if iskeyword(name) else name]
            command.add_to(subparser)
    return parser, command
