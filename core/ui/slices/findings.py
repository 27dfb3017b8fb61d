"""The slices page, views “Worst slices” and “Shortcuts”: what was found, how far to trust it."""

from functools import partial

import pandas as pd
import streamlit as st

from core.datasets.quality.slicing import SliceStudy
from core.evaluation.shortcuts import Group, Shortcut, say_shortcut
from core.evaluation.slice_search import LEAST_ERRORS, LEAST_PHOTOS, FoundSlice, say_points
from core.evaluation.slices import say_rule, write_rule
from core.formats import count, interval, percent, percent_format, plain
from core.ui.parts.state import keep_choice
from core.ui.slices.reading import SlicesPage

_MOST_NAMED = 6
_MEANING = {
    "file": "How a file came about should say nothing of what it shows: sort the photos by it, and "
    "look for one that came from another source, camera or program.",
    "picture": "Light or detail should say little of what a photo shows: look whether the photos "
    "of these classes were taken in another place, at another time, or processed in another way.",
    "colour": "Colour may well be honest here, as flowers have colours; it is a shortcut where the "
    "background has it.",
}


def show_worst(page: SlicesPage) -> None:
    """Draw the worst slices, confirmed ones first, each with the button that shows its photos."""
    study, search = page.study, page.study.search
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
        _show_slice(page, one, f"confirmed.{place}")
    if chance:
        st.markdown("**Found, but not confirmed**")
        st.caption("Other photos do not bear them out: they may be chance, or too few to tell.")
        for place, one in enumerate(chance):
            _show_slice(page, one, f"chance.{place}")
    st.caption(_say_how(study))


def _show_slice(page: SlicesPage, one: FoundSlice, name: str) -> None:
    words, written = say_rule(one.rule, page.study.properties), write_rule(one.rule)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap="xxsmall"):
            st.markdown(f"**{plain(words[0].upper() + words[1:])}**")
            st.markdown(_say_accuracy(one))
            st.caption(_say_difference(one))
        st.button(
            "Photos",
            icon=":material/photo_library:",
            key=f"slices.open.{name}",  # both halves may find the same rule
            type="primary" if page.stated == written else "secondary",
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


def show_shortcuts(study: SliceStudy) -> None:
    """Draw warnings of properties that predict the class, and the figures of all properties."""
    if not study.shortcuts:
        st.info("There are no training photos, or nothing that parts them.")
        return
    warned = [one for one in study.shortcuts if one.is_warned]
    if not warned:
        st.success(
            "No property says the class well enough to be a shortcut.",
            icon=":material/check_circle:",
        )
    for one in warned:
        _warn(study, one)
    _show_table(study)
    st.caption(
        "How: for each property alone, the most frequent class of each of up to 20 bins is learnt "
        f"from training photos and judged by {study.shortcuts[0].n:,} {study.judged_by} photos. "
        "Followed: the run's accuracy where the property points to the right class, less where it "
        "points to another; a run that leans on a shortcut is much better where it holds."
    )


def _warn(study: SliceStudy, one: Shortcut) -> None:
    of = study.properties[one.name]
    named = one.told_apart
    title = plain(say_shortcut(one, of.label), 60)
    lines = [
        f"**{title}.** Alone, it finds the class of "
        f"{percent(one.accuracy, one.n)} of the photos ({interval(one.low, one.high, one.n)}); "
        f"always saying the most frequent class finds {percent(one.majority, one.n)}."
    ]
    if named:
        areas = one.classes.set_index("class")["area"]
        parts = [f"{plain(name, 40)} ({areas[name]:.2f})" for name in named[:_MOST_NAMED]]
        more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        lines.append(f"It tells apart, with the area under ROC: {', '.join(parts)}{more}.")
    lines.append(
        f"The run is right on {_say(one.agrees)} of the photos where it points to the right class, "
        f"and on {_say(one.contradicts)} where it points to another."
    )
    lines.append(_MEANING[of.about])
    st.warning("\n\n".join(lines), icon=":material/alt_route:")


def _say(group: Group) -> str:
    return f"{percent(group.accuracy, group.n)} (n = {group.n:,})"


def _show_table(study: SliceStudy) -> None:
    rows = [
        {
            "property": study.properties[one.name].label,
            "accuracy": 100 * one.accuracy,
            "interval": f"{100 * one.low:.0f} to {100 * one.high:.0f}",
            "followed": round(100 * (one.agrees.accuracy - one.contradicts.accuracy)) + 0.0
            if one.agrees.n and one.contradicts.n
            else None,
            "best": _name_best(one),
            "p": one.p_value,
        }
        for one in study.shortcuts
    ]
    n, majority = study.shortcuts[0].n, study.shortcuts[0].majority
    st.markdown(
        f"**What each property alone finds**, where the most frequent class finds "
        f"{percent(majority, n)} (n = {n:,})"
    )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={
            "property": "Property",
            "accuracy": st.column_config.NumberColumn("Finds", format=percent_format(n)),
            "interval": st.column_config.TextColumn("95 % interval", help="Wilson, in percent."),
            "p": st.column_config.NumberColumn(
                "p", format="%.3f", help="Of knowing nothing: labels dealt anew, adjusted by Holm."
            ),
            "best": st.column_config.TextColumn(
                "Best told apart", help="Area under ROC of the class against all others."
            ),
            "followed": st.column_config.NumberColumn("Followed", format="%+.0f points"),
        },
        alt="How well each property alone says the class",
    )


def _name_best(one: Shortcut) -> str:
    if one.classes.empty:
        return "–"
    best = one.classes.iloc[0]
    return f"{best['class']} ({best['area']:.2f})"
