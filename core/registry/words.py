"""Events and evidence in words, for the history, the timeline and the command line."""

from collections.abc import Mapping
from typing import Any

from core.formats import count, percent
from core.registry.events import ModelEvent
from core.registry.evidence import Evidence, evidence_from_facts


def describe_event(event: ModelEvent) -> str:
    """Returns an event as a sentence, who did it and why; names and reasons are data, unescaped."""
    parts = [title_event(event) + "."]
    evidence = evidence_from_facts(event.facts)
    if evidence is not None:
        parts.append(describe_evidence(evidence))
    if event.facts.get("override"):
        parts.append("Without proof of a gain.")
    if event.reason:
        parts.append(f"“{event.reason}”")
    if event.who:
        parts.append(f"({event.who})")
    return " ".join(parts)


def title_event(event: ModelEvent) -> str:
    """Returns what happened, in a few words; names in it are data, unescaped."""
    version = f"v{event.version}" if event.version is not None else "A version"
    former = f"v{event.former}" if event.former is not None else "none"
    facts: Mapping[str, Any] = event.facts
    if event.kind == "promoted":
        after = f", instead of {former}" if event.former is not None else ", the first champion"
        return f"{version} answers{after}"
    if event.kind == "rolled_back":
        return f"Rolled back from {former}: {version} answers again"
    if event.kind == "refused":
        instead = f": {former} answers instead" if event.former is not None else ""
        return f"{version} was refused{instead}"
    if event.kind == "compared":
        met = evidence_from_facts(facts)
        return f"{version} was compared with {f'v{met.champion}' if met else former}"
    if event.kind == "challenger" and event.version is None:
        kept = f"v{facts['kept']} goes on: " if "kept" in facts else ""
        return f"{kept}{former} challenges nobody any more"
    if event.kind == "retraining" and facts.get("failed"):
        return "A retraining came to nothing"
    name = f": {facts['name']}" if facts.get("name") else ""
    words = {
        "registered": f"{version} was registered{name}",
        "challenger": f"{version} became the challenger",
        "retraining": "A challenger is trained",
        "reviewed": "Photos were reviewed",
        "deleted": f"{version} was deleted{name}",
    }
    return words[event.kind]


def describe_evidence(evidence: Evidence) -> str:
    """Returns in words how the challenger did beside the champion, with n and interval."""
    n = evidence.n
    if n == 0:
        return "There was no photo to compare them by."
    return (
        f"{percent(evidence.accuracy_challenger, n)} right against "
        f"{percent(evidence.accuracy_champion, n)}, on the same "
        f"{count(n, f'{evidence.split} photo')}: "
        f"{say_points(evidence.difference, n)}, {say_interval(evidence)}; "
        f"{evidence.gained:,} gained, {evidence.lost:,} lost, {_say_p(evidence)}."
    )


def say_interval(evidence: Evidence) -> str:
    """Returns the interval of the difference in points, with its confidence."""
    confidence = 100 - float(f"{100 * evidence.level:.2g}")
    ends = (say_points(end, evidence.n) for end in (evidence.low, evidence.high))
    return f"{confidence:.10g} % interval {' to '.join(ends)}"


def say_points(difference: float, n: int) -> str:
    """Returns a difference of shares in percentage points, rounded to what n photos support."""
    said = f"{100 * difference:+.{0 if n < 200 else 1}f}".replace("-", "−")
    return f"{said} point" if said in ("+1", "−1") else f"{said} points"


def _say_p(evidence: Evidence) -> str:
    """Returns the p-value, and what counts where others had met the champion before."""
    said = f"p = {evidence.p_value:.2g}"
    if evidence.turn == 1:
        return said
    others = count(evidence.turn - 1, "other challenger")
    return f"{said} (below {evidence.level:.2g} counts: v{evidence.champion} had met {others})"
