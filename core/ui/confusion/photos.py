"""The photos of a cell, a row or a column; for two runs, the photos that moved in and out."""

from functools import partial

import streamlit as st

from core.evaluation.intervals import wilson_interval
from core.formats import count, interval, percent, plain
from core.runs.common_photos import CommonPhotos
from core.ui.confusion.reading import Chosen, ConfusionPage, RunPair, choose, forget_row
from core.ui.parts.frame import link_page
from core.ui.parts.pickers import pick_one
from core.ui.parts.state import bind_choice, choose_from
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel
from core.ui.wall import Wall, show_wall

_TYPICAL = 6
_KINDS = {"came": "New here", "left": "No longer here"}


def show_chosen_photos(page: ConfusionPage) -> None:
    """Draw the photos of the chosen cell, row or column, and the panel of an opened photo."""
    if page.chosen is None:
        st.info("Choose a cell, a row or a column to see its photos.", icon=":material/ads_click:")
    elif page.pair is not None:
        _show_moved(page, page.pair, page.chosen)
    else:
        _show_cell(page, page.chosen)
    show_photo_panel(page.dataset)


def _show_cell(page: ConfusionPage, chosen: Chosen) -> None:
    """Draw the photos of one run, wrong ones first, then by confidence."""
    result, photos = page.result, page.find_photos(chosen)
    st.subheader(_title(page.classes, chosen), anchor=False)
    st.caption(_describe(page, chosen, len(photos)))
    if chosen.is_error:
        with st.container(horizontal=True, vertical_alignment="center"):
            _show_way_back(page, chosen)
            if len(photos):
                names = [page.classes[number or 0] for number in (chosen.true, chosen.predicted)]
                query = dict(zip(("true", "predicted"), names, strict=True))
                query |= {"run": page.run.id, "split": page.split}
                link_page("mistakes", "Review them one by one", "rule", **query)
    answers = {int(photo): int(result.scores[photo].argmax()) for photo in photos}

    def describe(photo: int) -> str:
        answer = answers[photo]
        said = f"{result.say_score(photo, answer)} {page.classes[answer]}".strip()
        return f"{page.classes[result.labels[photo]]}\n{said}" if chosen.true is None else said

    def mark(photo: int) -> list[str]:
        return ["wrong"] if answers[photo] != result.labels[photo] else []

    if len(photos):
        badges = mark if chosen.true is None or chosen.predicted is None else None
        show_gallery(page.dataset, photos, key="cell", captions=describe, badges=badges)
    if chosen.is_error:
        _show_typical(page, chosen)


def _title(classes: tuple[str, ...], chosen: Chosen) -> str:
    true, predicted = (
        None if number is None else plain(classes[number], 60)
        for number in (chosen.true, chosen.predicted)
    )
    if predicted is None:
        return f"All photos of {true}"
    if true is None:
        return f"All photos predicted as {predicted}"
    return f"{true} {'recognised as' if true == predicted else 'mistaken for'} {predicted}"


def _describe(page: ConfusionPage, chosen: Chosen, photos: int) -> str:
    """Return how many photos these are, with the interval of their share."""
    labels, predictions, split = page.labels, page.predictions, page.split
    true = labels == chosen.true
    if chosen.true is None:
        n, shown = photos, int((labels[predictions == chosen.predicted] == chosen.predicted).sum())
        words = f"{count(n, f'{split} photo')}, {shown:,} of them correct"
    elif chosen.predicted is None:
        n, shown = int(true.sum()), int((predictions[true] == chosen.true).sum())
        words = f"{count(n, f'{split} photo')}, {shown:,} of them correct"
    else:
        n, shown = int(true.sum()), photos
        name = plain(page.classes[chosen.true], 60)
        words = f"{shown:,} of the {count(n, f'{split} photo')} of {name}"
    if n == 0:
        return f"{words}."
    share = f": {percent(shown / n, n)} ({interval(*wilson_interval(shown, n), n)})"
    first = "" if page.result.scored == "none" else " Most confident first."
    return f"{words}{share}.{first if chosen.is_error else ' Wrong ones first.'}"


def _show_way_back(page: ConfusionPage, chosen: Chosen) -> None:
    """Draw the button to the mirrored cell."""
    mirrored = int(page.matrix[chosen.predicted, chosen.true])

    def turn() -> None:
        forget_row()
        choose(page.classes, chosen.predicted, chosen.true)

    st.button(
        f"The reverse: {count(mirrored, 'photo')}",
        icon=":material/swap_horiz:",
        type="tertiary",
        key="confusion.mirror",
        on_click=turn,
        disabled=mirrored == 0,
    )


def _show_typical(page: ConfusionPage, chosen: Chosen) -> None:
    """Draw typical training photos of both classes side by side."""
    for place, (number, role, key) in zip(
        st.columns(2, gap="medium"),
        ((chosen.true, "True class", "true"), (chosen.predicted, "Predicted as", "taken")),
        strict=True,
    ):
        assert number is not None
        typical = page.find_typical(number, _TYPICAL)
        name = plain(page.classes[number], 40)
        with place.container(border=True):
            st.markdown(f"**{role}: typical {name}**")
            if len(typical.photos):
                show_wall(
                    page.dataset,
                    typical.photos,
                    Wall(
                        f"typical.{key}",
                        captions=partial(page.result.say_score, class_number=number),
                        selectable=False,
                    ),
                )
            else:
                st.caption(f"All training photos of {name} are predicted wrongly.")
            highest = " with the highest scores" if page.result.scored != "none" else ""
            st.caption(
                "Correct training photos nearest to the class centre."
                if typical.by_features
                else f"Correct training photos{highest} (the features are missing)."
            )


def _show_moved(page: ConfusionPage, pair: RunPair, chosen: Chosen) -> None:
    """Draw the photos that this run moves into the chosen cell and out of it."""
    common, moved = pair.common, page.find_moved(pair, chosen)
    st.subheader(_title_moved(common.classes, chosen), anchor=False)
    names = {one: f"{_KINDS[one]} ({len(rows):,})" for one, rows in moved.items()}
    stated = choose_from("moved", moved, "")
    held = next((one for one in (stated, *moved) if len(moved.get(one, ()))), "came")
    shown = bind_choice("moved", held, key="confusion.moved")
    kind = pick_one("Photos that", names, shown)
    st.caption(f"Below each photo: prediction of run {pair.other.number} → run {page.run.number}.")
    rows = moved[kind]
    if len(rows) == 0:
        st.info("No photo.", icon=":material/filter_alt_off:")
        return
    photos = common.photos_b[rows]
    said = {
        int(photo): _say_photo(common, int(row), chosen)
        for photo, row in zip(photos, rows, strict=True)
    }
    show_gallery(page.dataset, photos, key="moved", captions=said.__getitem__)


def _title_moved(classes: tuple[str, ...], chosen: Chosen) -> str:
    """Return the heading of the photos that moved."""
    if chosen.predicted is None:
        assert chosen.true is not None
        return f"{plain(classes[chosen.true], 60)}: newly correct, or no longer"
    if chosen.true is None:
        return f"Predicted as {plain(classes[chosen.predicted], 60)}: now, or no longer"
    return f"{_title(classes, chosen)}: now, or no longer"


def _say_photo(common: CommonPhotos, row: int, chosen: Chosen) -> str:
    before, after = common.predictions_a[row], common.predictions_b[row]
    change = f"{common.classes[before]} → {common.classes[after]}"
    return change if chosen.true is not None else f"{common.classes[common.labels[row]]}\n{change}"
