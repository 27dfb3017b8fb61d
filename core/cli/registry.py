"""`register`, `promote`, `serve`, `retrain`: from a finished run to the version that answers."""

import dataclasses
from argparse import Namespace
from typing import Any

from core.cli.choosing import DATASET_HELP, RUN, WHO
from core.cli.command import command, flag, option
from core.cli.outcome import Outcome, ProgressLine, pick, tabulate
from core.config import read_settings
from core.errors import PromotionRefused
from core.evaluation.intervals import wilson_interval
from core.formats import count, interval, moment, percent, size
from core.monitoring.comparison import VersionComparison, find_comparison, promote_compared
from core.monitoring.retraining import (
    count_waiting,
    finish_retraining,
    read_state,
    start_retraining,
)
from core.prediction.deciding import describe_rule, say_answers
from core.registry import promoting
from core.registry.events import describe_event, list_events
from core.registry.evidence import count_tries, describe_evidence, explain_evidence, judge_evidence
from core.registry.registering import register_run
from core.registry.store import (
    ModelVersion,
    find_answers,
    find_version,
    list_versions,
    read_aliases,
)
from core.runs.choosing import choose_dataset, choose_run
from core.runs.following import RunFollower
from core.runs.queue.scheduled import wake_scheduler
from core.runs.queue.starting import ensure_scheduler
from core.workspace import Workspace

_UNPROTECTED = (
    "Warning: other machines can reach this API over plain HTTP, so the key and photos can be read "
    "in transit: put a proxy with TLS in front (docs/operation.md)."
)


