"""Champion and challenger side by side, the facts of a version, and the dialog that promotes."""

from dataclasses import dataclass, replace
from typing import Literal

import streamlit as st

from core.evaluation.intervals import Estimate, estimate_share
from core.formats import count, interval, moment, percent, plain, points, say_p
from core.monitoring.comparison import VersionComparison, compare_versions, find_comparison
from core.prediction.deciding import describe_rule, say_answers
from core.registry.events import ModelEvent, list_events, list_former
from core.registry.evidence import (
    WORSE,
    Evidence,
    count_tries,
    explain_evidence,
    judge_evidence,
    say_interval,
)
from core.registry.promoting import LONGEST_REASON, promote, roll_back
from core.registry.store import (
    Alias,
    ModelVersion,
    find_answers,
    find_damage,
    is_row_whole,
    list_versions,
    read_aliases,
    read_version,
)
from core.runs.recipe.strategies import STRATEGIES
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from core.ui.parts.charts import show_metrics
from core.ui.parts.frame import link_page
from core.ui.parts.messages import report_errors, tell_after_rerun
from core.ui.visitor import name_visitor
from data.manifest import list_datasets


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The registry at one moment."""

    versions: dict[int, ModelVersion]
    """By number, newest first."""
    aliases: dict[Alias, int]
    events: list[ModelEvent]
    """Newest first."""
    former: list[int]
    """Former champions, newest first: a rollback goes to the first."""
    runs: dict[str, RunRecord]
    datasets: dict[str, str]
    """Id → name of the readable datasets."""

    def named(self, alias: Alias) -> ModelVersion | None:
        """Return the version with an alias."""
        return self.versions.get(self.aliases.get(alias, 0))

    def alias_of(self, version: ModelVersion) -> Alias | None:
        """Return the alias of a version."""
        return next((a for a, number in self.aliases.items() if number == version.number), None)


def read_registry() -> Registry:
    """Return the registry as it is now."""
    workspace = cache.workspace()
    aliases = read_aliases(workspace)
    champion = aliases.get("champion")
    return Registry(
        versions={
            # Altered facts are not shown as if they had been measured.
            one.number: one if is_row_whole(one) else replace(one, facts={})
            for one in list_versions(workspace)
        },
        aliases=aliases,
        events=list_events(workspace),
        former=[] if champion is None else list_former(workspace, but=champion),
        runs={run.id: run for run in list_runs(workspace)},
        datasets={one.id: one.name for one in list_datasets(workspace) if not one.problem},
    )


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
        help="The head was not fitted to these photos"
        + (", but they chose its epoch." if _has_epochs(version) else "."),
    )
    fault = find_damage(cache.workspace(), version)
    if fault is not None:
        st.error(f"**{plain(fault.problem)}** {plain(fault.remedy)}", icon=":material/error:")
    answers = say_answers(find_answers(cache.workspace(), version)) if fault is None else ""
    run, dataset = registry.runs.get(version.run_id), registry.datasets.get(version.dataset_id)
    run_name = plain(str(version.facts.get("run_name", version.run_id)), 60)
    dataset_name = plain(dataset or str(version.facts.get("dataset_name", "")), 60)
    lines = [
        interval(accuracy.low, accuracy.high, accuracy.n) if accuracy.n else "No validation photos",
        f"{count(len(version.classes), 'class')}, {count(trained, 'training photo')}",
        *([] if fault is not None else [plain(describe_rule(version.rule)), answers]),
        f"Run {run_name.removeprefix('Run ')}{'' if run else ' (deleted)'}, dataset "
        f"{dataset_name}{'' if dataset else ' (deleted)'} · digest {version.digest[:12]}",
    ]
    st.caption("  \n".join(line[0].upper() + line[1:] for line in lines))


def _has_epochs(version: ModelVersion) -> bool:
    strategy = STRATEGIES.get(version.facts.get("recipe", {}).get("strategy"))
    return strategy is None or strategy.has_epochs


def estimate_accuracy(version: ModelVersion) -> Estimate:
    """Return the accuracy on validation photos; NaN without any."""
    judged = version.facts.get("validation", {})
    return estimate_share(judged.get("right", 0), judged.get("n", 0))


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


@st.dialog("Promote a version", width="medium")
def open_promotion(number: int) -> None:
    """Open the dialog that promotes the version of this number."""
    with report_errors():
        version = read_version(cache.workspace(), number)
        champion = read_aliases(cache.workspace()).get("champion")
        named = f"**{version.label}** ({plain(version.name, 60)})"
        if champion == number:
            st.write(f"{version.label} is the champion already.")
            return
        if champion is None:
            st.write(f"{named} becomes the first champion: it answers all requests.")
            _ask_to_promote(version, None, None)
            return
        st.write(f"{named} would answer instead of **v{champion}**.")
        comparison = find_comparison(cache.workspace(), champion, number)
        with st.container(border=True):
            if comparison is None:
                st.markdown(
                    "**Not compared yet.** Both versions can answer the same test photos. Each "
                    "comparison opens the test photos and is counted."
                )
                if st.button(
                    "Compare on the test photos",
                    icon=":material/compare_arrows:",
                    key="registry.compare",
                ):
                    with st.spinner("Comparing …"):
                        compare_versions(cache.workspace(), champion, number, name_visitor())
                    st.rerun(scope="fragment")
            else:
                _show_comparison(comparison)
        _ask_to_promote(version, champion, None if comparison is None else comparison.evidence)


def _show_comparison(comparison: VersionComparison) -> None:
    """Draw the figures of a comparison and its verdict."""
    evidence = comparison.evidence
    n = evidence.n
    figures = {
        f"v{evidence.champion}, champion": percent(evidence.accuracy_champion, n),
        f"v{evidence.challenger}, challenger": percent(evidence.accuracy_challenger, n),
        "Difference": points(evidence.difference, n),
        "Gained / lost": f"{evidence.gained:,} / {evidence.lost:,}",
        "Test photos": f"{n:,}",
    }
    show_metrics(figures, gap="medium")
    st.markdown(f"**{judge_evidence(evidence)}.** {explain_evidence(evidence)}")
    sentences = (
        f"Difference: {say_interval(evidence)}; {say_p(evidence.p_value)} (McNemar).",
        f"Compared on {moment(comparison.event.time)}.",
        plain(comparison.left_out),
        count_tries(evidence),
    )
    st.caption(" ".join(sentence for sentence in sentences if sentence))


def _ask_to_promote(version: ModelVersion, champion: int | None, evidence: Evidence | None) -> None:
    """Draw the form to promote a version; without a significant gain, a tick overrides."""
    gain = evidence is not None and evidence.is_significant_gain
    proven = champion is None or gain
    ruled = plain(describe_rule(version.rule))
    st.caption(ruled)
    with st.form(f"registry.promote.{version.number}", border=False):
        if not proven:
            worse = evidence is not None and judge_evidence(evidence) == WORSE
            proof = "It is significantly worse." if worse else "There is no significant gain."
            st.markdown(
                f":orange[:material/warning: **{proof}**] Promote it only for a reason that test "
                "photos cannot show, and give the reason."
            )
        proposed = ""
        if evidence is not None and gain:
            difference = points(evidence.difference, evidence.n)
            photos = count(evidence.n, "test photo")
            proposed = f"{difference} on {photos}, {say_p(evidence.p_value)}."
        reason = st.text_area("Reason", proposed, max_chars=LONGEST_REASON, height=100)
        override = not proven and st.checkbox("Promote without a significant gain")
        label = f":material/military_tech: Promote {version.label}"
        wanted = st.form_submit_button(label, type="primary")
    if wanted:
        promote(
            cache.workspace(),
            version.number,
            reason=reason,
            who=name_visitor(),
            evidence=evidence,
            override=override,
            instead_of=champion,
        )
        tell_after_rerun(f"{version.label} is the champion. {ruled}")
        st.rerun()
