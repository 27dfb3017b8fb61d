"""The page Runs: filters, the table of runs, actions on the selected ones, and a comparison.

Filters and table are a fragment, drawn again every two seconds while a run is in progress.
"""

import math
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.formats import count, duration, moment, percent_number, plain
from core.runs.recipe.strategies import STRATEGIES
from core.runs.store import Repeats, RunRecord
from core.ui.comparing.page import show_comparison
from core.ui.parts.messages import offer_csv, report_errors, show_empty, show_told
from core.ui.parts.pickers import title_run
from core.ui.parts.state import keep_choice
from core.ui.runs.actions import show_actions
from core.ui.runs.reading import (
    SORTS,
    RunsPage,
    clear_filters,
    read_runs,
    seconds_taken,
    to_csv,
)
from data.policy import describe_policy

_ROWS_IN_SIGHT = 10


def show_runs() -> None:
    """Draw filters, table, actions and comparison."""
    show_told()
    page = read_runs()
    if not page.runs:
        show_empty(
            "No run yet",
            "Runs are listed here and can be compared on the same photos.",
            "training",
            "Train a model",
            "model_training",
        )
        st.stop()
    st.fragment(_show, run_every="2s" if page.is_going else None)(page.is_going)
    show_comparison()


def _show(was_going: bool) -> None:
    with report_errors():  # errors of a fragment do not reach those of its page
        page = read_runs()
        if was_going and not page.is_going:
            st.rerun()  # the whole page: the comparison is complete, and polling stops
        _show_filters(page)
        if not page.listed:
            st.info("No run matches.", icon=":material/filter_alt_off:")
            st.button("Clear filters", on_click=clear_filters)
            return
        selected = _show_table(page)
        offer_csv("Runs as CSV", partial(to_csv, page), "runs.csv", on_click="ignore")
        show_actions(selected, page.runs)


def _show_filters(page: RunsPage) -> None:
    """Draw the filters and the order, which live in the address."""
    names = page.datasets
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        key = _hold("find", page.asked["find"] or "")
        st.text_input(
            "Find",
            key=key,
            placeholder="name, tag, note, id",
            on_change=lambda: keep_choice("find", st.session_state[key].strip() or None),
            width=160,
        )
        _pick(page, "on", "Dataset", lambda one: names.get(one, one), 160)
        _pick(page, "strategy", "Strategy", lambda one: STRATEGIES[one].words)
        _pick(page, "state", "State", width=115)
        _pick(page, "tag", "Tag", width=115)
        order = _hold("order", page.chosen("order") or "newest")
        st.selectbox(
            "Sort",
            list(SORTS),
            key=order,
            format_func=SORTS.__getitem__,
            on_change=lambda: keep_choice("order", st.session_state[order]),
            width=160,
        )
        if page.has_repeats:
            fold = _hold("fold", page.asked["repeats"] != "apart")
            st.toggle(
                "Group by recipe",
                key=fold,
                on_change=lambda: keep_choice(
                    "repeats", None if st.session_state[fold] else "apart"
                ),
                help="One row for runs that differ only in their seed: mean and standard "
                "deviation of their accuracy.",
            )


def _pick(
    page: RunsPage, name: str, label: str, describe: Callable[[str], str] = str, width: int = 130
) -> None:
    options, chosen = page.options[name], page.chosen(name)
    if chosen is None and len(options) < 2:
        return
    key = _hold(name, chosen)
    st.selectbox(
        label,
        options,
        key=key,
        index=None,
        format_func=describe,
        placeholder="Any",
        on_change=lambda: keep_choice(name, st.session_state[key]),
        width=width,
    )


def _hold(name: str, value: object) -> str:
    """Return the key of a widget that shows this value of the address."""
    st.session_state[f"runs.{name}"] = value
    return f"runs.{name}"


