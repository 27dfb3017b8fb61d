"""`promote`: let a version answer, go back to the one before, or see which versions there are."""

import argparse
from dataclasses import asdict
from typing import Any

from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.cli.registering import describe_version
from core.cli.tables import format_table
from core.errors import PromotionRefused
from core.formats import moment, percent
from core.registry.events import ModelEvent, describe_event, list_events
from core.registry.evidence import Evidence, describe_evidence
from core.registry.promoting import promote, roll_back
from core.registry.store import ModelVersion, find_version, list_versions, read_aliases
from core.workspace import Workspace

_WHO = "command line"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "version",
        nargs="?",
        metavar="VERSION",
        help="“v3”, “3”, “challenger” or the start of a digest",
    )
    parser.add_argument("--reason", default="", help="why; it stands in the history")
    parser.add_argument(
        "--override",
        action="store_true",
        help="without a comparison on the test photos, or against it; the reason says why",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--rollback", action="store_true", help="go back to the champion before this one"
    )
    instead.add_argument("--list", action="store_true", help="list versions, aliases and history")


def run(workspace: Workspace, arguments: argparse.Namespace, _progress: ProgressLine) -> Outcome:
    if arguments.list:
        return _list(workspace)
    if arguments.rollback:
        if arguments.version is not None:
            raise PromotionRefused(
                "--rollback takes no version: it goes to the champion before this one.",
                f"Leave “{arguments.version[:80]}” out; or promote it, with --reason.",
            )
        former = read_aliases(workspace).get("champion")
        reason = arguments.reason or "rolled back by hand"
        version = roll_back(workspace, reason=reason, who=_WHO)
        return Outcome(
            text=f"{version.label} answers again, instead of v{former}.",
            document={"rolled_back": True, "former": former, **describe_version(version)},
        )
    if arguments.version is None:
        raise PromotionRefused(
            "Which version?", "Name one (--list shows them), or say --rollback or --list."
        )
    version = find_version(workspace, arguments.version)
    return _promote(workspace, version, arguments.reason, override=arguments.override)


def _promote(
    workspace: Workspace, version: ModelVersion, reason: str, *, override: bool
) -> Outcome:
    champion = read_aliases(workspace).get("champion")
    evidence = None
    if champion not in (None, version.number) and not override and reason.strip():
        evidence = _meet(workspace, champion, version.number)
    event = promote(
        workspace,
        version.number,
        reason=reason,
        who=_WHO,
        evidence=evidence,
        override=override,
        instead_of=champion,
    )
    instead = f", instead of v{champion}" if champion else ""
    lines = [f"{version.label} answers from now on{instead}."]
    lines += [describe_evidence(evidence)] if evidence else []
    document = {"former": champion, "event": _describe_event(event), **describe_version(version)}
    return Outcome(text="\n".join(lines), document=document)


def _meet(workspace: Workspace, champion: int | None, challenger: int) -> Evidence:
    # Heavy, and not wanted by the other ways.
    from core.monitoring.comparison import compare_versions, find_comparison

    assert champion is not None
    met = find_comparison(workspace, champion, challenger)  # a look at test photos is not repeated
    return (
        met.evidence if met is not None else compare_versions(workspace, champion, challenger, _WHO)
    )


def _list(workspace: Workspace) -> Outcome:
    versions = list_versions(workspace)
    aliases = read_aliases(workspace)
    named = {number: alias for alias, number in aliases.items()}
    events = list_events(workspace)
    if not versions:
        return Outcome(
            text="No version yet. Register a run: python -m core register latest",
            document={"versions": [], "aliases": {}, "events": []},
        )
    headings = ("version", "alias", "name", "run", "dataset", "validation accuracy", "n", "created")
    rows = [_row(version, named.get(version.number, "")) for version in versions]
    history = [f"{moment(event.time)}  {describe_event(event)}" for event in events]
    return Outcome(
        text="\n".join([format_table(headings, rows), "", *history]),
        document={
            "versions": [describe_version(version) for version in versions],
            "aliases": aliases,
            "events": [_describe_event(event) for event in events],
        },
    )


def _row(version: ModelVersion, alias: str) -> list[str]:
    judged = version.facts.get("validation", {})
    n = judged.get("n", 0)
    accuracy = percent(judged["right"] / n, n) if n else "–"
    where = (version.run_id, version.dataset_id)
    return [version.label, alias, version.name, *where, accuracy, f"{n:,}", moment(version.created)]


def _describe_event(event: ModelEvent) -> dict[str, Any]:
    return {**asdict(event), "facts": dict(event.facts)}
