"""Champion and challenger side by side, and the facts of a version."""

import math
from typing import Literal

import streamlit as st

from core.evaluation.intervals import Estimate, wilson_interval
from core.formats import count, interval, moment, percent, plain, points
from core.monitoring.comparison import find_comparison
from core.prediction.deciding import describe_rule
from core.registry.evidence import judge_evidence, say_interval
from core.registry.promoting import roll_back
from core.registry.store import Alias, ModelVersion, find_damage
from core.ui.models.promoting import open_promotion
from core.ui.models.reading import Registry
from core.ui.parts import cache
from core.ui.parts.frame import link_page
from core.ui.parts.messages import report_errors, tell_after_rerun
from core.ui.visitor import name_visitor

_BADGES: dict[Alias, tuple[Literal["green", "blue"], str]] = {
    "champion": ("green", ":material/workspace_premium:"),
    "challenger": ("blue", ":material/swords:"),
}


def show_standing(registry: Registry) -> None:
    """Draw the two cards; without a champion, the way to one."""
    left, right = st.columns(2, gap="medium")
    with left.container(border=True, height="stretch"):
        _show_champion(registry)
    with right.container(border=True, height="stretch"):
        _show_challenger(registry)


def _show_champion(registry: Registry) -> None:
    champion = registry.named("champion")
    show_badge("champion")
    if champion is None:
        st.subheader("No champion yet", anchor=False)
        st.write("The champion answers on the page *Predict*, in the API and on the command line.")
        newest = next(iter(registry.versions.values()))
        if cache.edit_button(
            f"Promote {newest.label} …",
            type="primary",
            icon=":material/military_tech:",
            key="registry.first",
        ):
            open_promotion(newest.number)
        return
    show_facts(registry, champion)
    former = [registry.versions[one] for one in registry.former if one in registry.versions]
    if find_damage(cache.workspace(), champion) is not None:
        sound = (one for one in former if find_damage(cache.workspace(), one) is None)
        instead = next(sound, None)
        st.caption(
            "No earlier version is intact: the model is offline."
            if instead is None
            else f"**{instead.label}**, the champion before it, answers instead."
        )
    crowned = (one for one in registry.events if one.kind in ("promoted", "rolled_back"))
    if (event := next(crowned, None)) and event.version == champion.number:
        who = f" · {plain(event.who, 60)}" if event.who else ""
        st.caption(f"Champion since {moment(event.time)}{who}: “{plain(event.reason, 200)}”")
    with st.container(horizontal=True, vertical_alignment="center"):
        link_page("predict", "Classify a photo", "photo_camera", model="champion")
        _offer_rollback(champion, former)


def _show_challenger(registry: Registry) -> None:
    champion, challenger = registry.named("champion"), registry.named("challenger")
    show_badge("challenger")
    if challenger is None:
        st.subheader("No challenger", anchor=False)
        st.write("Retraining creates one, or choose a version in the table below.")
        link_page("monitoring", "Review and retrain", "inbox", tab="review")
        return
    show_facts(registry, challenger)
    if champion is not None:
        comparison = find_comparison(cache.workspace(), champion.number, challenger.number)
        if comparison is None:
            st.caption(f"Not compared with {champion.label} yet.")
        else:
            met = comparison.evidence
            st.caption(
                f"{judge_evidence(met)}: {points(met.difference, met.n)} on "
                f"{count(met.n, 'test photo')}, {say_interval(met)}."
            )
    if cache.edit_button(
        "Compare and promote …",
        type="primary",
        icon=":material/military_tech:",
        key="registry.promote_challenger",
    ):
        open_promotion(challenger.number)


def show_facts(registry: Registry, version: ModelVersion) -> None:
    """Draw name, accuracy with interval, rule and origin of a version; its damage, if any."""
    st.subheader(f"{version.label} · {plain(version.name, 60)}", anchor=False)
    accuracy = estimate_accuracy(version)
    trained = sum(version.facts.get("train_counts", {}).values())
    st.metric(
        "Validation accuracy",
        percent(accuracy.value, accuracy.n),
        help="The head was not fitted to these photos, but they chose its epoch.",
    )
    fault = find_damage(cache.workspace(), version)
    if fault is not None:
        st.error(f"**{plain(fault.problem)}** {plain(fault.remedy)}", icon=":material/error:")
    run, dataset = registry.runs.get(version.run_id), registry.datasets.get(version.dataset_id)
    run_name = plain(str(version.facts.get("run_name", version.run_id)), 60)
    dataset_name = plain(dataset or str(version.facts.get("dataset_name", "")), 60)
    lines = [
        interval(accuracy.low, accuracy.high, accuracy.n) if accuracy.n else "No validation photos",
        f"{count(len(version.classes), 'class')}, {count(trained, 'training photo')}",
        *([] if fault is not None else [plain(describe_rule(version.rule))]),
        f"Run {run_name.removeprefix('Run ')}{'' if run else ' (deleted)'}, dataset "
        f"{dataset_name}{'' if dataset else ' (deleted)'} · digest {version.digest[:12]}",
    ]
    st.caption("  \n".join(line[0].upper() + line[1:] for line in lines))


def estimate_accuracy(version: ModelVersion) -> Estimate:
    """Return the accuracy on validation photos, which also chose the epoch; NaN without any."""
    judged = version.facts.get("validation", {})
    n = int(judged.get("n", 0))
    low, high = wilson_interval(judged["right"], n) if n else (math.nan, math.nan)
    value = judged["right"] / n if n else math.nan
    return Estimate(value=value, low=low, high=high, n=n, method="Wilson")


def show_badge(alias: Alias) -> None:
    """Draw the badge of champion or challenger."""
    colour, icon = _BADGES[alias]
    st.badge(alias.capitalize(), color=colour, icon=icon)


@cache.for_editors
def _offer_rollback(champion: ModelVersion, former: list[ModelVersion]) -> None:
    if not st.button(
        f"Roll back to {former[0].label}" if former else "Roll back",
        icon=":material/undo:",
        key="registry.rollback",
        disabled=not former,
        help=None if former else "This is the first champion.",
    ):
        return
    with report_errors():
        back = roll_back(cache.workspace(), reason="rolled back by hand", who=name_visitor())
        tell_after_rerun(f"{back.label} answers again, instead of {champion.label}.")
        st.rerun()
