"""Mistakes: the photos that go wrong, and why: look, compare, relabel or set aside."""

import streamlit as st

from core.ui import cache
from core.ui.frame import open_page
from core.ui.messages import report_errors, show_random_banner
from core.ui.mistakes_lists import (
    cut_list,
    describe_list,
    filter_classes,
    list_ranked,
    pick_ranking,
    show_filters,
)
from core.ui.mistakes_photos import read_view, show_photos, show_review_button
from core.ui.mistakes_saved import read_open_selection, show_saved, show_saving, show_selection
from core.ui.photo_panel import show_photo_panel
from core.ui.pickers import pick_run_and_split
from core.ui.run_cards import show_run_facts

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
