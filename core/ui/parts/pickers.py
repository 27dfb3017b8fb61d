"""The pickers that pages share: dataset, run and split. Each choice is in the URL."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

import streamlit as st

from core.formats import count, percent, plain
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from core.ui.parts.choosing import (
    RUN,
    change_run,
    choose_dataset,
    choose_run,
    read_asked_run,
    report_missing,
)
from core.ui.parts.frame import link_page
from core.ui.parts.messages import show_empty
from core.ui.parts.state import (
    bind_choice,
    choose_from,
    is_linked,
    keep_choice,
    read_choice,
    read_number,
    read_stated,
    refuse_link,
    refuse_value,
)
from data.dataset import Dataset
from data.manifest import DatasetSummary, list_datasets
from data.splits import SPLITS


def pick_dataset(*, show_empty_state: bool = True) -> Dataset:
    """Return the chosen dataset; without one, draw the empty state if wanted and end the page."""
    usable = {entry.id: entry for entry in list_datasets(cache.workspace()) if not entry.problem}
    if not usable:
        if show_empty_state:
            show_empty(
                "No dataset yet",
                "A dataset is a folder of photos with a subfolder for each class. Add your own as "
                "a folder or an archive, or add the sample flowers.",
                "dataset",
                "Add a dataset",
                "add_photo_alternate",
            )
        st.stop()
    stated = read_choice("dataset")
    if stated not in usable and is_linked("dataset"):
        refuse_link(f"Dataset {plain(str(stated)[:6])} is not in this workspace.", "dataset")
    chosen = choose_dataset(list(usable))
    names = tell_apart({key: describe_dataset(entry) for key, entry in usable.items()})
    pick_named("Dataset", names, **bind_choice("dataset", chosen, key="picker.dataset"))
    if stated and stated not in usable:
        st.caption(f":orange[Dataset {plain(stated[:6])} was deleted. Showing another one.]")
    return cache.dataset(chosen)


def pick_run() -> RunRecord:
    """Return the chosen finished run; without one, draw the empty state and end the page."""
    runs = list_runs(cache.workspace())
    # Runs without their dataset come last, because nothing can be shown of them.
    finished = sorted(
        (run for run in runs if run.state == "done"),
        key=lambda run: not cache.workspace().dataset_folder(run.recipe.dataset).exists(),
    )
    if not finished:
        show_no_run(
            runs,
            "Its numbers appear here when it is finished.",
            "Train a run on a dataset: it takes seconds once the features are cached.",
        )
    linked = is_linked(RUN)
    asked, run = read_asked_run(), choose_run(finished)
    assert run is not None  # one is done
    if asked not in (None, run.id):
        _report_other(str(asked), runs, None if linked else run)
    bound = bind_choice(
        RUN, run.id, key="picker.run", then=lambda: change_run(st.session_state["picker.run"])
    )
    pick_named("Run", name_runs(finished), label_visibility="collapsed", **bound)
    return run


def show_no_run(runs: Sequence[RunRecord], soon: str, how: str) -> NoReturn:
    """Draw what comes `soon` while the first run is running, else `how` to start; end the page."""
    going = next((run for run in runs if run.is_going or run.state == "queued"), None)
    if going is None:
        show_empty("No finished run yet", how, "training", "Train a model", "model_training")
    else:
        with st.container(border=True):
            st.subheader("The first run is still running", anchor=False)
            st.write(soon)
            link_page("training", "Watch it", "model_training", **{RUN: going.id})
    st.stop()


def _report_other(asked: str, runs: Sequence[RunRecord], shown: RunRecord | None) -> None:
    """Report a run without results; a link to it (nothing `shown` instead) ends the page."""
    found = next((one for one in runs if one.id == asked), None)
    if found is None:
        report_missing(asked, shown)
        return
    instead = f" Showing Run {shown.number}." if shown else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f":orange[{plain(title_run(found), 60)} is {found.state}.{instead}]")
        link_page("training", "Watch it", "model_training", **{RUN: found.id})
    if shown is None:
        refuse_link("The run has no results yet.", RUN)


def pick_split(run: RunRecord) -> str:
    """Return the chosen split of a run, by default validation."""
    result = cache.result(run.id)
    present = [split for split in SPLITS if (result.splits == split).any()]
    default = "validation" if "validation" in present else present[0]
    names = {name: f"{name} ({len(result.photo_numbers(name)):,})" for name in present}
    stated = choose_from("split", present, default)
    split = pick_one("Split", names, {"default": stated, "key": "picker.split"})
    keep_choice("split", split)
    return split


def pick_page(name: str, items: int, per_page: int) -> slice:
    """Return the items of the chosen page; draw the page numbers where there are several."""
    pages = -(-items // per_page)
    check_page(pages, name)
    if pages < 2:
        return slice(0, per_page)
    if int(st.session_state.get(name, 1)) > pages:
        st.session_state[name] = pages
    page = pick_page_of(pages, key=name)
    return slice((page - 1) * per_page, page * per_page)


def check_page(pages: int, key: str) -> None:
    """Refuse a link to a page of photos that does not exist."""
    stated, known = read_stated(key), key in st.session_state
    if stated and not (known or read_number(stated, max(pages, 1) + 1)):  # of another day
        refuse_value(key)


def pick_page_of(pages: int, *, key: str) -> int:
    """Draw the page numbers; return the chosen one, from 1. It is in the URL.

    Streamlit needs room for three to show two, and for five to show three or four.
    """
    buttons = 3 if pages == 2 else max(5, min(pages, 7))
    return st.pagination(pages, key=key, bind="query-params", width=36 * (buttons + 2))


def describe_dataset(entry: DatasetSummary) -> str:
    """Return a line about a dataset for a list."""
    return f"{entry.name} · {count(entry.photos, 'photo')} · {count(entry.classes, 'class')}"


def describe_run(run: RunRecord) -> str:
    """Return a line about a run for a list."""
    if run.best_val_accuracy is None:
        return f"{title_run(run)} · {run.state}"
    accuracy = percent(run.best_val_accuracy, run.val_photos or 0)
    return f"{title_run(run)} · {accuracy} validation accuracy"


def name_runs(runs: Iterable[RunRecord]) -> dict[str, str]:
    """Return id → line for runs in a list."""
    return tell_apart({run.id: describe_run(run) for run in runs})


def tell_apart(names: Mapping[str, str]) -> dict[str, str]:
    """Return id → name, with the start of the id where two names are equal."""
    times = Counter(names.values())
    return {key: f"{name} · {key[:6]}" if times[name] > 1 else name for key, name in names.items()}


def title_run(run: RunRecord) -> str:
    """Return number and name of a run, or only the number without a name."""
    number = f"Run {run.number}"
    return number if run.name == number else f"{number} · {run.name}"


def pick_named(label: str, names: Mapping[Any, str], **how: Any) -> Any:
    """Draw a list of named options with the answer of `bind_choice`; return the chosen one."""
    return st.selectbox(label, list(names), format_func=names.__getitem__, **how)


def pick_or_type(
    label: str, options: Sequence[str], key: str, what: str = "a class", **more: Any
) -> str | None:
    """Draw a list to choose from or to type a new option into; return the option."""
    return st.selectbox(
        label,
        options,
        index=None,
        placeholder=f"Choose {what}, or type a new one",
        accept_new_options=True,
        key=key,
        **more,
    )


def pick_one(
    label: str, options: Mapping[Any, str], bound: Mapping[str, Any], explanation: str | None = None
) -> str:
    """Draw a few options side by side; return the chosen one.

    Args:
        label: For screen readers; drawn only with an explanation.
        bound: The answer of `bind_choice`, or other options of `st.segmented_control`.
        explanation: Text behind the "?".
    """
    return str(
        st.segmented_control(
            label,
            list(options),
            format_func=options.__getitem__,
            label_visibility="visible" if explanation else "collapsed",
            help=explanation,
            required=True,
            **bound,
        )
    )


def pick_linked(
    label: str,
    options: Mapping[str, str],
    name: str,
    key: str,
    otherwise: str = "",
    **more: str,
) -> str:
    """Draw a few options; return the chosen one, which is in the URL under a name.

    Args:
        otherwise: The option without a choice in the URL; by default the first.
    """
    chosen = choose_from(name, options, otherwise or next(iter(options)))
    return pick_one(label, options, bind_choice(name, chosen, key=key), **more)
