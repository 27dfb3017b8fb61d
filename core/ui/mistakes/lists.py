"""Which photos the mistakes page lists: the ranking, the other runs, the classes; all in the URL.

`tab` names the ranking, `others` the runs compared with, `true` and `predicted` the classes.
"""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from core.evaluation.intervals import wilson_interval
from core.evaluation.mistakes import RANKINGS, Ranking
from core.formats import count, interval, percent, plain
from core.runs.store import RunRecord, list_runs
from core.ui.mistakes.reading import Ranked, answers, rank_own, rank_with_others
from core.ui.parts import cache
from core.ui.parts.pickers import title_run
from core.ui.parts.seal import ask_before_test
from core.ui.parts.state import keep_choice, read_choice
from data.manifest import list_lineage

MOST_LISTED = 300
"""Rankings that never end (each photo is more or less sure) stop here."""
_MOST_OTHERS = 6
_USUAL_OTHERS = 3

_TITLES: dict[Ranking, str] = {
    "highest-loss": "Highest loss",
    "confidently-wrong": "Confidently wrong",
    "barely-right": "Barely right",
    "least-sure": "Least sure",
    "wrong-in-every-run": "Wrong in every run",
    "wrong-in-this-run-only": "Wrong in this run only",
}
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
}
_ENDLESS = ("barely-right", "least-sure")


def pick_ranking() -> Ranking:
    """Returns the chosen ranking, one of the tabs."""
    stated = read_choice("tab")
    ranking: Ranking = st.segmented_control(
        "Which photos",
        RANKINGS,
        default=stated if stated in RANKINGS else RANKINGS[0],
        format_func=_TITLES.__getitem__,
        key="mistakes.tab",
        label_visibility="collapsed",
        required=True,
    )
    keep_choice("tab", ranking)
    return ranking


def list_ranked(run: RunRecord, split: str, ranking: Ranking) -> Ranked | None:
    """Returns what the ranking lists; draws the choice of other runs where it needs some.

    Without another run on the same photos it says so and returns None.
    """
    if ranking != "wrong-in-every-run" and ranking != "wrong-in-this-run-only":
        return rank_own(run.id, split, ranking)
    others = _pick_others(run)
    if not others:
        return None
    if split == "test":
        ask_before_test(*others)
    return rank_with_others(run.id, tuple(other.id for other in others), split, ranking)


def filter_classes(run: RunRecord, photos: np.ndarray) -> np.ndarray:
    """Returns those of the photos that are of the true and predicted class that the URL names."""
    kept = np.ones(len(photos), dtype=bool)
    for name, values in _read_classes(run, photos).items():
        chosen = _read_class(name, run)
        if chosen is not None:
            kept &= values == chosen
    return photos[kept]


def show_filters(run: RunRecord, photos: np.ndarray) -> None:
    """Draws the two lists of classes; they say how many of the photos each class has."""
    columns = _read_classes(run, photos)
    for name, label in (("true", "True class"), ("predicted", "Predicted class")):
        _show_classes(name, label, cache.result(run.id).classes, columns[name])


def _read_classes(run: RunRecord, photos: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "true": cache.result(run.id).labels[photos],
        "predicted": answers(run.id).predictions[photos],
    }


def _read_class(name: str, run: RunRecord) -> int | None:
    classes, stated = cache.result(run.id).classes, read_choice(name)
    return classes.index(stated) if stated in classes else None


def cut_list(ranking: Ranking, photos: np.ndarray) -> np.ndarray:
    """Returns the photos that are listed: of an endless ranking the first ones."""
    return photos[:MOST_LISTED] if ranking in _ENDLESS else photos


def describe_list(
    run: RunRecord, split: str, ranking: Ranking, ranked: Ranked, matching: int
) -> None:
    """Writes what is listed, how it is ordered, and of how many photos.

    Args:
        run: The one in question.
        split: Of the photos.
        ranking: The one that is drawn.
        ranked: What it lists.
        matching: How many of these are of the chosen classes.
    """
    total, n = len(ranked.photos), ranked.n
    parts = [_DEFINITIONS[ranking], "Equal ones stand by path."]
    if ranking == "least-sure":
        parts.append(f"n = {n:,} {split} photos.")
    elif n:
        share = f"{percent(total / n, n)}, {interval(*wilson_interval(total, n), n)}"
        parts.append(f"{total:,} of {count(n, f'{split} photo')}: {share}.")
    if ranked.left_out:
        parts.append(f"{count(ranked.left_out, 'photo')} of this split cannot be compared.")
    if matching < total:
        parts.append(f"{_describe_filter(run)}: {matching:,}.")
    if ranking in _ENDLESS and matching > MOST_LISTED:
        parts.append(f"The first {MOST_LISTED} are listed.")
    st.caption(" ".join(parts))


def _describe_filter(run: RunRecord) -> str:
    chosen = {name: _read_class(name, run) for name in ("true", "predicted")}
    words = {"true": "true class", "predicted": "predicted class"}
    parts = [
        f"{words[name]} {plain(cache.result(run.id).classes[number])}"
        for name, number in chosen.items()
        if number is not None
    ]
    return "Of " + " and ".join(parts)


def _pick_others(run: RunRecord) -> list[RunRecord]:
    """Returns the runs to compare with; draws why there is none where there is none."""
    family = [entry.id for entry in list_lineage(cache.workspace(), run.recipe.dataset)]
    done = [
        other
        for other in list_runs(cache.workspace())
        if other.state == "done" and other.id != run.id and other.recipe.dataset in family
    ]
    known = {other.id: other for other in done}
    if not known:
        st.info(
            "This needs another finished run on the same photos: train one with another strategy "
            "or other settings, then come back.",
            icon=":material/model_training:",
        )
        return []
    same = [other.id for other in done if other.recipe.dataset == run.recipe.dataset]
    stated = [one for one in (read_choice("others") or "").split(",") if one in known]
    key = f"mistakes.others.{run.id}"
    if key in st.session_state:  # one of them may have been deleted since
        st.session_state[key] = [one for one in st.session_state[key] if one in known]
    chosen = st.multiselect(
        "Compared with",
        list(known),
        default=(stated or same or list(known))[: _MOST_OTHERS if stated else _USUAL_OTHERS],
        format_func=lambda one: _describe_other(known[one]),
        max_selections=_MOST_OTHERS,
        key=key,
        placeholder="Choose at least one run",
    )
    keep_choice("others", ",".join(chosen) or None)
    if not chosen:
        st.info("Choose at least one other run.", icon=":material/compare_arrows:")
    return [known[one] for one in chosen]


def _describe_other(run: RunRecord) -> str:
    accuracy = percent(run.best_val_accuracy or 0.0, run.val_photos or 0)
    return f"{title_run(run)} · {run.recipe.strategy.replace('_', ' ')} · {accuracy}"


def _show_classes(name: str, label: str, classes: Sequence[str], values: np.ndarray) -> None:
    numbers = np.bincount(values, minlength=len(classes))
    stated, key = read_choice(name), f"mistakes.{name}"
    st.session_state[key] = stated if stated in classes else None
    st.selectbox(
        label,
        [one for number, one in enumerate(classes) if numbers[number] or one == stated],
        index=None,
        format_func=lambda one: f"{one} ({numbers[classes.index(one)]:,})",
        placeholder="Any",
        key=key,
        on_change=lambda: keep_choice(name, st.session_state[key]),
        width=190,
    )
