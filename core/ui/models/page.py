"""The page “Models”: champion and challenger, all versions, the history, exports."""

import pandas as pd
import streamlit as st

from core.config import read_settings
from core.errors import COMMAND
from core.formats import count, moment
from core.registry.events import describe_proof, title_event
from core.ui.models.export import show_export_panel
from core.ui.models.reading import Registry, read_registry
from core.ui.models.standing import show_standing
from core.ui.models.versions import pick_version, show_version
from core.ui.parts import cache
from core.ui.parts.messages import show_alarm_note, show_empty, show_told
from core.ui.recipes.run_cards import show_registering

_ANY_ADDRESS = ("0.0.0.0", "::", "")


def show_models() -> None:
    """Draw the champion, all versions, the history, exports and the line for programs."""
    show_told()
    show_alarm_note()
    registry = read_registry()
    if not registry.versions:
        _show_no_version(registry)
        return
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
    _show_history(registry)
    show_export_panel(version or registry.named("champion"))
    show_curl()


def show_curl() -> None:
    """Draw the line that asks the API about a photo."""
    settings = read_settings()
    host = "127.0.0.1" if settings.api_host in _ANY_ADDRESS else settings.api_host
    address = f"http://{f'[{host}]' if ':' in host else host}:{settings.api_port}"
    key = '-H "Authorization: Bearer $PETALSCOPE_API_KEY" ' if settings.api_key else ""
    st.subheader("Use it from a program", anchor=False)
    st.code(f"curl -s {key}-F photo=@tulip.jpg {address}/v1/predict", language="bash")
    st.caption(
        f"`make api` or `{COMMAND} serve` starts the API; its documentation is at `/openapi.json`."
    )


def _show_no_version(registry: Registry) -> None:
    """Draw the empty state, with the picker where a run is finished."""
    about = "A version is a frozen copy of a finished run, ready to classify photos."
    if any(run.state == "done" for run in registry.runs.values()):
        with st.container(border=True):
            st.subheader("No version yet", anchor=False)
            st.write(
                f"{about} One version, the champion, answers everywhere. You can replace it with a "
                "better one, and roll back at any time."
            )
            show_registering()
    else:
        about = f"{about} Train a run first: with cached features it takes seconds."
        show_empty("No version yet", about, "training", "Train a model", "model_training")
    if registry.events:
        _show_history(registry)


def _show_history(registry: Registry) -> None:
    """Draw the newest events as a table."""
    events = registry.events
    st.subheader("History", anchor=False)
    table = pd.DataFrame(
        {
            "Time": [moment(event.time) for event in events],
            "Event": [title_event(event) for event in events],
            "Reason": [event.reason for event in events],
            "Proof": [describe_proof(event) for event in events],
            "By": [event.who for event in events],
        }
    )
    st.dataframe(table, hide_index=True, alt=f"{count(len(events), 'event')}, newest first")
