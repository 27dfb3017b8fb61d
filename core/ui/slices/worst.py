"""The slices page, view “Worst slices”: what a search found, and how far it can be trusted."""

from functools import partial

import streamlit as st

from core.datasets.quality.slicing import SliceStudy
from core.evaluation.slice_search import LEAST_ERRORS, LEAST_PHOTOS, FoundSlice, say_points
from core.evaluation.slices import say_rule, write_rule
from core.formats import count, interval, percent, plain
from core.ui.parts.state import keep_choice, read_choice


def show_worst(study: SliceStudy) -> None:
    """Draws the worst slices, confirmed ones first, each with the button that shows its photos."""
    search = study.search
    if search.too_few:
        which = (
            f"on each side of a cut in two; these are {count(study.n, 'photo')} and "
            f"{count(int((~study.right).sum()), 'error')}"
            if study.found_on == "halves"
            else f"among the {study.found_on} photos, which slices are found on: there are fewer"
        )
        st.info(
            f"A search needs {LEAST_PHOTOS} photos and {LEAST_ERRORS} errors {which}. The view "
            "“By property” needs less.",
            icon=":material/data_thresholding:",
        )
        return
    confirmed = [one for one in search.slices if one.is_confirmed]
    chance = [one for one in search.slices if not one.is_confirmed]
    if not confirmed:
        st.success("No slice is worse than the rest beyond chance.", icon=":material/check_circle:")
    else:
        st.markdown("**Worse than the rest beyond chance**")
    for place, one in enumerate(confirmed):
        _show_slice(study, one, f"confirmed.{place}")
    if chance:
        st.markdown("**Found, but not confirmed**")
        st.caption("Other photos do not bear them out: they may be chance, or too few to tell.")
        for place, one in enumerate(chance):
            _show_slice(study, one, f"chance.{place}")
    st.caption(_say_how(study))


def _show_slice(study: SliceStudy, one: FoundSlice, name: str) -> None:
    words, written = say_rule(one.rule, study.properties), write_rule(one.rule)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap="xxsmall"):
            st.markdown(f"**{plain(words[0].upper() + words[1:])}**")
            st.markdown(_say_accuracy(one))
            st.caption(_say_difference(one))
        st.button(
            "Photos",
            icon=":material/photo_library:",
            key=f"slices.open.{name}",  # both halves may find the same rule
            type="primary" if read_choice("slice") == written else "secondary",
            on_click=partial(keep_choice, "slice", written),
        )


def _say_accuracy(one: FoundSlice) -> str:
    colour = "orange" if one.is_confirmed else "gray"
    return (
        f":{colour}[**{percent(one.accuracy, one.n)}**] right "
        f"({interval(one.low, one.high, one.n)})"
    )


def _say_difference(one: FoundSlice) -> str:
    ends = f"{say_points(one.difference_low)} to {say_points(one.difference_high)}"
    explained = ": they do not explain it" if one.expected > one.high else ", much the same"
    classes = f"Its classes alone would give {percent(one.expected, one.n)}"
    return (
        f"{say_points(one.difference)} points against the rest (95 % interval {ends}; "
        f"n = {one.rest_n:,}). "
        f"{classes}{explained if one.is_confirmed else ''}. "
        f"Where it was found: {percent(one.found_accuracy, one.found_n)} of {one.found_n:,}."
    )


def _say_how(study: SliceStudy) -> str:
    found = (
        "each half of these photos was searched, and what it gave was measured on the other half"
        if study.found_on == "halves"
        else f"{study.found_on} photos were searched, and what they gave was measured on these"
    )
    return (
        f"How: {found}, so the intervals mean what they say. A shallow tree tried "
        f"{count(study.search.looked_at, 'cut')} of light, detail, size, shape, colour and source; "
        f"{count(len(study.search.slices), 'slice')} came out and are listed. Worse beyond chance: "
        "Fisher's exact test, adjusted for their number, p < 0.05. “Photos” shows all of the split."
    )
