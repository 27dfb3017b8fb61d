"""The page “Models”: champion and challenger, all versions, the history, exports."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.config import read_settings
from core.errors import COMMAND
from core.formats import count, moment
from core.registry.events import ModelEvent, title_event
from core.registry.evidence import describe_evidence, evidence_from_facts
from core.ui.parts import cache
from core.ui.parts.messages import show_alarm_note, show_empty, show_told
from core.ui.recipes.run_cards import show_registering
from core.ui.registry.aliases import show_standing
from core.ui.registry.export import show_export_panel
from core.ui.registry.reading import Registry, read_registry
from core.ui.registry.versions import pick_version, show_version

_ANY_ADDRESS = ("0.0.0.0", "::", "")


def show_models() -> None:
    """Draw the champion, all versions, the history, exports and the line for programs."""
    show_told()
    show_alarm_note()
    registry = read_registry()
    if not registry.versions:
        _show_no_version(registry)
    show_standing(registry)
    with st.container(
        horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"
    ):
        st.subheader("Versions", anchor=False)
        if not cache.workspace().read_only:
            with st.popover("Register a run", icon=":material/add:"):
                show_registering()
    version = pick_version(registry)
    if version is not None:
        show_version(registry, version)
    _show_history(registry.events)
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
        _show_history(registry.events)
    st.stop()


def _show_history(events: Sequence[ModelEvent]) -> None:
    """Draw the newest events as a table."""
    st.subheader("History", anchor=False)
    table = pd.DataFrame(
        {
            "Time": [moment(event.time) for event in events],
            "Event": [title_event(event) for event in events],
            "Reason": [event.reason for event in events],
            "Proof": [_describe_proof(event) for event in events],
            "By": [event.who for event in events],
        }
    )
    st.dataframe(table, hide_index=True, alt=f"{count(len(events), 'event')}, newest first")


def _describe_proof(event: ModelEvent) -> str:
    if event.facts.get("override"):
        return "Without proof of a gain."
    evidence = evidence_from_facts(event.facts)
    return "" if evidence is None else describe_evidence(evidence)
