"""`python -m tests.bench WHAT …`: our figures beside bare OpenVINO and plain Keras, measured here.

A measurement is a module with `measure(workspace, …) -> Report`; its parameters are the options.
"""

import argparse
import inspect
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib import import_module
from types import ModuleType
from typing import get_args

from core.cli.outcome import format_table, to_plain
from core.errors import PetalscopeError
from core.workspace import open_workspace
from tests.bench.measuring import Figure, Report, describe_machine

MEASUREMENTS = {
    "extract": "features from packed photos: photos per second and memory",
    "train": "a head and the last stage, beside the recipe of tutorials: seconds and accuracy",
    "gpu": "extraction and the four strategies on a GPU, each backend, beside plain PyTorch",
    "predict": "one photo, from its bytes to the answer",
    "copies": "pieces of photos in another class and split: found, and falsely found",
    "page": "each page, until it can be used",
    "peers": "seconds that people wait for, beside peers in the same run; --only wall,pages",
    "scale": "jobs and pages with 10,000, 100,000 and a million made-up photos; --most 100000",
    "serve": "the prediction API with 50 clients, beside the bare model",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure one thing, print its report and return the exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    argv = sys.argv[1:] if argv is None else argv
    overview = argparse.ArgumentParser(
        prog="python -m tests.bench",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"  {name:10}{text}" for name, text in MEASUREMENTS.items()),
    )
    overview.add_argument("what", choices=MEASUREMENTS, metavar="WHAT")
    overview.add_argument("options", nargs=argparse.REMAINDER, metavar="…")
    given = overview.parse_args(argv)
    chosen = import_module(f"tests.bench.{given.what}")
    options = vars(_build_parser(given.what, chosen).parse_args(given.options))
    as_json, subjects = options.pop("json"), options.pop("subjects", None) or []
    subjects = [subjects] if isinstance(subjects, str) else subjects
    machine = describe_machine()  # how busy it is before
    try:
        report: Report = chosen.measure(open_workspace(), *subjects, **options)
    except PetalscopeError as error:
        print(f"{error.problem}\n{error.remedy}", file=sys.stderr)
        return 1
    report = replace(report, circumstances={**machine, **report.circumstances})
    print(json.dumps(to_plain(asdict(report)), indent=2) if as_json else _describe(report))
    return 0


def _build_parser(name: str, measurement: ModuleType) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m tests.bench {name}", description=f"Measure {MEASUREMENTS[name]}."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    _, *parameters = inspect.signature(measurement.measure).parameters.values()
    for one in parameters:
        if one.kind is not inspect.Parameter.KEYWORD_ONLY:
            nargs = "*" if one.kind is inspect.Parameter.VAR_POSITIONAL else "?"
            parser.add_argument("subjects", nargs=nargs, metavar=one.name.upper())
        else:
            option, said = f"--{one.name.replace('_', '-')}", "(default: %(default)s)"
            choices = get_args(one.annotation) or None
            kind = str if choices else one.annotation
            parser.add_argument(option, type=kind, choices=choices, default=one.default, help=said)
    return parser


def _describe(report: Report) -> str:
    rows = [
        [figure.name, _round(figure.value), figure.unit, _speed(figure), figure.note]
        for figure in report.figures
    ]
    any_reference = any(figure.our_speed is not None for figure in report.figures)
    facts = [f"{name}: {value}" for name, value in report.circumstances.items()]
    table = format_table(("", "measured", "", "ours is" if any_reference else "", ""), rows)
    return "\n\n".join([report.title, table, "\n".join(facts)])


def _round(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _speed(figure: Figure) -> str:
    return "" if figure.our_speed is None else f"{_round(figure.our_speed)} × as fast"


if __name__ == "__main__":
    sys.exit(main())
