"""Verdicts: a run against the baseline, and a model version against the champion."""

from collections.abc import Sequence
from typing import Literal

import pandas as pd
import streamlit as st

from core.evaluation.comparison import Comparison, describe_verdict
from core.formats import count, moment, percent, plain, points, points_range, say_p
from core.monitoring.comparison import VersionComparison, compare_versions
from core.prediction.deciding import describe_rule
from core.registry.evidence import (
    WORSE,
    Evidence,
    count_tries,
    explain_evidence,
    judge_evidence,
    say_interval,
)
from core.registry.promoting import promote
from core.registry.store import ModelVersion
from core.runs.common_photos import describe_left_out
from core.runs.store import Repeats, RunRecord
from core.ui.comparing.reading import Compared
from core.ui.parts import cache
from core.ui.parts.charts import show_metrics
from core.ui.parts.messages import report_errors, tell_after_rerun
from core.ui.parts.pickers import title_run
from core.ui.visitor import name_visitor

MOST_REASON = 500


@cache.for_editors
def offer_comparison(
    champion: int, challenger: int, *, key: str, scope: Literal["app", "fragment"] = "app"
) -> None:
    """Draw the button that compares both versions on the test photos."""
    if st.button("Compare on the test photos", icon=":material/compare_arrows:", key=key):
        with report_errors():
            with st.spinner("Comparing …"):
                compare_versions(cache.workspace(), champion, challenger, name_visitor())
            st.rerun(scope=scope)


def show_evidence(evidence: Evidence) -> None:
    """Draw the figures of a comparison of two versions."""
    n = evidence.n
    figures = {
        f"v{evidence.champion}, champion": percent(evidence.accuracy_champion, n),
        f"v{evidence.challenger}, challenger": percent(evidence.accuracy_challenger, n),
        "Difference": points(evidence.difference, n),
        "Gained / lost": f"{evidence.gained:,} / {evidence.lost:,}",
        "Test photos": f"{n:,}",
    }
    show_metrics(figures, gap="medium")


def explain_comparison(comparison: VersionComparison) -> None:
    """Draw the verdict of a comparison and its figures."""
    evidence = comparison.evidence
    n = evidence.n
    st.markdown(f"**{judge_evidence(evidence)}.** {explain_evidence(evidence)}")
    sentences = (
        f"Difference: {points(evidence.difference, n)}, {say_interval(evidence)}, n = {n:,} test "
        f"photos; {say_p(evidence.p_value)} (McNemar).",
        f"Compared on {moment(comparison.event.time)}.",
        plain(comparison.left_out),
        count_tries(evidence),
    )
    st.caption(" ".join(sentence for sentence in sentences if sentence))


@cache.for_editors
def ask_to_promote(
    version: ModelVersion,
    champion: int | None,
    comparison: VersionComparison | None,
    *,
    key: str,
    label: str = "Promote",
) -> None:
    """Draw the form to promote a version; without a significant gain, a tick overrides.

    Args:
        champion: Number of the champion, if there is one.
        comparison: Comparison with the champion, if there is one.
    """
    evidence = comparison.evidence if comparison is not None else None
    gain = evidence is not None and evidence.is_significant_gain
    proven = champion is None or gain
    ruled = plain(describe_rule(version.rule))
    st.caption(ruled)
    with st.form(key, border=False):
        if not proven:
            _warn_of_no_gain(evidence)
        proposed = ""
        if evidence is not None and gain:
            proposed = f"{points(evidence.difference, evidence.n)} on "
            proposed += f"{count(evidence.n, 'test photo')}, {say_p(evidence.p_value)}."
        reason = st.text_area("Reason", proposed, max_chars=MOST_REASON, height=100)
        override = not proven and st.checkbox("Promote without a significant gain")
        wanted = st.form_submit_button(label, type="primary")
    if not wanted:
        return
    with report_errors():
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


def _warn_of_no_gain(evidence: Evidence | None) -> None:
    worse = evidence is not None and judge_evidence(evidence) == WORSE
    proof = "It is significantly worse." if worse else "There is no significant gain."
    st.markdown(
        f":orange[:material/warning: **{proof}**] Promote it only for a reason that test photos "
        "cannot show, and give the reason."
    )


