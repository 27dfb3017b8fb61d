"""Dataset: what is in the photos, before anything is trained on them."""

import streamlit as st

from core.ui.adding import show_adding
from core.ui.dataset_cards import (
    pick_view,
    show_charts,
    show_dataset_facts,
    show_photos,
    show_set_aside,
)
from core.ui.frame import open_page
from core.ui.map_view import show_map
from core.ui.messages import report_errors
from core.ui.pickers import pick_dataset
from core.ui.tray import show_edits, show_tray
from core.ui.versions import show_versions

open_page("Dataset", "What is in the photos, before anything is trained on them.")

with report_errors():
    show_adding()
    dataset = pick_dataset(show_empty_state=False)
    show_dataset_facts(dataset)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        view = pick_view()
        show_tray(dataset)

    if view == "map":
        show_map(dataset)
    elif view == "edits":
        show_edits(dataset)
    elif view == "versions":
        show_versions(dataset)
    else:
        show_charts(dataset)
        show_photos(dataset)
        show_set_aside(dataset)
