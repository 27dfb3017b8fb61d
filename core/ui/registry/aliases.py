"""Champion and challenger side by side: who answers, who wants to, and the dialog that promotes."""

from typing import Literal

import streamlit as st

from core.formats import count, interval, moment, percent, plain, points
from core.monitoring.comparison import find_comparison
from core.prediction.deciding import describe_rule
from core.registry.evidence import judge_evidence, say_interval
from core.registry.promoting import roll_back
from core.registry.store import Alias, ModelVersion, read_aliases, read_version
from core.ui.comparing.verdict import (
    ask_to_promote,
    explain_comparison,
    offer_comparison,
    show_evidence,
)
from core.ui.parts import cache
from core.ui.parts.frame import link_page
from core.ui.parts.messages import report_errors, tell_after_rerun
from core.ui.registry.reading import Registry, estimate_accuracy, find_fault
from core.ui.visitor import name_visitor

ALIAS_COLOURS: dict[Alias, Literal["green", "blue"]] = {"champion": "green", "challenger": "blue"}
ALIAS_ICONS: dict[Alias, str] = {
    "champion": ":material/workspace_premium:",
    "challenger": ":material/swords:",
}


def show_standing(registry: Registry) -> None:
    """Draw the two cards; without a champion, the way to one."""
    left, right = st.columns(2, gap="medium")
    with left:
        _show_champion(registry)
    with right:
        _show_challenger(registry)


def _show_champion(registry: Registry) -> None:
    champion = registry.named("champion")
    with st.container(border=True, height="stretch"):
        show_badge("champion")
        if champion is None:
            st.subheader("Nobody answers yet", anchor=False)
            st.write(
                "The first champion needs a reason only. From then on the page *Predict*, the API "
                "and the command line are answered by it."
            )
            newest = next(iter(registry.versions.values()))
            if cache.edit_button(
                f"Let {newest.label} answer …",
                type="primary",
                icon=":material/military_tech:",
                key="registry.first",
            ):
                open_promotion(newest.number)
            return
        show_facts(registry, champion)
        _say_who_answers(registry, champion)
        if (since := registry.crowned) and since.version == champion.number:
            who = f" · {plain(since.who, 60)}" if since.who else ""
            st.caption(f"Answers since {moment(since.time)}{who}: “{plain(since.reason, 200)}”")
        with st.container(horizontal=True, vertical_alignment="center"):
            link_page("predict", "Classify a photo", "photo_camera", model="champion")
            _offer_rollback(registry, champion)


def _say_who_answers(registry: Registry, champion: ModelVersion) -> None:
    """Draw which former champion answers instead of a damaged one."""
    if find_fault(champion) is None:
        return
    former = (registry.versions[one] for one in registry.former if one in registry.versions)
    sound = next((version for version in former if find_fault(version) is None), None)
    if sound is None:
        st.caption("No former champion is whole either: nobody answers.")
    else:
        st.caption(f"Meanwhile **{sound.label}** answers, the champion before it.")


def _show_challenger(registry: Registry) -> None:
    champion, challenger = registry.named("champion"), registry.named("challenger")
    with st.container(border=True, height="stretch"):
        show_badge("challenger")
        if challenger is None:
            st.subheader("No challenger", anchor=False)
            st.write(
                "Retraining makes one. Or choose a version in the table below and make "
                "it the challenger; then both answer the same test photos."
            )
            link_page("monitoring", "Review and retrain", "inbox", tab="review")
            return
        show_facts(registry, challenger)
        if champion is not None:
            comparison = find_comparison(cache.workspace(), champion.number, challenger.number)
            if comparison is None:
                st.caption(f"Has not met {champion.label} on the test photos yet.")
            else:
                met = comparison.evidence
                st.caption(
                    f"{judge_evidence(met)}: {points(met.difference, met.n)} on "
                    f"{count(met.n, 'test photo')}, {say_interval(met)}."
                )
        with st.container(horizontal=True, vertical_alignment="center"):
            if cache.edit_button(
                "Compare and promote …",
                type="primary",
                icon=":material/military_tech:",
                key="registry.promote_challenger",
            ):
                open_promotion(challenger.number)


