"""`register`: a finished run becomes a model version, with the rule by which it answers now."""

import argparse
from typing import Any

from core.cli.choosing import RUN_HELP, choose_run
from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.evaluation.intervals import wilson_interval
from core.formats import count, interval, percent, size
from core.registry.registering import register_run
from core.registry.store import ModelVersion, list_versions
from core.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--name", default="", help="what to call the version; default: as the run")


def run(workspace: Workspace, arguments: argparse.Namespace, _progress: ProgressLine) -> Outcome:
    known = {version.number for version in list_versions(workspace)}
    record = choose_run(workspace, arguments.run)
    version = register_run(workspace, record.id, name=arguments.name, who="command line")
    new = version.number not in known
    first = f"{version.label} · {version.name} · {count(len(version.classes), 'class')}"
    lines = [
        first if new else f"{first} · it was registered before",
        f"run {version.run_id}, dataset {version.dataset_id}, digest {version.digest[:16]}",
        say_accuracy(version),
        "answers by its rule" if version.facts["rule"] else "answers every photo: it has no rule",
        f"{size(sum(version.facts['sizes'].values()))}; equal files are shared between versions",
        f"To let it answer: python -m core promote {version.label} --reason …",
    ]
    return Outcome(text="\n".join(lines), document={"new": new, **describe_version(version)})


def say_accuracy(version: ModelVersion) -> str:
    """Returns the accuracy on the validation photos of its run, in words."""
    judged = version.facts.get("validation", {"n": 0})
    if not judged["n"]:
        return "no validation photos"
    low, high = wilson_interval(judged["right"], judged["n"])
    share = judged["right"] / judged["n"]
    return (
        f"validation accuracy {percent(share, judged['n'])}, {interval(low, high, judged['n'])} "
        "(these photos chose its epoch)"
    )


def describe_version(version: ModelVersion) -> dict[str, Any]:
    """Returns a version as JSON output shows it."""
    return {
        "version": version.number,
        "label": version.label,
        "digest": version.digest,
        "name": version.name,
        "run": version.run_id,
        "dataset": version.dataset_id,
        "classes": list(version.classes),
        "validation": version.facts.get("validation"),
        "rule": version.facts.get("rule"),
        "who": version.who,
        "created": version.created,
    }
