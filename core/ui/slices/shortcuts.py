"""The slices page, view “Shortcuts”: what says the class without looking at the flower."""

import pandas as pd
import streamlit as st

from core.datasets.quality.slicing import SliceStudy
from core.evaluation.shortcuts import Group, Shortcut, say_shortcut
from core.formats import interval, percent, percent_format, plain

_MOST_NAMED = 6
_MEANING = {
    "file": "How a file came about should say nothing of what it shows: sort the photos by it, and "
    "look for one that came from another source, camera or program.",
    "picture": "Light or detail should say little of what a photo shows: look whether the photos "
    "of these classes were taken in another place, at another time, or processed in another way.",
    "colour": "Colour may well be honest here, as flowers have colours; it is a shortcut where the "
    "background has it.",
}


def show_shortcuts(study: SliceStudy) -> None:
    """Draws warnings of properties that predict the class, and the figures of all properties."""
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


def count_warnings(study: SliceStudy) -> int:
    """Returns how many properties are warned of."""
    return sum(one.is_warned for one in study.shortcuts)


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
