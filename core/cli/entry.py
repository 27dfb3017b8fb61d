"""The parser of all commands, and the edge where errors become a message and an exit code.

A command is a module with `add_arguments(parser)` and `run(workspace, arguments, progress)`. Only
the module of the command that was asked for is imported, so that the small commands are quick.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from core.cli.outcome import Outcome, describe_error, print_outcome
from core.cli.progress import ProgressLine
from core.errors import PetalscopeError
from core.installed import COMMAND, name_command
from core.workspace import open_workspace

INTERRUPTED = 130


class Command(NamedTuple):
    module: str
    summary: str
    example: str


COMMANDS = {
    "import": Command(
        "core.cli.importing",
        "make a dataset from a folder, an archive, a table, a public set or the embedded sample",
        "python -m core import --source oxford102 ~/downloads/oxford --dry-run",
    ),
    "datasets": Command(
        "core.cli.datasets",
        "list the datasets, newest first; compare, rename or delete versions",
        "python -m core datasets compare latest flowers",
    ),
    "quality": Command(
        "core.cli.quality",
        "find duplicates, leaks, poor photos, outliers and label suspects",
        "python -m core quality latest --json",
    ),
    "edits": Command(
        "core.cli.edits",
        "relabel, exclude and move photos, then make a new version of the dataset",
        "python -m core edits latest relabel --to rose daisy/0042.jpg",
    ),
    "export": Command(
        "core.cli.exporting",
        "write the photos of a dataset as folders of classes, or a model as a zip",
        "python -m core export latest ~/flowers",
    ),
    "features": Command(
        "core.cli.features",
        "compute the features of a dataset ahead of training",
        "python -m core features latest --weights pretrained",
    ),
    "train": Command(
        "core.cli.training",
        "train a head, or open the run of the same recipe",
        "python -m core train latest --hidden 256,128 --epochs 20",
    ),
    "sweep": Command(
        "core.cli.sweeping",
        "train many heads with other settings, and see which of them matter",
        "python -m core sweep latest --trials 50 --vary learning_rate,hidden,dropout",
    ),
    "evaluate": Command(
        "core.cli.evaluating",
        "show how good a run is, class by class",
        "python -m core evaluate latest --split validation --json",
    ),
    "compare": Command(
        "core.cli.comparing",
        "say in what runs differ, what each gained and lost, and whether that is real",
        "python -m core compare 1f3a latest",
    ),
    "calibrate": Command(
        "core.cli.calibrating",
        "when a run should answer, and when it should say that it does not know",
        "python -m core calibrate latest --right 0.95 --keep",
    ),
    "explain": Command(
        "core.cli.explaining",
        "draw what a run looked at in many photos (Grad-CAM), into a folder",
        "python -m core explain latest --wrong --limit 100 --to ~/looked-at",
    ),
    "predict": Command(
        "core.cli.predicting",
        "classify photos, or a whole folder, with a registered version or a run",
        "python -m core predict champion --dir ~/garden --to ~/garden.csv",
    ),
    "serve": Command(
        "core.cli.serving",
        "serve the champion to programs: the prediction API",
        "python -m core serve --port 8000",
    ),
    "report": Command(
        "core.cli.reporting",
        "write all that is known of a run into one HTML file, and its model card beside it",
        "python -m core report latest --to ~/flowers.html",
    ),
    "register": Command(
        "core.cli.registering",
        "make a model version of a finished run, with the rule by which it answers",
        "python -m core register latest --name “with the new photos”",
    ),
    "promote": Command(
        "core.cli.promoting",
        "let a model version answer, go back to the one before, or list them",
        "python -m core promote v3 --reason “better on roses”",
    ),
    "runs": Command(
        "core.cli.runs",
        "list the runs; stop, pause, resume, extend, duplicate, tag or delete them",
        "python -m core runs pause latest",
    ),
    "retrain": Command(
        "core.cli.retraining",
        "train a challenger from reviewed photos, now or by itself, and compare it",
        "python -m core retrain arrange --after 40 --every 7 --at 03:00",
    ),
    "monitor": Command(
        "core.cli.monitoring",
        "how the model does in use, whether the photos have changed, and which alarms stand",
        "python -m core monitor --check",
    ),
    "weights": Command(
        "core.cli.weights",
        "show which ResNet-50 weights are used, or download them",
        "python -m core weights --download",
    ),
    "docs": Command(
        "core.cli.docs",
        "write the tables of docs/ that follow from the code, or check them",
        "python -m core docs --check",
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code; wrong usage raises SystemExit(2)."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's greetings are no progress
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except BrokenPipeError:  # whoever read our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


def _run(argv: Sequence[str]) -> int:
    parser, modules = build_parser(argv)
    arguments = parser.parse_args(argv)
    with ProgressLine(sys.stderr) as progress:
        try:
            command = modules[arguments.command]
            outcome: Outcome = command.run(open_workspace(), arguments, progress)
        except PetalscopeError as error:
            outcome = describe_error(error)
    print_outcome(outcome, as_json=arguments.json)
    sys.stdout.flush()
    return outcome.exit_code


def build_parser(argv: Sequence[str]) -> tuple[argparse.ArgumentParser, dict[str, ModuleType]]:
    parser = argparse.ArgumentParser(
        prog=COMMAND,
        description="Petalscope without a browser. Results on stdout, progress on stderr.",
        epilog=name_command("example: python -m core import sample && python -m core train latest"),
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    modules: dict[str, ModuleType] = {}
    for name, command in COMMANDS.items():
        subparser = subparsers.add_parser(
            name,
            help=command.summary,
            description=f"{command.summary[0].upper()}{command.summary[1:]}.",
            epilog=name_command(f"example: {command.example}"),
        )
        if name in argv:
            modules[name] = import_module(command.module)
            modules[name].add_arguments(subparser)
            add_json_option(subparser)
    return parser, modules


def add_json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")