def show_compared_table(compared: Sequence[Compared], p_values: Sequence[float]) -> None:
    """Draw a table of the runs against the baseline, with adjusted p-values."""
    words = {"better": "better", "worse": "worse", "open": "not significant", "same": "the same"}
    rows, baseline = [], title_run(compared[0].baseline)
    for each, p_value in zip(compared, p_values, strict=True):
        one = each.comparison
        rows.append(
            {
                "Run": title_run(each.run),
                "Accuracy": percent(one.accuracy_b, one.n),
                "Baseline": percent(one.accuracy_a, one.n),
                "Difference": points(one.difference, one.n) if one.n else "–",
                "95 % interval": _say_interval(one, p_value) if one.n else "–",
                "Gained": one.gained,
                "Lost": one.lost,
                "n": len(each.common),
                "p": f"{p_value:.3f}" if p_value >= 0.001 else "< 0.001",
                "Verdict": words[one.judge(p_value)],
            }
        )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={
            "Run": st.column_config.TextColumn(pinned=True),
            "Baseline": st.column_config.TextColumn(help=f"{baseline}, same photos."),
            "p": st.column_config.TextColumn(
                help=f"McNemar's exact test; p and interval are adjusted for {len(rows)} "
                "comparisons (Holm)."
            ),
        },
        alt="Each run against the baseline: accuracy, difference, interval, gained, lost, p-value",
    )
    st.caption(
        "Picking the best of many runs inflates its score: judge it by its test photos, once."
    )


def show_headline(one: Compared, p_value: float | None = None) -> None:
    """Draw the figures of a run against the baseline, and the verdict."""
    baseline, run, common, compared = one.baseline, one.run, one.common, one.comparison
    p_value = compared.p_value if p_value is None else p_value
    n = compared.n
    if n == 0:
        st.info(f"{describe_verdict(compared)} {describe_left_out(common)}")
        return
    figures = {
        _short(baseline): percent(compared.accuracy_a, n),
        _short(run): percent(compared.accuracy_b, n),
        "Difference": points(compared.difference, n),
        "Gained": f"{compared.gained:,}",
        "Lost": f"{compared.lost:,}",
        "Photos": f"{n:,}",
    }
    show_metrics(figures)
    first, _, rest = describe_verdict(compared, p_value).partition(". ")
    st.markdown(f"**{first.removesuffix('.')}.** {rest}")
    adjusted = "" if p_value == compared.p_value else ", adjusted for all runs"
    details = f"{say_p(p_value)} (McNemar{adjusted}). "
    if compared.gained + compared.lost:
        details += f"Difference: 95 % interval {_say_interval(compared, p_value)}. "
    st.caption(f"{details}{describe_left_out(common)}{_say_repeats(one)}")
    if beaten := say_unbeaten(one, p_value):
        st.markdown(f":material/function: {beaten}")


def say_unbeaten(one: Compared, p_value: float) -> str:
    """Return a sentence where the trained head is not better than the exact head."""
    exact, trained = one.baseline, one.run
    verdict, better = one.comparison.judge(p_value), "better"
    if not trained.recipe.has_epochs:
        exact, trained, better = trained, exact, "worse"
    if exact.recipe.has_epochs or not trained.recipe.has_epochs or not one.same_features:
        return ""
    if verdict == better:
        return ""
    low, high = one.comparison.adjust_interval(p_value)
    difference = one.comparison.difference
    if better == "worse":
        low, high, difference = -high, -low, -difference
    n = one.comparison.n
    return (
        f"**No evidence that the trained head ({_short(trained)}) beats the exact head "
        f"({_short(exact)})**: {points(difference, n)} ({points_range(low, high, n)}), n = {n:,}."
    )


def _say_repeats(compared: Compared) -> str:
    """Return a sentence about the spread over seeds."""
    baseline, run, folded = compared.baseline, compared.run, compared.repeats
    for one in folded:
        if baseline in one.runs and run in one.runs:
            return f" Both are seeds of the same recipe: {_say_spread(run, one)}."
    parts = [
        f"recipe of {_short(each)} {_say_spread(each, one)}"
        for each in (baseline, run)
        for one in folded
        if each in one.runs
    ]
    if not parts:
        return " Other seeds of these recipes may give other results."
    return f" Validation accuracy over seeds (mean ± sd): {'; '.join(dict.fromkeys(parts))}."


def _say_spread(run: RunRecord, one: Repeats) -> str:
    mean = percent(one.mean_accuracy or 0.0, run.val_photos or 0)
    return f"{mean} ± {100 * one.spread:.1f} ({len(one.measured)} seeds)"


def _short(run: RunRecord) -> str:
    return f"Run {run.number}"


def _say_interval(compared: Comparison, p_value: float) -> str:
    if compared.gained + compared.lost == 0:
        return "–"
    return f"{points_range(*compared.adjust_interval(p_value), compared.n)} points"
