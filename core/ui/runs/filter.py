"""Which runs the runs page lists, and in which order: filters and sorting, all in the URL."""

import math
from collections.abc import Callable, Iterable, Sequence

import streamlit as st

from core.runs.recipe.repeats import Repeats, fold_repeats
from core.runs.recipe.strategies import STRATEGIES
from core.runs.store import RunRecord
from core.ui.parts.state import keep_choice, read_choice

SORTS: dict[str, str] = {
    "newest": "Newest first",
    "accuracy": "Best accuracy first",
    "loss": "Lowest loss first",
    "quickest": "Quickest first",
    "name": "Name",
}
_FILTERS = ("find", "on", "strategy", "state", "tag")


def filter_runs(runs: Sequence[RunRecord], datasets: dict[str, str]) -> list[Repeats]:
    """Draws the filters and returns what is listed, in order; repeats folded unless unfolded.

    Args:
        runs: All runs, newest first.
        datasets: Dataset id → name.
    """
    of_runs = list(dict.fromkeys(run.recipe.dataset for run in runs))
    strategies, states = ({r.recipe.strategy for r in runs}, {r.state for r in runs})
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = _ask_text()
        on = _pick("on", "Dataset", of_runs, lambda one: datasets.get(one, one), 160)
        strategy = _pick(
            "strategy", "Strategy", _list(strategies), lambda name: STRATEGIES[name].words
        )
        state = _pick("state", "State", _list(states), width=115)
        tag = _pick("tag", "Tag", _list({tag for run in runs for tag in run.tags}), width=115)
        order = _pick("order", "Sort", list(SORTS), SORTS.__getitem__, 160, clearable=False)
        matching = [
            run
            for run in runs
            if on in (None, run.recipe.dataset)
            and strategy in (None, run.recipe.strategy)
            and state in (None, run.state)
            and (tag is None or tag in run.tags)
            and _mentions(run, text, datasets)
        ]
        return _sort(_fold(matching), order or "newest")


def clear_filters() -> None:
    """Takes all filters out of the URL; the sorting stays."""
    for name in _FILTERS:
        keep_choice(name, None)


def seconds_taken(run: RunRecord) -> float | None:
    """Returns how long the last attempt at a run took; None while it has not ended."""
    if run.started is None or run.finished is None:
        return None
    return (run.finished - run.started).total_seconds()


def _fold(runs: list[RunRecord]) -> list[Repeats]:
    folded = fold_repeats(runs)
    if len(folded) == len(runs):
        return folded
    key = "runs.fold"
    st.session_state[key] = read_choice("repeats") != "apart"
    fold = st.toggle(
        "Fold repeats",
        key=key,
        on_change=lambda: keep_choice("repeats", None if st.session_state[key] else "apart"),
        help="Runs that differ in their seed only are one row: the mean of their validation "
        "accuracies, the standard deviation between them, and how many they are.",
    )
    return folded if fold else [Repeats((run,)) for run in runs]


def _sort(listed: list[Repeats], order: str) -> list[Repeats]:
    def loss(one: Repeats) -> float:
        value = one.first.best_val_loss
        return math.inf if value is None else value

    keys: dict[str, Callable[[Repeats], object]] = {
        "newest": lambda one: -one.first.number,
        "accuracy": lambda one: -(one.mean_accuracy or -1.0),
        "loss": loss,
        "quickest": lambda one: seconds_taken(one.first) or math.inf,
        "name": lambda one: one.first.name.casefold(),
    }
    return sorted(listed, key=keys[order])  # type: ignore[arg-type]


def _mentions(run: RunRecord, text: str, datasets: dict[str, str]) -> bool:
    dataset = run.recipe.dataset
    said = (run.id, run.name, f"run {run.number}", run.notes, *run.tags, run.submitter)
    where = " ".join((*said, dataset, datasets.get(dataset, ""), run.device)).casefold()
    return all(word in where for word in text.casefold().split())


def _list(values: Iterable[str]) -> list[str]:
    return sorted(values, key=str.casefold)


def _pick(
    name: str,
    label: str,
    options: Sequence[str],
    describe: Callable[[str], str] = str,
    width: int = 130,
    *,
    clearable: bool = True,
) -> str | None:
    key = f"runs.{name}"
    stated = read_choice(name)
    if clearable and stated not in options and len(options) < 2:
        return None  # nothing to choose between
    st.session_state[key] = stated if stated in options else None if clearable else options[0]
    return st.selectbox(
        label,
        options,
        key=key,
        index=None if clearable else 0,
        format_func=describe,
        placeholder="Any",
        on_change=lambda: keep_choice(name, st.session_state[key]),
        width=width,
    )


def _ask_text() -> str:
    key = "runs.find"
    st.session_state[key] = read_choice("find") or ""
    return st.text_input(
        "Find",
        key=key,
        placeholder="name, tag, note, id",
        on_change=lambda: keep_choice("find", st.session_state[key].strip() or None),
        width=160,
    )
