"""The mistakes page: rankings of photos that go wrong, as a gallery or one by one."""

import secrets

import numpy as np
import streamlit as st

from core.evaluation.intervals import wilson_interval
from core.evaluation.mistakes import Ranking, Sampled
from core.formats import count, interval, percent, plain
from core.runs.store import RunRecord
from core.ui.mistakes.reading import (
    ENDLESS,
    MOST_OTHERS,
    SEEDS,
    MistakesPage,
    is_reviewing,
    read_mistakes,
)
from core.ui.mistakes.review import show_photos, show_review_button
from core.ui.parts.pickers import pick_one, title_run
from core.ui.parts.seal import ask_before_test
from core.ui.parts.state import bind_choice, keep_choice
from core.ui.photos.panel import show_photo_panel

_TITLES: dict[Ranking, str] = {
    "highest-loss": "Highest loss",
    "confidently-wrong": "Confidently wrong",
    "barely-right": "Barely right",
    "least-sure": "Least sure",
    "wrong-in-every-run": "Wrong in every run",
    "wrong-in-this-run-only": "Wrong in this run only",
    "random": "Random sample",
}
_SAMPLED: dict[Sampled, str] = {"all": "All", "right": "Right answers", "wrong": "Wrong answers"}
_DEFINITIONS: dict[Ranking, str] = {
    "highest-loss": "Wrong photos, the lowest score of the true class first. (The loss of a photo "
    "is −ln of that score.)",
    "confidently-wrong": "Wrong photos, the highest score of the predicted class first.",
    "barely-right": "Right photos, the smallest margin first: the highest score less the second "
    "highest.",
    "least-sure": "All photos, right or wrong, the lowest score of the predicted class first.",
    "wrong-in-every-run": "Photos that this run and each of the others get wrong, the lowest mean "
    "score of the true class first: hard photos, and wrong labels.",
    "wrong-in-this-run-only": "Photos that this run gets wrong and each of the others right, the "
    "highest mean score of the true class over the others first.",
    "random": "Drawn at random, so that they stand for all of their kind. The address of this page "
    "opens the same ones again.",
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
    listed, reviewing = page.listed, is_reviewing()
    if not reviewing:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            for name, label in (("true", "True class"), ("predicted", "Predicted class")):
                _pick_class(page, name, label)
            if page.ranking == "random":
                _pick_sample(page)
            show_review_button(listed.photos)
        _describe_list(page)
    show_photos(listed)
    if reviewing:
        _describe_list(page)


def _describe_list(page: MistakesPage) -> None:
    """Write what is listed, how it is ordered, and of how many photos."""
    ranking, ranked, matching = page.ranking, page.ranked, len(page.matching)
    total, n = len(ranked.photos), ranked.n
    random = ranking == "random"
    parts = [_DEFINITIONS[ranking]] + ["Equal ones stand by path."] * (not random)
    if ranking == "least-sure" or (random and page.sampled == "all"):
        parts.append(f"n = {n:,} {page.split} photos.")
    elif n:
        share = f"{percent(total / n, n)}, {interval(*wilson_interval(total, n), n)}"
        parts.append(f"{total:,} of {count(n, f'{page.split} photo')}: {share}.")
    if ranked.left_out:
        parts.append(f"{count(ranked.left_out, 'photo')} of this split cannot be compared.")
    if matching < total:
        words = " and ".join(
            f"{name} class {plain(page.result.classes[number])}"
            for name, number in page.chosen.items()
            if number is not None
        )
        parts.append(f"Of {words}: {matching:,}.")
    if matching > (most := ENDLESS.get(ranking, matching)):
        parts.append(f"{most} of these are here." if random else f"The first {most} are listed.")
    if random and page.sampled == "all" and matching:
        drawn = page.listed.photos
        m, right = len(drawn), int((~page.answers.wrong[drawn]).sum())
        share = f"{percent(right / m, m)}, {interval(*wilson_interval(right, m), m)}"
        parts.append(f"Right among those here: {right} of {m}, {share}.")
    st.caption(" ".join(parts))


def _pick_sample(page: MistakesPage) -> None:
    """Draw which answers the sample is drawn from, and the button that draws another."""
    bound = bind_choice("of", page.sampled, key="mistakes.of")
    st.selectbox("Of", list(_SAMPLED), format_func=_SAMPLED.__getitem__, width=160, **bound)
    st.button(
        "Draw again",
        icon=":material/casino:",
        key="mistakes.draw",
        on_click=lambda: keep_choice("seed", str(1 + secrets.randbelow(SEEDS - 1))),
    )


def _pick_others(page: MistakesPage) -> bool:
    """Draw the choice of runs to compare with, or why there is none; return if there is one."""
    if not page.known:
        st.info(
            "This needs another finished run on the same photos: train one with another strategy "
            "or other settings, then come back.",
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
    """Draw the list of classes; it says how many of the ranked photos each class has."""
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
