"""The mistakes page: ranked lists of photos, as a gallery or one by one."""

import secrets
from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from core.charts.theme import format_share
from core.evaluation.intervals import wilson_interval
from core.evaluation.mistakes import Ranking, Sampled
from core.formats import count, interval, percent, plain
from core.runs.result import RunResult
from core.runs.store import RunRecord
from core.ui.mistakes.reading import (
    ENDLESS,
    MOST_OTHERS,
    REVIEW,
    SEEDS,
    MistakesPage,
    is_reviewing,
    read_mistakes,
)
from core.ui.mistakes.review import go_to, show_review
from core.ui.parts.pickers import pick_named, pick_one, title_run
from core.ui.parts.seal import ask_before_test
from core.ui.parts.state import bind_choice, keep_choice
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel
from core.ui.photos.tray import mark_tray, show_tray

_TITLES: dict[Ranking, str] = {
    "highest-loss": "Highest loss",
    "confidently-wrong": "Confidently wrong",
    "barely-right": "Barely correct",
    "least-sure": "Least confident",
    "wrong-in-every-run": "Wrong in every run",
    "wrong-in-this-run-only": "Wrong only here",
    "random": "Random sample",
}
_LINE = 19
"""Letters that fit on a line under a photo."""
_HARD_SPACE = "\u00a0"
_SAMPLED: dict[Sampled, str] = {"all": "All", "right": "Correct", "wrong": "Wrong"}
_DEFINITIONS: dict[Ranking, str] = {
    "highest-loss": "Wrong photos, lowest score of the true class first.",
    "confidently-wrong": "Wrong photos, most confident first.",
    "barely-right": "Correct photos, smallest margin over the runner-up first.",
    "least-sure": "All photos, least confident first.",
    "wrong-in-every-run": "Photos that all these runs get wrong, lowest mean score of the true "
    "class first: hard photos and wrong labels.",
    "wrong-in-this-run-only": "Photos that only this run gets wrong, highest mean score of the "
    "true class in the others first.",
    "random": "A random sample. The address of this page opens the same photos again.",
}


def show_mistakes(run: RunRecord, split: str) -> None:
    """Draw the photos of a run and a split."""
    page = read_mistakes(run, split)
    pick_one("Which photos", _TITLES, bind_choice("tab", page.ranking, key="mistakes.tab"))
    if not page.needs_others or _pick_others(page):
        _show_ranked(page)
    show_photo_panel(page.dataset)


def _show_ranked(page: MistakesPage) -> None:
    if page.needs_others and page.split == "test":
        ask_before_test(*page.others)
    reviewing = is_reviewing()
    if not reviewing:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            for name, label in (("true", "True class"), ("predicted", "Predicted class")):
                _pick_class(page, name, label)
            if page.ranking == "random":
                _pick_sample(page)
            show_review_button(page.photos)
        _describe_list(page)
    show_photos(page)
    if reviewing:
        _describe_list(page)


def _describe_list(page: MistakesPage) -> None:
    """Draw the definition of the list, its order, and its share of the photos."""
    ranking, ranked, matching = page.ranking, page.ranked, len(page.matching)
    total, n = len(ranked.photos), ranked.n
    drawn = ranking == "random" and page.sampled == "all"
    parts = [_DEFINITIONS[ranking]]
    if page.result.scored == "none":
        parts = ["These predictions have no scores: photos of equal rank are ordered by name."]
    if ranking == "least-sure" or drawn:
        parts.append(f"n = {n:,} {page.split} photos.")
    elif n:
        parts.append(f"{total:,} of {count(n, f'{page.split} photo')}: {_say_share(total, n)}.")
    if ranked.left_out:
        parts.append(f"{count(ranked.left_out, 'photo')} of this split cannot be compared.")
    if matching < total:
        words = " and ".join(
            f"{name} class {plain(page.result.classes[number])}"
            for name, number in page.chosen.items()
            if number is not None
        )
        parts.append(f"{matching:,} have {words}.")
    if matching > (most := ENDLESS.get(ranking, matching)):
        parts.append(f"{most} are shown.")
    if drawn and matching:
        photos = page.photos
        correct = int((~page.answers.wrong[photos]).sum())
        share = _say_share(correct, len(photos))
        parts.append(f"Correct in this sample: {correct} of {len(photos)}, {share}.")
    st.caption(" ".join(parts))


