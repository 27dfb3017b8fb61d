"""Dataset: what is in the photos, before anything is trained on them."""

import streamlit as st

from core.ui.dataset.adding import show_adding
from core.ui.dataset.cards import (
    pick_view,
    show_charts,
    show_dataset_facts,
    show_photos,
    show_set_aside,
)
from core.ui.dataset.map_view import show_map
from core.ui.dataset.versions import show_versions
from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors
from core.ui.parts.pickers import pick_dataset
from core.ui.photos.tray import show_edits, show_tray

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
