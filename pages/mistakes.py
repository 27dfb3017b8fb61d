"""Mistakes: the photos that go wrong, and why: look, compare, relabel or set aside."""

import streamlit as st

from core.ui.mistakes.lists import (
    cut_list,
    describe_list,
    filter_classes,
    list_ranked,
    pick_ranking,
    show_filters,
)
from core.ui.mistakes.photos import read_view, show_photos, show_review_button
from core.ui.mistakes.saved import read_open_selection, show_saved, show_saving, show_selection
from core.ui.parts import cache
from core.ui.parts.frame import open_page
from core.ui.parts.messages import report_errors, show_random_banner
from core.ui.parts.pickers import pick_run_and_split
from core.ui.parts.run_cards import show_run_facts
from core.ui.photos.panel import show_photo_panel

open_page("Mistakes", "The photos that go wrong, and why: look, compare, relabel or set aside.")

with report_errors():
    selection = read_open_selection()
    if selection is not None:
        show_photo_panel(show_selection(selection))
        st.stop()

    run, split = pick_run_and_split()
    dataset, view = cache.dataset(run.recipe.dataset), read_view()
    if view == "gallery":
        show_run_facts(run)
    elif run.recipe.weights == "random":
        show_random_banner()
    ranking = pick_ranking()
    ranked = list_ranked(run, split, ranking)
    if ranked is not None:
        matching = filter_classes(run, ranked.photos)
        photos = cut_list(ranking, matching)
        if view == "gallery":
            with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
                show_filters(run, ranked.photos)
                show_review_button(photos)
                show_saving(run, dataset, photos)
                show_saved()
            describe_list(run, split, ranking, ranked, len(matching))
        show_photos(run, dataset, photos)
        if view == "review":
            describe_list(run, split, ranking, ranked, len(matching))
    show_photo_panel(dataset)
