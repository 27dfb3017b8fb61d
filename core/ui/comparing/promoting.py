"""Champion and challenger on a page: their comparison, what it proves, and the form that promotes.

For the dialog of the page “Models” and the card of the page Review.
"""

from typing import Literal

import streamlit as st

from core.formats import count, moment, plain, say_p
from core.monitoring.comparison import VersionComparison, compare_versions
from core.prediction.deciding import describe_rule
from core.registry.evidence import (
    WORSE,
    Evidence,
    explain_evidence,
    explain_level,
    judge_evidence,
    say_interval,
    say_points,
)
from core.registry.promoting import promote
from core.registry.store import ModelVersion
from core.ui.parts import cache
from core.ui.parts.messages import report_errors, tell_after_rerun
from core.ui.parts.state import name_visitor

MOST_REASON = 500


def offer_comparison(
    champion: int, challenger: int, *, key: str, scope: Literal["app", "fragment"] = "app"
) -> None:
    """Draw the button that has both versions answer the same test photos."""
    if st.button("Compare on the test photos", icon=":material/compare_arrows:", key=key):
        with report_errors():
            with st.spinner("Comparing …"):
                compare_versions(cache.workspace(), champion, challenger, name_visitor())
            st.rerun(scope=scope)


def explain_comparison(comparison: VersionComparison) -> None:
    """Draw what a comparison proves, and the figures that this rests on."""
    evidence = comparison.evidence
    n = evidence.n
    st.markdown(f"**{judge_evidence(evidence)}.** {explain_evidence(evidence)}")
    sentences = (
        f"Difference: {say_points(evidence.difference, n)}, {say_interval(evidence)}, n = {n:,} "
        f"paired test photos; McNemar's exact test: {say_p(evidence.p_value)}.",
        f"They met on {moment(comparison.event.time)}.",
        plain(comparison.left_out),
        plain(explain_level(evidence)),
    )
    st.caption(" ".join(sentence for sentence in sentences if sentence))


def ask_to_promote(
    version: ModelVersion,
    champion: int | None,
    comparison: VersionComparison | None,
    *,
    key: str,
    label: str = "Promote",
) -> None:
    """Draw the reason and the button; without proof of a gain, the tick that overrides it.

    Args:
        champion: The one that answers now; None: this one is the first.
        comparison: Of the two; None: they were not compared.
    """
    evidence = comparison.evidence if comparison is not None else None
    gain = evidence is not None and evidence.is_significant_gain
    proven = champion is None or gain
    ruled = plain(describe_rule(version.rule))
    st.caption(ruled)
    with st.form(key, border=False):
        if not proven:
            _warn_of_no_gain(evidence)
        proposed = _propose_reason(evidence) if evidence is not None and gain else ""
        reason = st.text_area("Reason", proposed, max_chars=MOST_REASON, height=100)
        override = not proven and st.checkbox("Promote without proof of a gain")
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
        tell_after_rerun(f"{version.label} answers from now on. {ruled}")
        st.rerun()


def _warn_of_no_gain(evidence: Evidence | None) -> None:
    worse = evidence is not None and judge_evidence(evidence) == WORSE
    proof = "The test photos speak against it." if worse else "Nothing proves a gain."
    st.markdown(
        f":orange[:material/warning: **{proof}**] Promote it all the same only for a reason that "
        "test photos do not know, and say which."
    )


def _propose_reason(evidence: Evidence) -> str:
    n = evidence.n
    return (
        f"{say_points(evidence.difference, n)} on {count(n, 'test photo')}, "
        f"{say_p(evidence.p_value)}."
    )