def _say_share(part: int, n: int) -> str:
    return f"{percent(part / n, n)}, {interval(*wilson_interval(part, n), n)}"


def _pick_sample(page: MistakesPage) -> None:
    """Draw the choice of photos to sample, and the button that draws another sample."""
    bound = bind_choice("of", page.sampled, key="mistakes.of")
    pick_named("Of", _SAMPLED, width=160, **bound)
    st.button(
        "Draw again",
        icon=":material/casino:",
        key="mistakes.draw",
        on_click=lambda: keep_choice("seed", str(1 + secrets.randbelow(SEEDS - 1))),
    )


def _pick_others(page: MistakesPage) -> bool:
    """Draw the choice of runs to compare with; return whether any is chosen."""
    if not page.known:
        st.info(
            "This list compares runs. Train another run on the same photos first.",
            icon=":material/model_training:",
        )
        return False
    key = f"mistakes.others.{page.run.id}"

    def describe(one: str) -> str:
        run = page.known[one]
        accuracy = percent(run.best_val_accuracy or 0.0, run.val_photos or 0)
        return f"{title_run(run)} · {run.recipe.strategy.replace('_', ' ')} · {accuracy}"

    st.session_state[key] = [one.id for one in page.others]
    st.multiselect(
        "Compared with",
        list(page.known),
        format_func=describe,
        max_selections=MOST_OTHERS,
        key=key,
        placeholder="Choose at least one run",
    )
    if not page.others:
        st.info("Choose at least one other run.", icon=":material/compare_arrows:")
    return bool(page.others)


def _pick_class(page: MistakesPage, name: str, label: str) -> None:
    """Draw the list of classes with their numbers of ranked photos."""
    classes, number = page.result.classes, page.chosen[name]
    numbers = np.bincount(page.columns[name], minlength=len(classes))
    chosen = None if number is None else classes[number]
    st.selectbox(
        label,
        [one for number, one in enumerate(classes) if numbers[number] or one == chosen],
        index=None,
        format_func=lambda one: f"{one} ({numbers[classes.index(one)]:,})",
        placeholder="Any",
        width=170,  # two stand side by side on a phone
        **bind_choice(name, chosen, key=f"mistakes.{name}"),
    )


def show_review_button(photos: np.ndarray) -> None:
    """Draw the button that starts the review."""
    st.button(
        "One by one",
        icon=":material/crop_portrait:",
        key="mistakes.begin",
        type="primary",
        disabled=len(photos) == 0,
        on_click=partial(go_to, photos, 0),
        help="Review by keyboard: arrows move, digits relabel, x excludes, u undoes.",
    )


def show_photos(page: MistakesPage) -> None:
    """Draw the photos of a list as a gallery, or one by one."""
    photos, dataset = page.photos, page.dataset
    if len(photos) == 0:
        keep_choice(REVIEW, None)
        st.info("No photos in this list.", icon=":material/filter_alt_off:")
    elif is_reviewing():
        keep_choice(REVIEW, str(photos[page.find_place()]))
        show_review(page)
    else:
        show_tray(dataset)
        if page.result.scored == "all":
            st.caption(
                "Below each photo: score of its true class, then of the predicted class (→) or, if "
                "correct, of the runner-up (2nd)."
            )
        captions = _caption_photos(page)
        show_gallery(dataset, photos, key="mistakes", captions=captions, badges=mark_tray(dataset))


def _caption_photos(page: MistakesPage) -> Callable[[int], str]:
    result, said = page.result, page.answers

    def caption(photo: int) -> str:
        scores, label = result.scores[photo], int(result.labels[photo])
        other, mark = int(said.predictions[photo]), "→"
        if not said.wrong[photo]:
            other, mark = int(np.argsort(-scores, kind="stable")[1]), "2nd"
        lines = ((label, ""), (other, f"{mark} "))
        has_second = result.scored == "all" or said.wrong[photo]
        return "\n".join(
            _fit(f"{before}{_say_score(result, photo, number)}{result.classes[number]}")
            for number, before in lines[: 1 + has_second]
        )

    return caption


def _say_score(result: RunResult, photo: int, number: int) -> str:
    has_one = result.has_score(photo, number)
    return f"{format_share(float(result.scores[photo, number]))} " if has_one else ""


def _fit(line: str) -> str:
    """Cut a text to one line under a photo."""
    cut = line if len(line) <= _LINE else f"{line[: _LINE - 1]}…"
    return cut.replace(" ", _HARD_SPACE)
