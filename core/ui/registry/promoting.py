"""The dialog that promotes a version: what speaks for it, and why it is to answer."""

import streamlit as st

from core.errors import PetalscopeError
from core.formats import percent, plain
from core.monitoring.comparison import Meeting, find_meeting, meet
from core.registry.evidence import (
    explain_evidence,
    explain_level,
    judge_evidence,
    say_interval,
    say_points,
)
from core.registry.promoting import promote
from core.registry.store import ModelVersion, read_aliases, read_version
from core.ui.parts import cache
from core.ui.parts.messages import report_errors, show_problem, tell_after_rerun
from core.ui.parts.state import name_visitor

_MOST_REASON = 500


@st.dialog("Who answers?", width="medium")
def ask_to_promote(number: int) -> None:
    """Opens the dialog that promotes the version of this number."""
    with report_errors():
        version = read_version(cache.workspace(), number)
        champion = read_aliases(cache.workspace()).get("champion")
        if champion == number:
            st.write(f"{version.label} answers already.")
            return
        named = f"**{version.label}** ({plain(version.name, 60)})"
        if champion is None:
            st.write(f"{named} becomes the first champion: whoever asks is answered by it.")
            _ask(version, None, None)
            return
        st.write(f"{named} is to answer instead of **v{champion}**.")
        meeting = find_meeting(cache.workspace(), champion, number)
        with st.container(border=True):
            if meeting is None:
                _offer_meeting(champion, version)
            else:
                _show_meeting(version, meeting)
        _ask(version, champion, meeting)


def _offer_meeting(champion: int, version: ModelVersion) -> None:
    st.markdown(
        f"**They have not met.** {version.label} and v{champion} can be compared on the same test "
        "photos, photo by photo. Each comparison is counted: it opens the test photos."
    )
    if not st.button(
        "Compare on the test photos", icon=":material/compare_arrows:", key="registry.compare"
    ):
        return
    try:
        with st.spinner("Comparing …"):
            meet(cache.workspace(), champion, version.number, name_visitor())
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
        return
    st.rerun(scope="fragment")


def _show_meeting(version: ModelVersion, meeting: Meeting) -> None:
    met = meeting.evidence
    with st.container(horizontal=True, gap="large"):
        for label, value in (
            (f"v{met.champion}", percent(met.accuracy_champion, met.n)),
            (version.label, percent(met.accuracy_challenger, met.n)),
            ("Gained", f"{met.gained:,}"),
            ("Lost", f"{met.lost:,}"),
            ("Test photos", f"{met.n:,}"),
        ):
            st.metric(label, value, width="content")
    st.markdown(f"**{judge_evidence(met)}.** {explain_evidence(met)}")
    st.caption(
        f"Difference {say_points(met.difference, met.n)}, {say_interval(met)}, n = {met.n:,}; "
        f"McNemar's exact test: p = {met.p_value:.2g}. {plain(meeting.left_out)} "
        f"{plain(explain_level(met))}"
    )


def _ask(version: ModelVersion, champion: int | None, meeting: Meeting | None) -> None:
    """Draws the reason and the button; without proof of a gain, the tick that overrides it."""
    proven = champion is None or (meeting is not None and meeting.evidence.is_significant_gain)
    with st.form(f"registry.promote.{version.number}", border=False):
        if not proven:
            st.markdown(
                ":orange[:material/warning: **Nothing proves a gain.**] Promote it all the same "
                "only for a reason that the test photos do not know."
            )
        override = not proven and st.checkbox("Promote without proof of a gain")
        reason = st.text_input(
            "Reason",
            max_chars=_MOST_REASON,
            placeholder="Stands in the history: why this version is to answer",
        )
        wanted = st.form_submit_button(
            f"Promote {version.label}", type="primary", icon=":material/military_tech:"
        )
    if not wanted:
        return
    try:
        promote(
            cache.workspace(),
            version.number,
            reason=reason,
            who=name_visitor(),
            evidence=meeting.evidence if meeting is not None else None,
            override=override,
            instead_of=champion,
        )
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
        return
    tell_after_rerun(f"{version.label} answers from now on.")
    st.rerun()