def _show_table(page: RunsPage) -> list[RunRecord]:
    """Return the runs of the selected rows."""
    listed = page.listed
    table = pd.DataFrame([_describe(one, page.datasets) for one in listed])
    folded = any(len(one.runs) > 1 for one in listed)
    empty = [one for one in ("Tags", "Notes") if not table[one].astype(bool).any()]
    table = table.drop(columns=empty + ([] if folded else ["± sd", "Seeds"]))
    same = [name for name in _SETTINGS if name in table and table[name].nunique() == 1]
    shared = ", ".join(f"{name.lower()} {plain(str(table[name].iloc[0]), 40)}" for name in same)
    table = table.drop(columns=same)
    # A selection holds row numbers: other rows are another widget.
    rows = "|".join(",".join(run.id for run in one.runs) for one in listed)
    answer = st.dataframe(
        table,
        hide_index=True,
        key=f"runs.table.{zlib.crc32(rows.encode())}",
        on_select="rerun",
        selection_mode="multi-row",
        height=min(len(listed), _ROWS_IN_SIGHT) * 35 + 38,
        column_config=_configure(),
        placeholder="",
        alt="Runs with validation accuracy, best epoch, time and settings",
    )
    total = count(sum(len(one.runs) for one in listed), "run")
    where = f" in {count(len(listed), 'row')}" if folded else ""
    everywhere = f" All rows: {shared}." if shared else ""
    st.caption(f"{total}{where}. Tick rows to compare, tag or delete them.{everywhere}")
    return [run for row in answer["selection"]["rows"] for run in listed[row].runs]


_SETTINGS = (
    *("State", "Strategy", "Dataset", "Head"),
    *("Augmentation", "Learning rate", "Weights", "Device"),
)
"""Columns that are below the table where all rows have the same value."""


def _describe(one: Repeats, datasets: Mapping[str, str]) -> dict[str, object]:
    run, recipe, taken = one.first, one.first.recipe, seconds_taken(one.first)
    accuracy = one.mean_accuracy
    several = len(one.runs) > 1
    return {
        # The oldest repeat has the name of the recipe; the others have their seed.
        "Run": title_run(one.runs[-1]) + (f" and {len(one.runs) - 1} more" if several else ""),
        "Accuracy": None if accuracy is None else percent_number(accuracy, run.val_photos or 0),
        "± sd": None if math.isnan(one.spread) else 100 * one.spread,
        "Seeds": len(one.measured) if several else None,
        "n": run.val_photos,
        "Best epoch": _say_epochs(one),
        "Took": "" if taken is None else duration(taken),
        "State": _say_state(one),
        "Created": moment(run.created),
        "Strategy": STRATEGIES[recipe.strategy].words,
        "Dataset": f"{datasets.get(recipe.dataset, 'deleted')} · {recipe.dataset[:6]}",
        "Head": " → ".join(map(str, recipe.hidden)) or "linear",
        "Augmentation": describe_policy(recipe.augmentation),
        "Learning rate": recipe.learning_rate,
        "Weights": recipe.weights,
        "Tags": sorted({tag for each in one.runs for tag in each.tags}),
        "Notes": run.notes,
        "Device": run.device,
    }


def _say_epochs(one: Repeats) -> str:
    best = sorted({run.best_epoch for run in one.runs if run.best_epoch is not None})
    if not (best and one.first.recipe.has_epochs):
        return ""
    which = str(best[0]) if len(best) == 1 else f"{best[0]} to {best[-1]}"
    return f"{which} of {one.first.recipe.epochs}"


def _say_state(one: Repeats) -> str:
    states = ["stopped" if run.stopped else run.state for run in one.runs]
    if len(set(states)) == 1:
        return states[0]
    return f"{states.count('done')} of {len(states)} done"


def _configure() -> dict[str, Any]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    return {
        "Run": text(pinned=True, width=210),
        "Accuracy": number(
            format="%.3g %%",
            help="Validation accuracy of the best epoch, which the same photos chose.",
        ),
        "n": number(width=50, help="Validation photos."),
        "± sd": number(format="%.1f", help="Standard deviation between seeds, in points."),
        "Seeds": number(help="Finished runs of this recipe."),
        "Best epoch": text(help="Epoch of the lowest validation loss."),
        "Took": text(help="From start to end, of the newest run of the row."),
        "Tags": st.column_config.ListColumn(),
        "Learning rate": number(format="%g"),
    }
