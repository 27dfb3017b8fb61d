"""The history of the models as a timeline: who answered when, and every event with its reason."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import streamlit as st

from core.formats import moment, plain
from core.registry.events import EventKind, ModelEvent, list_events, list_reigns, title_event
from core.registry.evidence import describe_evidence, evidence_from_facts
from core.ui.parts import cache
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.frame import page_file
from core.ui.registry.charts import draw_reigns

_SHOWN = 6
_MOST = 200
_MOST_REIGNS = 500
_ICONS: dict[EventKind, str] = {
    "registered": "inventory_2",
    "challenger": "swords",
    "compared": "compare_arrows",
    "promoted": "military_tech",
    "rolled_back": "undo",
    "retraining": "model_training",
    "reviewed": "inbox",
    "refused": "gpp_bad",
    "deleted": "delete",
}
_COLOURS: dict[EventKind, str] = {
    "promoted": "green",
    "rolled_back": "orange",
    "refused": "red",
    "challenger": "blue",
}
_NAMES: dict[str, tuple[EventKind, ...]] = {
    "Who answers": ("promoted", "rolled_back", "refused"),
    "Comparisons": ("challenger", "compared"),
    "Retraining": ("retraining", "reviewed"),
    "Versions": ("registered", "deleted"),
}


@st.fragment
def show_timeline() -> None:
    """Draws who answered when, and the events, newest first, to be narrowed to some kinds."""
    promotions = list_events(cache.workspace(), _MOST_REIGNS, ("promoted", "rolled_back"))
    # Until the end of this minute: a chart that differs in nothing is not drawn again.
    minute = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    if reigns := list_reigns(promotions, minute):
        show_kept_chart(
            draw_reigns, reigns, alt="When each version answered; the list below says the same."
        )
    wanted = st.pills(
        "Show",
        list(_NAMES),
        selection_mode="multi",
        key="timeline.kinds",
        label_visibility="collapsed",
    )
    kinds = [kind for name in wanted for kind in _NAMES[name]]
    events = list_events(cache.workspace(), _MOST, kinds or None)
    if events:
        _show_events(events)
    else:
        st.caption("Nothing of that kind happened." if kinds else "Nothing has happened yet.")


def _show_events(events: Sequence[ModelEvent]) -> None:
    whole = st.session_state.get("timeline.whole", False)
    for event in events if whole else events[:_SHOWN]:
        _show_event(event)
    if len(events) > _SHOWN:
        more = f"Show the last {_MOST}" if len(events) == _MOST else f"Show all {len(events):,}"
        label = "Show fewer" if whole else f"{more} events"
        st.button(label, type="tertiary", on_click=_toggle, key="timeline.more")


def _toggle() -> None:
    st.session_state["timeline.whole"] = not st.session_state.get("timeline.whole", False)


def _show_event(event: ModelEvent) -> None:
    icon = f":material/{_ICONS[event.kind]}:"
    colour = _COLOURS.get(event.kind)
    mark = f":{colour}[{icon}]" if colour else icon
    said = f"{mark} **{plain(title_event(event), 200)}**"
    if event.reason:
        said += f" · “{plain(event.reason, 500)}”"
    evidence = evidence_from_facts(event.facts)
    below = [moment(event.time)]
    below += [plain(event.who, 60)] if event.who else []
    if event.facts.get("override"):
        below.append("without proof of a gain")
    with st.container(gap=None):
        st.markdown(said)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(" · ".join(below), width="content")
            _show_link(event)
        if evidence is not None:
            st.caption(plain(describe_evidence(evidence)))


def _show_link(event: ModelEvent) -> None:
    """Draws the way to the run that was trained, or to the dataset that was made."""
    workspace = cache.workspace()
    run, dataset = str(event.facts.get("run", "")), str(event.facts.get("dataset", ""))
    if event.kind == "retraining" and run and workspace.run_folder(run).exists():
        page, label, query = "training", "The run", {"watch": run}
    elif event.kind == "reviewed" and dataset and workspace.dataset_folder(dataset).exists():
        page, label, query = "dataset", "The dataset", {"dataset": dataset}
    else:
        return
    st.page_link(page_file(page), label=label, icon=":material/open_in_new:", query_params=query)
