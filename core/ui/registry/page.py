"""The page “Models”: who answers, all versions, the history as a timeline, and the first of all."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from core.charts.theme import choose_palette, style_altair, title_params
from core.config import read_settings
from core.formats import duration, moment, plain
from core.installed import COMMAND
from core.registry.events import (
    EventKind,
    ModelEvent,
    Tenure,
    list_events,
    list_tenures,
    title_event,
)
from core.registry.evidence import describe_evidence, evidence_from_facts
from core.ui.parts import cache
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.frame import link_page
from core.ui.parts.messages import show_alarm_banner, show_empty, show_told
from core.ui.recipes.run_cards import show_registering
from core.ui.registry.aliases import show_standing
from core.ui.registry.export import show_export_panel
from core.ui.registry.reading import Registry, read_registry
from core.ui.registry.versions import pick_version, show_version

_ANY_ADDRESS = ("0.0.0.0", "::", "")
_SHOWN = 6
_MOST = 200
_MOST_TENURES = 500
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


def show_models() -> None:
    """Draw the champion, all versions, the history, exports and the line for programs."""
    show_told()
    show_alarm_banner()
    registry = read_registry()
    if not registry.versions:
        _show_no_version(registry)
    show_standing(registry)
    with st.container(
        horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"
    ):
        st.subheader("Versions", anchor=False)
        with st.popover("Register a run", icon=":material/add:"):
            show_registering()
    version = pick_version(registry)
    if version is not None:
        show_version(registry, version)
    st.subheader("History", anchor=False)
    _show_timeline()
    show_export_panel(version or registry.named("champion"))
    show_curl()


def show_curl() -> None:
    """Draw the line that asks the API about a photo."""
    settings = read_settings()
    host = settings.api_host
    if host in _ANY_ADDRESS:
        host = "127.0.0.1"
    protocol = "https" if settings.api_tls_certificate else "http"
    address = f"{protocol}://{f'[{host}]' if ':' in host else host}:{settings.api_port}"
    key = '-H "Authorization: Bearer $PETALSCOPE_API_KEY" ' if settings.api_key else ""
    st.subheader("Ask from a program", anchor=False)
    st.code(f"curl -s {key}-F photo=@tulip.jpg {address}/v1/predict", language="bash")
    st.caption(
        f"`make api` or `{COMMAND} serve` starts the API; its documentation is at `/openapi.json`."
    )


def _show_no_version(registry: Registry) -> None:
    """Draw the empty state, with the picker where a run is finished; ends the page."""
    if any(run.state == "done" for run in registry.runs.values()):
        with st.container(border=True):
            st.subheader("No version yet", anchor=False)
            st.write(
                "A version is a finished run made fast: its network, its head and its rule, each "
                "file under its digest. One version is the champion and answers everywhere; a "
                "better one takes its place, and you can always go back."
            )
            show_registering()
    else:
        show_empty(
            "No version yet",
            "A version is a finished run made fast, ready to classify photos on the page Predict "
            "and in the API. Train one first: with kept features it takes seconds.",
            "training",
            "Train a model",
            "model_training",
        )
    if registry.events:
        st.subheader("History", anchor=False)
        _show_timeline()
    st.stop()


@st.fragment
def _show_timeline() -> None:
    """Draw who answered when, and the events, newest first, to be narrowed to some kinds."""
    promotions = list_events(cache.workspace(), _MOST_TENURES, ("promoted", "rolled_back"))
    # Until the end of this minute: a chart that differs in nothing is not drawn again.
    minute = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    if tenures := list_tenures(promotions, minute):
        show_kept_chart(
            draw_tenures, tenures, alt="When each version answered; the list below says the same."
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
        toggle = partial(st.session_state.update, {"timeline.whole": not whole})
        st.button(label, type="tertiary", on_click=toggle, key="timeline.more")


def _show_event(event: ModelEvent) -> None:
    mark = f":material/{_ICONS[event.kind]}:"
    if event.kind in _COLOURS:
        mark = f":{_COLOURS[event.kind]}[{mark}]"
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
    """Draw the way to the run that was trained, or to the dataset that was made."""
    workspace = cache.workspace()
    run, dataset = str(event.facts.get("run", "")), str(event.facts.get("dataset", ""))
    if event.kind == "retraining" and run and workspace.run_folder(run).exists():
        link_page("training", "The run", "open_in_new", run=run)
    elif event.kind == "reviewed" and dataset and workspace.dataset_folder(dataset).exists():
        link_page("dataset", "The dataset", "open_in_new", dataset=dataset)


_MOST_ROWS = 10
_ROW_HEIGHT = 26
_TICKS = 6
_FORMATS = ((_TICKS * 60, "%H:%M:%S"), (86_400, "%H:%M"), (_TICKS * 86_400, "%d %b, %H:%M"))
"""Seconds below which the axis names its times like that, so that no two ticks read alike."""


def draw_tenures(tenures: Sequence[Tenure], dark: bool = False) -> Any:
    """Return the bars of the versions that answered last, at most ten, the newest number on top.

    Args:
        tenures: The first at the beginning; at least one.
    """
    colours = choose_palette(dark)
    latest = list(dict.fromkeys(one.version for one in reversed(tenures)))[:_MOST_ROWS]
    rows = pd.DataFrame([_describe(one) for one in tenures if one.version in latest])
    order = [f"v{number}" for number in sorted(latest, reverse=True)]
    spanned = (tenures[-1].end - rows["start"].min()).total_seconds()
    finest = next((shape for below, shape in _FORMATS if spanned < below), "%d %b")
    axis = alt.Axis(format=finest, tickCount=_TICKS, grid=False)
    scale = alt.Scale(type="utc", nice=False)
    base = alt.Chart(rows).encode(
        y=alt.Y("version:N", sort=None, scale=alt.Scale(domain=order, paddingInner=0.3), title=None)
    )
    bars = base.mark_bar(cornerRadius=2, minBandSize=6).encode(
        x=alt.X("start:T", title="time (UTC)", scale=scale, axis=axis),
        x2="end:T",
        color=alt.condition(alt.datum.going, alt.value(colours.accent), alt.value(colours.faint)),
        tooltip=[
            alt.Tooltip("version:N"),
            alt.Tooltip("since:N", title="from"),
            alt.Tooltip("until:N", title="to"),
            alt.Tooltip("length:N", title="for"),
            alt.Tooltip("reason:N"),
        ],
    )
    # A short tenure among long ones is thinner than a pixel: its beginning is marked, too.
    starts = base.mark_tick(thickness=2, color=colours.ink, height=14).encode(
        x=alt.X("start:T", scale=scale, axis=axis)
    )
    now = tenures[-1]
    title = title_params(
        f"v{now.version} answers, since {moment(now.start)}",
        "Green: answers now; a tick: took over",
    )
    height = len(order) * _ROW_HEIGHT + 104  # title and axis are within it
    return style_altair(
        alt.layer(bars, starts), dark, title=title, height=height, width="container"
    )


def _describe(one: Tenure) -> dict[str, object]:
    return {
        "version": f"v{one.version}",
        "start": one.start,
        "end": one.end,
        "going": one.is_going,
        "since": moment(one.start),
        "until": "now" if one.is_going else moment(one.end),
        "length": duration((one.end - one.start).total_seconds()),
        "reason": one.reason,
    }
