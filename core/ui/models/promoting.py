"""The dialog that promotes a version: its comparison with the champion, and the reason."""

import streamlit as st

from core.formats import count, moment, percent, plain, points, say_p
from core.monitoring.comparison import VersionComparison, compare_versions, find_comparison
from core.prediction.deciding import describe_rule
from core.registry.evidence import (
    WORSE,
    Evidence,
    count_tries,
    explain_evidence,
    judge_evidence,
    say_interval,
)
from core.registry.promoting import LONGEST_REASON, promote
from core.registry.store import ModelVersion, read_aliases, read_version
from core.ui.parts import cache
from core.ui.parts.charts import show_metrics
from core.ui.parts.messages import report_errors, tell_after_rerun
from core.ui.visitor import name_visitor


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
                _offer_comparison(champion, number)
            else:
                _show_comparison(comparison)
        _ask_to_promote(version, champion, None if comparison is None else comparison.evidence)


def _offer_comparison(champion: int, challenger: int) -> None:
    """Draw the button that compares both versions on the test photos."""
    st.markdown(
        "**Not compared yet.** Both versions can answer the same test photos. Each comparison "
        "opens the test photos and is counted."
    )
    if st.button(
        "Compare on the test photos", icon=":material/compare_arrows:", key="registry.compare"
    ):
        with st.spinner("Comparing …"):
            compare_versions(cache.workspace(), champion, challenger, name_visitor())
        st.rerun(scope="fragment")


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
