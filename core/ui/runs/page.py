"""The page Runs: filters, the table of runs, actions on the selected ones, and a comparison.

Filters and table are a fragment, drawn again every two seconds while a run is in progress.
"""

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.formats import count, duration, moment, percent_number, plain
from core.runs.queue.control import tag_run
from core.runs.queue.queue import delete_run
from core.runs.recipe.strategies import NOT_TRAINED, STRATEGIES
from core.runs.store import Repeats, RunRecord
from core.ui.comparing.page import show_comparison
from core.ui.parts import cache
from core.ui.parts.frame import link_page
from core.ui.parts.messages import offer_csv, report_errors, show_empty, show_told, tell_after_rerun
from core.ui.parts.pickers import pick_named, title_run
from core.ui.parts.state import bind_choice, keep_choice, read_choice
from core.ui.recipes.form import forget_runs
from core.ui.recipes.run_cards import describe_deletion, edit_notes, show_code, show_register_button
from core.ui.runs.adding import show_adding
from core.ui.runs.reading import SORTS, RunsPage, clear_filters, read_runs, seconds_taken, to_csv
from data.policy import describe_policy

_ROWS_IN_SIGHT = 10


def show_runs() -> None:
    """Draw filters, table, actions and comparison."""
    show_told()
    page = read_runs()
    if not page.runs:
        show_adding()
        show_empty(
            "No run yet",
            "Runs are listed here and can be compared on the same photos.",
            "training",
            "Train a model",
            "model_training",
        )
        st.stop()
    st.fragment(_show, run_every="2s" if page.is_going else None)(page.is_going)
    show_adding()
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
        words = page.asked["find"] or ""
        bound = bind_choice("find", words, key="runs.find", write=lambda one: one.strip() or None)
        st.text_input("Find", placeholder="name, tag, note, id", width=160, **bound)
        _pick(page, "on", "Dataset", lambda one: names.get(one, one), 160)
        _pick(page, "strategy", "Strategy", lambda one: STRATEGIES.get(one, NOT_TRAINED).words)
        _pick(page, "state", "State", width=115)
        _pick(page, "tag", "Tag", width=115)
        order = bind_choice("order", page.chosen("order") or "newest", key="runs.order")
        pick_named("Sort", SORTS, width=160, **order)
        if page.has_repeats:
            st.toggle(
                "Group by recipe",
                help="One row for runs that differ only in their seed: mean and standard "
                "deviation of their accuracy.",
                **bind_choice(
                    "repeats",
                    page.asked["repeats"] != "apart",
                    key="runs.fold",
                    write=lambda folds: None if folds else "apart",
                ),
            )


def _pick(
    page: RunsPage, name: str, label: str, describe: Callable[[str], str] = str, width: int = 130
) -> None:
    options, chosen = page.options[name], page.chosen(name)
    if chosen is None and len(options) < 2:
        return
    names = {one: describe(one) for one in options}
    bound = bind_choice(name, chosen, key=f"runs.{name}")
    pick_named(label, names, index=None, placeholder="Any", width=width, **bound)


def _show_table(page: RunsPage) -> list[RunRecord]:
    """Return the runs of the selected rows."""
    listed = page.listed
    table = pd.DataFrame([_describe(one, page.datasets) for one in listed])
    folded = any(len(one.runs) > 1 for one in listed)
    empty = [one for one in ("Tags", "Notes") if not table[one].astype(bool).any()]
    table = table.drop(columns=empty + ([] if folded else ["± sd", "Seeds"]))
    same = [name for name in _SETTINGS if name in table and table[name].nunique(dropna=False) == 1]
    values = {name: table[name].iloc[0] for name in same if table[name].notna().all()}
    shared = ", ".join(f"{name.lower()} {plain(str(value), 40)}" for name, value in values.items())
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
        "Strategy": recipe.way.words,
        "Dataset": f"{datasets.get(recipe.dataset, 'deleted')} · {recipe.dataset[:6]}",
        "Head": "" if recipe.is_added else " → ".join(map(str, recipe.hidden)) or "linear",
        "Augmentation": "" if recipe.is_added else describe_policy(recipe.augmentation),
        "Learning rate": recipe.learning_rate if recipe.has_epochs else None,
        "Weights": "" if recipe.is_added else recipe.weights,
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


