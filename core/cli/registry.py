"""`register`, `promote`, `serve`: a run becomes a version, which answers."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from core.cli.choosing import RUN, WHO, choose_run
from core.cli.command import Group, command, flag, option
from core.cli.outcome import Outcome, ProgressLine, format_table, pick
from core.errors import PromotionRefused
from core.evaluation.intervals import wilson_interval
from core.formats import count, interval, moment, percent, size
from core.prediction.deciding import describe_rule
from core.registry import promoting
from core.registry.events import describe_event, list_events
from core.registry.evidence import Evidence, describe_evidence
from core.registry.registering import register_run
from core.registry.store import ModelVersion, find_version, list_versions, read_aliases
from core.workspace import Workspace

_UNPROTECTED = (
    "Warning: this is plain HTTP, and others can reach it. Whoever is on the way reads the key and "
    "the photos: name --tls-certificate and --tls-key, or put a proxy with TLS in front of it."
)


@command(RUN, option("--name", "what to call the version; default: as the run", default=""))
def register(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    """Make a model version of a finished run, with the rule by which it answers now."""
    known = {version.number for version in list_versions(workspace)}
    record = choose_run(workspace, given.run)
    version = register_run(workspace, record.id, name=given.name, who=WHO)
    new = version.number not in known
    first = f"{version.label} · {version.name} · {count(len(version.classes), 'class')}"
    lines = [
        first if new else f"{first} · it was registered before",
        f"run {version.run_id}, dataset {version.dataset_id}, digest {version.digest[:16]}",
        _say_accuracy(version),
        describe_rule(version.rule),
        f"{size(sum(version.facts['sizes'].values()))}; equal files are shared between versions",
        f"To let it answer: python -m core promote {version.label} --reason …",
    ]
    return Outcome("\n".join(lines), {"new": new, **_describe_version(version)})


def _say_accuracy(version: ModelVersion) -> str:
    """Say the accuracy on the validation photos of its run."""
    right, n = _read_judged(version)
    if not n:
        return "no validation photos"
    ends = interval(*wilson_interval(right, n), n)
    return f"validation accuracy {percent(right / n, n)}, {ends} (these photos chose its epoch)"


def _read_judged(version: ModelVersion) -> tuple[int, int]:
    """Return how many validation photos of its run it got right, and of how many."""
    judged = version.facts.get("validation", {})
    return judged.get("right", 0), judged.get("n", 0)


def _describe_version(version: ModelVersion) -> dict[str, Any]:
    """Describe a version as JSON output shows it."""
    return {
        "version": version.number,
        "run": version.run_id,
        "dataset": version.dataset_id,
        **pick(version, "label", "digest", "name", "classes", "who", "created"),
        **{name: version.facts.get(name) for name in ("validation", "rule", "rule_is_default")},
    }


@command(
    option("version", "“v3”, “3”, “challenger” or the start of a digest", nargs="?"),
    option("--reason", "why; it is kept in the history", default=""),
    flag(
        "--override", "without a comparison on the test photos, or against it; the reason says why"
    ),
    Group(
        "",
        "",
        (
            flag("--rollback", "go back to the champion before this one"),
            flag("--list", "list versions, aliases and history"),
        ),
    ),
)
def promote(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    """Let a version answer, go back to the one before, or list which there are."""
    if given.list:
        return _list_versions(workspace)
    if given.rollback:
        if given.version is not None:
            raise PromotionRefused(
                "--rollback takes no version: it goes to the champion before this one.",
                f"Leave “{given.version[:80]}” out; or promote it, with --reason.",
            )
        former = read_aliases(workspace).get("champion")
        reason = given.reason or "rolled back by hand"
        version = promoting.roll_back(workspace, reason=reason, who=WHO)
        return Outcome(
            f"{version.label} answers again, instead of v{former}.",
            {"rolled_back": True, "former": former, **_describe_version(version)},
        )
    if given.version is None:
        raise PromotionRefused(
            "Which version?", "Name one (--list shows them), or say --rollback or --list."
        )
    version = find_version(workspace, given.version)
    return _promote(workspace, version, given.reason, override=given.override)


def _promote(
    workspace: Workspace, version: ModelVersion, reason: str, *, override: bool
) -> Outcome:
    champion = read_aliases(workspace).get("champion")
    evidence = None
    if champion and champion != version.number and not override and reason.strip():
        evidence = _meet(workspace, champion, version.number)
    event = promoting.promote(
        workspace,
        version.number,
        reason=reason,
        who=WHO,
        evidence=evidence,
        override=override,
        instead_of=champion,
    )
    instead = f", instead of v{champion}" if champion else ""
    lines = [f"{version.label} answers from now on{instead}.", describe_rule(version.rule)]
    lines += [describe_evidence(evidence)] if evidence else []
    document = {"former": champion, "event": event, **_describe_version(version)}
    return Outcome("\n".join(lines), document)


def _meet(workspace: Workspace, champion: int, challenger: int) -> Evidence:
    # Heavy, and not wanted by the other ways.
    from core.monitoring.comparison import compare_versions, find_comparison

    if met := find_comparison(workspace, champion, challenger):  # one look at test photos is enough
        return met.evidence
    return compare_versions(workspace, champion, challenger, WHO)


def _list_versions(workspace: Workspace) -> Outcome:
    versions, aliases = list_versions(workspace), read_aliases(workspace)
    if not versions:
        text = "No version yet. Register a run: python -m core register latest"
        return Outcome(text, {"versions": [], "aliases": {}, "events": []})
    named, events = {number: alias for alias, number in aliases.items()}, list_events(workspace)
    headings = ("version", "alias", "name", "run", "dataset", "validation accuracy", "n", "created")
    rows = [_row(version, named.get(version.number, "")) for version in versions]
    history = [f"{moment(event.time)}  {describe_event(event)}" for event in events]
    return Outcome(
        "\n".join([format_table(headings, rows), "", *history]),
        {
            "versions": [_describe_version(version) for version in versions],
            "aliases": aliases,
            "events": events,
        },
    )


def _row(version: ModelVersion, alias: str) -> list[object]:
    right, n = _read_judged(version)
    accuracy = percent(right / n, n) if n else "–"
    where = (version.run_id, version.dataset_id)
    return [version.label, alias, version.name, *where, accuracy, n, moment(version.created)]


@command(
    option(
        "--host",
        "address to bind to; anything but loopback needs PETALSCOPE_API_KEY (default: %(default)s)",
        setting="api_host",
    ),
    option("--port", "of the address (default: %(default)s)", int, setting="api_port"),
    option(
        "--tls-certificate FILE",
        "speak HTTPS with this certificate (PEM; those between it and the root behind it)",
        Path,
        setting="api_tls_certificate",
    ),
    option(
        "--tls-key FILE",
        "private key of the certificate (PEM, without a password)",
        Path,
        setting="api_tls_key",
    ),
)
def serve(_workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Serve the prediction API until it is interrupted."""
    # OpenVINO and FastAPI come along: imported when it is really served.
    from core.serving.admission import is_loopback
    from core.serving.running import Tls, run_server

    tls = Tls(certificate=given.tls_certificate, key=given.tls_key)
    host = f"[{given.host}]" if ":" in given.host else given.host
    address = f"http{'s' if tls.certificate else ''}://{host}:{given.port}"

    def tell() -> None:
        progress.note(f"Serving the champion at {address}; Ctrl+C ends it")
        if tls.certificate is None and not is_loopback(given.host):
            progress.note(_UNPROTECTED)

    run_server(given.host, given.port, tls, tell)
    return Outcome(f"The API at {address} has ended.", {"address": address, "state": "ended"})
