"""The content of the page Slices, read once, and its views “Worst slices” and “Shortcuts”.

In the URL: `by` (the view) and `slice` (a rule).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from core.datasets.quality.slicing import SliceStudy, study_slices
from core.evaluation.intervals import Estimate
from core.evaluation.shortcuts import Shortcut, say_shortcut
from core.evaluation.slice_search import LEAST_ERRORS, LEAST_PHOTOS, FoundSlice, say_points
from core.evaluation.slices import Rule, read_rule, say_rule, write_rule
from core.formats import count, interval, percent, percent_format, percent_ranges, plain
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.state import choose_from, keep_choice, read_choice, refuse_value

VIEWS = {
    "properties": "By property",
    "worst": "Worst slices",
    "shortcuts": "Shortcuts",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class SlicesPage(cache.RunPage):
    """The slices of a run on a split, and the chosen one."""

    study: SliceStudy
    view: str
    stated: str
    """The slice of the link, or ""."""
    rule: Rule | None
    """The same as a rule; None where this dataset does not have it."""

    def order_photos(self, photos: np.ndarray) -> np.ndarray:
        """Return the photos, wrong ones first, then by confidence."""
        scores = self.result.scores[photos]
        answers = scores.argmax(axis=1)
        wrong = answers != self.result.labels[photos]
        order = np.lexsort((-scores[np.arange(len(photos)), answers], ~wrong))
        return np.asarray(photos[order])


def read_slices(run: RunRecord, split: str) -> SlicesPage:
    """Read what the page shows of a run on a split."""
    study = _study(run.id, split)
    stated = read_choice("slice") or ""
    rule = read_rule(stated, study.properties) if stated else None
    if stated and rule is None:
        refuse_value("slice")
    return SlicesPage(
        run=run,
        split=split,
        study=study,
        view=choose_from("by", VIEWS, next(iter(VIEWS))),
        stated=stated,
        rule=rule,
    )


def _stamp(run_id: str, _split: str) -> tuple[float, str]:
    """Return the time of the result and the id of the quality analysis."""
    quality = cache.quality(cache.result(run_id).dataset_id)
    return cache.result_key(run_id), quality.id if quality else ""


@cache.cached_by(_stamp, most=8, wait="Searching for slices …")
def _study(run_id: str, split: str) -> SliceStudy:
    result = cache.result(run_id)
    dataset = cache.dataset(result.dataset_id)
    return study_slices(dataset, result, split, cache.quality(dataset.id))


_MOST_NAMED = 6
_MEANING = {
    "file": "The origin of a file should say nothing about its class. Look for a class that came "
    "from another source, camera or program.",
    "picture": "Light and detail should say little about the class. Look for classes photographed "
    "in another place or processed in another way.",
    "colour": "The colour may belong to the flower itself. It is a shortcut if it comes from the "
    "background.",
}


def show_worst(page: SlicesPage) -> None:
    """Draw the worst slices, confirmed ones first, each with a button that shows its photos."""
    study, search = page.study, page.study.search
    if search.too_few:
        where = "each half" if study.found_on == "halves" else f"the {study.found_on} photos"
        st.info(
            f"Too few photos or errors: the search needs {LEAST_PHOTOS} photos and {LEAST_ERRORS} "
            f"errors in {where}. The view “By property” needs fewer.",
            icon=":material/data_thresholding:",
        )
        return
    confirmed = [one for one in search.slices if one.is_confirmed]
    chance = [one for one in search.slices if not one.is_confirmed]
    if confirmed:
        st.markdown(
            "**Significantly worse than the rest**",
            help="Slices are found by a shallow decision tree and measured on other photos. "
            f"Fisher's exact test, adjusted for {count(len(search.slices), 'slice')}, p < 0.05.",
        )
    else:
        st.success("No slice is significantly worse than the rest.", icon=":material/check_circle:")
    for place, one in enumerate(confirmed):
        _show_slice(page, one, f"confirmed.{place}")
    if chance:
        with st.expander(f"Not significant ({len(chance)})", icon=":material/question_mark:"):
            for place, one in enumerate(chance):
                _show_slice(page, one, f"chance.{place}")


def _show_slice(page: SlicesPage, one: FoundSlice, name: str) -> None:
    words, written = say_rule(one.rule, page.study.properties), write_rule(one.rule)
    colour = "orange" if one.is_confirmed else "gray"
    own, apart = one.accuracy, one.apart
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap="xxsmall"):
            st.markdown(f"**{plain(words[0].upper() + words[1:])}**")
            st.markdown(
                f"Accuracy :{colour}[**{percent(own.value, own.n)}**] "
                f"({interval(own.low, own.high, own.n)}); expected from its class mix: "
                f"{percent(one.expected, own.n)}"
            )
            st.caption(
                f"{say_points(apart.difference)} points against the rest (95 % interval "
                f"{say_points(apart.low)} to {say_points(apart.high)}; n = {one.rest.n:,}). On the "
                f"photos that found it: {_say(one.found)}."
            )
        st.button(
            "Photos",
            icon=":material/photo_library:",
            key=f"slices.open.{name}",  # both halves may find the same rule
            type="primary" if page.stated == written else "secondary",
            on_click=partial(keep_choice, "slice", written),
        )


def show_shortcuts(study: SliceStudy) -> None:
    """Draw a warning for each shortcut, and the figures of all properties."""
    if not study.shortcuts:
        st.info("There are no training photos, or no property differs between them.")
        return
    warned = [one for one in study.shortcuts if one.is_warned]
    for one in warned:
        _warn(study, one)
    if not warned:
        st.success(
            "No property predicts the class well enough to be a shortcut.",
            icon=":material/check_circle:",
        )
    _show_table(study)


def _warn(study: SliceStudy, one: Shortcut) -> None:
    of, named, own = study.properties[one.name], one.separated, one.accuracy
    lines = [
        f"**{plain(say_shortcut(one, of.label), 60)}.** Accuracy of this property alone: "
        f"{percent(own.value, own.n)} ({interval(own.low, own.high, own.n)}); of the largest "
        f"class: {percent(one.majority, own.n)}."
    ]
    if named:
        areas = one.classes.set_index("class")["area"]
        parts = [f"{plain(name, 40)} ({areas[name]:.2f})" for name in named[:_MOST_NAMED]]
        more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        lines.append(f"Separated from all other classes (ROC area): {', '.join(parts)}{more}.")
    lines.append(
        f"Accuracy of the run where this property alone gives the right class: {_say(one.agrees)}; "
        f"where it does not: {_say(one.contradicts)}."
    )
    lines.append(_MEANING[of.about])
    st.warning("\n\n".join(lines), icon=":material/alt_route:")


def _say(accuracy: Estimate) -> str:
    return f"{percent(accuracy.value, accuracy.n)} (n = {accuracy.n:,})"


def _show_table(study: SliceStudy) -> None:
    found = study.shortcuts
    n, majority = found[0].accuracy.n, found[0].majority
    st.markdown(
        f"**Accuracy of each property alone** (largest class: {percent(majority, n)}, n = {n:,})",
        help="Up to 20 bins of the property, each predicting its most frequent training class; "
        f"judged on {study.judged_by} photos.",
    )
    table = pd.DataFrame(
        {
            "property": [study.properties[one.name].label for one in found],
            "accuracy": [100 * one.accuracy.value for one in found],
            "interval": percent_ranges(
                (one.accuracy.low for one in found), (one.accuracy.high for one in found)
            ),
            "best": [_name_best(one) for one in found],
            "followed": [100 * (one.agrees.value - one.contradicts.value) for one in found],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "property": "Property",
            "accuracy": st.column_config.NumberColumn("Accuracy", format=percent_format(n)),
            "interval": "95 % interval",
            "best": st.column_config.TextColumn(
                "Best separated class", help="ROC area of the class against all others."
            ),
            "followed": st.column_config.NumberColumn(
                "Run follows it",
                format="%+.0f points",
                help="Accuracy of the run where the property is right minus where it is wrong. "
                "Large: the run may rely on it.",
            ),
        },
        alt="Accuracy of each property alone",
    )


def _name_best(one: Shortcut) -> str:
    if one.classes.empty:
        return "–"
    best = one.classes.iloc[0]
    return f"{best['class']} ({best['area']:.2f})"