@command(RUN, option("--name", "name of the version; default: the name of the run", default=""))
def register(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    """Register a finished run and its current answer rule as a model version."""
    known = {version.number for version in list_versions(workspace)}
    record = choose_run(workspace, given.run)
    version = register_run(workspace, record.id, name=given.name, who=WHO)
    new = version.number not in known
    first = f"{version.label} · {version.name} · {count(len(version.classes), 'class')}"
    right, n = version.judged
    ends = f", {interval(*wilson_interval(right, n), n)}" if n else ""
    parts = (
        first if new else f"{first} · already registered",
        f"run {version.run_id}, dataset {version.dataset_id}, digest {version.digest[:16]}",
        f"validation accuracy {_say_accuracy(version)}{ends}",
        describe_rule(version.rule),
        say_answers(find_answers(workspace, version)),
        f"{size(sum(version.facts['sizes'].values()))}; versions share identical files",
        f"To make it the champion: python -m core promote {version.label} --reason …",
    )
    return Outcome({"new": new, **_describe_version(version)}, parts)


def _say_accuracy(version: ModelVersion) -> str:
    right, n = version.judged
    return percent(right / n, n) if n else "–"


def _describe_version(version: ModelVersion) -> dict[str, Any]:
    """Return a version as JSON output shows it."""
    return {
        "version": version.number,
        "run": version.run_id,
        "dataset": version.dataset_id,
        **pick(version, "label", "digest", "name", "classes", "who", "created"),
        **{name: version.facts.get(name) for name in ("validation", "rule", "rule_is_default")},
    }


@command(
    option("version", "“v3”, “3”, “challenger” or the start of a digest", nargs="?"),
    option("--reason", "the reason, for the history", default=""),
    flag("--override", "promote without a significant gain on the test photos; needs a reason"),
    flag("--rollback", "go back to the previous champion"),
    flag("--list", "list versions, aliases and history"),
)
def promote(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    """Make a version the champion, go back to the previous one, or list the versions."""
    if given.rollback and (given.version is not None or given.list):
        raise PromotionRefused(
            "--rollback takes no version and no --list: it goes back to the previous champion.",
            "Use --rollback alone; or promote the version, with --reason.",
        )
    if given.list:
        return _list_versions(workspace)
    if given.rollback:
        champion = read_aliases(workspace).get("champion")
        version = promoting.roll_back(
            workspace, reason=given.reason or "rolled back by hand", who=WHO
        )
        document = {"rolled_back": True, "former": champion, **_describe_version(version)}
        return Outcome(document, (f"{version.label} is the champion again, not v{champion}.",))
    if given.version is None:
        raise PromotionRefused(
            "Which version?", "Name a version (--list shows them), or use --rollback or --list."
        )
    version = find_version(workspace, given.version)
    event, evidence = promote_compared(
        workspace, version.number, reason=given.reason, who=WHO, override=given.override
    )
    instead = f", instead of v{event.former}" if event.former else ""
    parts = (
        f"{version.label} is now the champion{instead}.",
        describe_rule(version.rule),
        describe_evidence(evidence) if evidence else "",
    )
    return Outcome({"former": event.former, "event": event, **_describe_version(version)}, parts)


def _list_versions(workspace: Workspace) -> Outcome:
    versions, aliases = list_versions(workspace), read_aliases(workspace)
    document = {"versions": [_describe_version(version) for version in versions]}
    if not versions:
        text = "No version yet. Register a run: python -m core register latest"
        return Outcome(document | {"aliases": {}, "events": []}, (text,))
    named, events = {number: alias for alias, number in aliases.items()}, list_events(workspace)
    table = tabulate(
        versions,
        "label",
        alias=lambda version: named.get(version.number, ""),
        name="name",
        run="run_id",
        dataset="dataset_id",
        validation_accuracy=_say_accuracy,
        n=lambda version: version.judged[1],
        created="created",
    )
    history = [f"{moment(event.time)}  {describe_event(event)}" for event in events]
    return Outcome(document | {"aliases": aliases, "events": events}, (table, *history))


@command(
    option(
        "--host", "address to bind to (default: PETALSCOPE_API_HOST); needs a key beyond loopback"
    ),
    option("--port", "port to bind to (default: PETALSCOPE_API_PORT)", int),
)
def serve(_workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Serve the prediction API until it is interrupted."""
    # OpenVINO and FastAPI: imported only when they are needed.
    from core.serving.admission import is_loopback
    from core.serving.api import run_server

    settings = read_settings()
    bind, port = given.host or settings.api_host, given.port or settings.api_port
    host = f"[{bind}]" if ":" in bind else bind
    address = f"http://{host}:{port}"

    def tell() -> None:
        progress.note(f"Serving the champion at {address}; Ctrl+C ends it")
        if not is_loopback(bind):
            progress.note(_UNPROTECTED)

    run_server(bind, port, tell)
    return Outcome({"address": address, "state": "ended"}, (f"The API at {address} has ended.",))


retrain = command(default="now")


@retrain.action(
    "now",
    "train a challenger and compare it with the champion (the default)",
    option("--dataset DATASET", f"train on this instead of the reviewed photos; {DATASET_HELP}"),
    flag("--no-wait", "queue the run and return; the scheduler does the rest"),
    example="retrain now",
)
def _retrain(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    dataset = choose_dataset(workspace, given.dataset) if given.dataset else None
    progress.note("Gathering the reviewed photos")
    run = start_retraining(workspace, who=WHO, dataset_id=dataset)
    ensure_scheduler(workspace)
    document: dict[str, Any] = {"run": run.id, "dataset": run.recipe.dataset}
    if given.no_wait:
        text = f"{run.name} · {run.id} is queued; see “python -m core retrain status”."
        return Outcome(document, (text,))
    follower = RunFollower(workspace.run_folder(run.id), progress, run.recipe.epochs)
    record = follower.follow(workspace, run)
    progress.note("Registering the run and comparing it on the test photos")
    version = finish_retraining(workspace, record.id)
    champion = read_aliases(workspace)["champion"]
    found = find_comparison(workspace, champion, version.number)
    comparison, words = _describe_comparison(found)
    document |= {"version": version.number, "champion": champion, "comparison": comparison}
    return Outcome(document, (f"{version.label} challenges v{champion}.", *words))


@retrain.action(
    "status",
    "show the retraining that is running, or the result of the last one",
    example="retrain status --json",
)
def _say_status(workspace: Workspace, _given: Namespace, _progress: ProgressLine) -> Outcome:
    wake_scheduler(workspace)
    state = read_state(workspace)
    aliases, waiting = read_aliases(workspace), count_waiting(workspace)
    champion, challenger = aliases.get("champion"), aliases.get("challenger")
    found = find_comparison(workspace, champion, challenger) if champion and challenger else None
    lines = [f"{count(waiting, 'reviewed photo')} not used yet."]
    if state.going is not None:
        run = f"run {state.going.run}" if state.going.run else "preparing its dataset"
        lines.append(f"Retraining since {moment(state.going.since)}: {run}.")
    elif state.last is not None:
        lines.append(f"Last retraining, {moment(state.last.time)}: {state.last.text}")
    if challenger is not None:
        lines.append(f"v{challenger} challenges v{champion}.")
    document = {"reviewed_photos": waiting, **pick(state, "going", "last")}
    comparison, words = _describe_comparison(found)
    document |= {"champion": champion, "challenger": challenger, "comparison": comparison}
    return Outcome(document, (*lines, *words))


@retrain.action(
    "keep",
    "keep the champion and dismiss the challenger",
    option("--reason", "the reason, for the history", required=True),
    example="retrain keep --reason “no real gain”",
)
def _keep(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    event = promoting.keep_champion(workspace, reason=given.reason, who=WHO)
    kept = f"v{event.facts['kept']} stays champion; v{event.former} is no longer its challenger."
    return Outcome(vars(event), (kept,))


def _describe_comparison(
    found: VersionComparison | None,
) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """Return a comparison as JSON output shows it, and in words."""
    if found is None:
        return None, ()
    evidence, (low, high) = found.evidence, found.evidence.interval
    document = dataclasses.asdict(evidence) | {"low": low, "high": high}
    document |= {"is_significant_gain": evidence.is_significant_gain, "left_out": found.left_out}
    verdict = f"{judge_evidence(evidence)}. {explain_evidence(evidence)}"
    return document, (describe_evidence(evidence), verdict, count_tries(evidence), found.left_out)