def show_facts(registry: Registry, version: ModelVersion) -> None:
    """Draw what a version is: name, accuracy with interval, origin, rule; its damage, if any."""
    st.subheader(f"{version.label} · {plain(version.name, 60)}", anchor=False)
    accuracy = estimate_accuracy(version)
    trained = sum(version.facts.get("train_counts", {}).values())
    st.metric(
        "Validation accuracy",
        percent(accuracy.value, accuracy.n),
        help="On photos that its head was not fitted to, but that chose its epoch.",
    )
    fault = find_fault(version)
    if fault is not None:
        st.error(f"**{plain(fault.problem)}** {plain(fault.remedy)}", icon=":material/error:")
    lines = [
        interval(accuracy.low, accuracy.high, accuracy.n) if accuracy.n else "no validation photos",
        f"{count(len(version.classes), 'class')}, learnt from {count(trained, 'photo')}",
        *([] if fault is not None else [plain(describe_rule(version.rule))]),
        _say_origin(registry, version),
    ]
    st.caption("  \n".join(line[0].upper() + line[1:] for line in lines))


def _say_origin(registry: Registry, version: ModelVersion) -> str:
    run = registry.runs.get(version.run_id)
    name = plain(str(version.facts.get("run_name", version.run_id)), 60)
    named = name if name.startswith("Run ") else f"run {name}"
    of_run = f"{named} ({version.run_id[:6]}{'' if run else ', deleted'})"
    dataset = registry.datasets.get(version.dataset_id)
    known = plain(dataset or str(version.facts.get("dataset_name", "")), 60)
    of_dataset = f"dataset {known} ({version.dataset_id[:6]}{'' if dataset else ', deleted'})"
    return f"From {of_run}, {of_dataset} · digest {version.digest[:12]}"


def show_badge(alias: Alias) -> None:
    """Draw what a version is called."""
    st.badge(alias.capitalize(), color=ALIAS_COLOURS[alias], icon=ALIAS_ICONS[alias])


@cache.for_editors
def _offer_rollback(registry: Registry, champion: ModelVersion) -> None:
    former = registry.former[0] if registry.former else None
    label = "Roll back" if former is None else f"Roll back to v{former}"
    if not st.button(
        label,
        icon=":material/undo:",
        key="registry.rollback",
        disabled=former is None,
        help="This is the first champion." if former is None else None,
    ):
        return
    with report_errors():
        back = roll_back(cache.workspace(), reason="rolled back by hand", who=name_visitor())
        tell_after_rerun(f"{back.label} answers again, instead of {champion.label}.")
        st.rerun()


@st.dialog("Who answers?", width="medium")
def open_promotion(number: int) -> None:
    """Open the dialog that promotes the version of this number."""
    with report_errors():
        version = read_version(cache.workspace(), number)
        champion = read_aliases(cache.workspace()).get("champion")
        if champion == number:
            st.write(f"{version.label} answers already.")
            return
        named = f"**{version.label}** ({plain(version.name, 60)})"
        key, label = f"registry.promote.{number}", f":material/military_tech: Promote v{number}"
        if champion is None:
            st.write(f"{named} becomes the first champion: whoever asks is answered by it.")
            ask_to_promote(version, None, None, key=key, label=label)
            return
        st.write(f"{named} is to answer instead of **v{champion}**.")
        comparison = find_comparison(cache.workspace(), champion, number)
        with st.container(border=True):
            if comparison is None:
                st.markdown(
                    f"**They have not met.** {version.label} and v{champion} can be compared on "
                    "the same test photos, photo by photo. Each comparison is counted: it opens "
                    "the test photos."
                )
                offer_comparison(champion, number, key="registry.compare", scope="fragment")
            else:
                show_evidence(comparison.evidence)
                explain_comparison(comparison)
        ask_to_promote(version, champion, comparison, key=key, label=label)