_MOST_NAMED = 5


def show_actions(selected: Sequence[RunRecord], runs: Sequence[RunRecord]) -> None:
    """Draw the actions for the selected runs; nothing without a selection."""
    if not selected:
        return
    with st.container(
        horizontal=True, border=True, vertical_alignment="center", key="selection_bar_runs"
    ):
        st.markdown(f"**{count(len(selected), 'run')} selected**", width="content")
        if st.button(
            "Compare",
            type="primary",
            icon=":material/compare_arrows:",
            key="runs.compare",
            disabled=len(selected) < 2,
            help=None if len(selected) > 1 else "Select at least two runs.",
        ):  # the oldest is the baseline
            ordered = sorted(selected, key=lambda run: run.number)
            keep_choice("compare", ",".join(run.id for run in ordered))
            st.rerun()
        if len(selected) == 1:
            _show_single(selected[0])
        if not cache.workspace().read_only:
            with st.popover("Tags", icon=":material/label:"):
                _show_tags(selected, runs)
            with st.popover("Delete", icon=":material/delete:", type="tertiary"):
                _ask_to_delete(selected)


def _show_single(run: RunRecord) -> None:
    if not cache.workspace().read_only:
        with st.popover("Name and notes", icon=":material/edit_note:"):
            edit_notes(run)
    if run.state == "done":
        show_register_button(run)
    if not run.recipe.is_added:
        link_page("training", "Duplicate", "content_copy", like=run.id)
    if run.state == "done":
        link_page("metrics", "Metrics", "monitoring", run=run.id)
        link_page("confusion", "Confusion", "grid_on", run=run.id)
    else:
        link_page("training", "Watch", "model_training", run=run.id)
    if not run.recipe.is_added:
        show_code(run)


def _show_tags(selected: Sequence[RunRecord], runs: Sequence[RunRecord]) -> None:
    """Draw the tags that all selected runs have; other tags of single runs stay."""
    shared = set.intersection(*(set(run.tags) for run in selected))
    some = sorted({tag for run in selected for tag in run.tags} - shared, key=str.casefold)
    key = "runs.tags"
    st.session_state[key] = sorted(shared, key=str.casefold)

    def save() -> None:
        tags = set(st.session_state[key])
        for run in selected:
            tag_run(cache.workspace(), run.id, (set(run.tags) - shared) | tags)

    st.multiselect(
        "Tags" if len(selected) == 1 else "Tags of all selected runs",
        sorted({tag for run in runs for tag in run.tags}, key=str.casefold),
        key=key,
        accept_new_options=True,
        placeholder="Choose or type a tag",
        on_change=save,
        width=320,
    )
    if some:
        st.caption(f"On some of them: {', '.join(plain(tag, 30) for tag in some)}.")


def _ask_to_delete(selected: Sequence[RunRecord]) -> None:
    names = [plain(title_run(run), 40) for run in selected[:_MOST_NAMED]]
    more = len(selected) - len(names)
    st.markdown(f"Delete {', '.join(names)}{f' and {more} more' if more > 0 else ''}?")
    st.caption(describe_deletion(selected))
    if not st.button(
        f"Delete {count(len(selected), 'run')}",
        type="primary",
        icon=":material/delete:",
        key="runs.delete",
    ):
        return
    gone = set()
    for run in selected:
        with report_errors():
            delete_run(cache.workspace(), run.id)
            gone.add(run.id)
    compared = [one for one in (read_choice("compare") or "").split(",") if one not in gone]
    keep_choice("compare", ",".join(compared) if len(compared) > 1 else None)
    forget_runs(gone)
    if len(gone) == len(selected):  # otherwise the error stays on screen
        tell_after_rerun(f"{count(len(gone), 'run')} deleted.")
        st.rerun()
