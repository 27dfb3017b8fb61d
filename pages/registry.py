"""Models: registered versions, which one answers, which one challenges it, and the history."""

import streamlit as st

from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors, show_alarm_banner, show_told
from core.ui.parts.run_cards import show_registering
from core.ui.registry.api_snippets import show_snippets
from core.ui.registry.empty import show_no_version
from core.ui.registry.export_panel import show_export_panel
from core.ui.registry.reading import read_registry
from core.ui.registry.standing import show_standing
from core.ui.registry.timeline import show_timeline
from core.ui.registry.versions import pick_version, show_version

open_page(
    "Models",
    "Registered versions: which one answers, which one challenges it, and how it came to that.",
)

show_told()
with report_errors():
    show_alarm_banner()
    registry = read_registry()
    if not registry.versions:
        show_no_version(registry)
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
    show_timeline()
    show_export_panel(version or registry.named("champion"))
    show_snippets()
