"""The view Label of a dataset: the next photo, its keys, what is known so far, a version of it.

Each label is a relabel in the tray. Buttons are named after their photo: no other is meant.
"""

from functools import partial

import numpy as np
import streamlit as st

from core.charts.theme import format_share
from core.config import fingerprint
from core.datasets.edits.tray import Action, Edit, add_edits, list_edits, undo_edits
from core.datasets.quality.results import read_status
from core.datasets.quality.store import list_parameters, request_analysis
from core.errors import PetalscopeError
from core.evaluation.intervals import wilson_interval
from core.exact.ordering import has_unlabelled, make_labelled, read_labels
from core.formats import count, interval, percent, plain
from core.instant.herding import REPEATS, Replay
from core.ui.labelling.charts import NAMES, draw_replay, tabulate_replay
from core.ui.labelling.reading import (
    BY,
    DIGITS,
    Desk,
    check_name,
    find_basis,
    name_later,
    name_now,
    read_desk,
)
from core.ui.parts import cache
from core.ui.parts.charts import show_kept_chart, show_table_behind
from core.ui.parts.components import queue_keys
from core.ui.parts.frame import link_page
from core.ui.parts.live_state import follow_analysis, make_dataset
from core.ui.parts.messages import keep_done, report_errors, show_done, show_problem
from core.ui.parts.pickers import pick_one, pick_or_type
from core.ui.parts.state import bind_choice
from core.ui.photos.panel import show_photo
from data.dataset import Dataset
from models.weights import name_usual

_MADE = "labelling.made"
_METHOD = (
    "The next photo is the one that is most like others that no labelled photo is like, where a "
    "head of your labels is unsure (Uncertainty Herding). Before two classes are known, likeness "
    "alone decides. Each fifth photo is drawn by chance for validation: these say how right the "
    "labels make a head."
)


def show_labelling(dataset: Dataset) -> None:
    """Draw the desk; of photos that all have labels, what an order of them was worth."""
    if has_unlabelled(dataset):
        _show_desk(dataset)
        _show_version(dataset)
    else:
        st.subheader("Which photo next?", anchor=False)
        st.caption(
            "All photos here have a label. To see what an order of labelling is worth, the labels "
            "are given once more, from none. To label photos that have none, add them under "
            "“Photos without labels” above."
        )
    _show_basis(dataset)


@st.fragment
def _show_desk(dataset: Dataset) -> None:
    """Draw the photo whose turn it is, and all that helps to decide."""
    with report_errors():
        desk = read_desk(dataset)
        _show_progress(desk)
        if desk.photo is None:
            st.success("All photos are labelled or left out.", icon=":material/inbox:")
            show_done("labelling")
            queue_keys("labelling", "U")
            return
        picture, words = st.columns([6, 5], gap="medium")
        with words:
            _show_choices(desk, desk.photo)
        queue_keys("labelling", "U", "X", "S", *map(str, range(1, DIGITS + 1)))
        with picture:
            show_photo(dataset, desk.photo)


def _show_progress(desk: Desk) -> None:
    labels = desk.labels
    forget = partial(st.session_state.pop, name_now(labels.dataset), None)
    every = labels.labelled + labels.waiting
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        words = f"**{labels.labelled:,} of {every:,} labelled**"
        st.progress(labels.labelled / every if every else 1.0, text=words, width=240)
        st.button(
            "Undo",
            icon=":material/undo:",
            key="labelling.undo",
            type="tertiary",
            shortcut="U",
            disabled=desk.last is None,
            on_click=partial(_undo, labels.dataset, desk.last),
            help="Takes the last label back and goes to its photo.",
        )
        pick_one("Order", NAMES, bind_choice(BY, desk.by, key="labelling.by", then=forget))
        st.caption("", help=_METHOD, width="content")
    if desk.judged:
        shown = percent(desk.right / desk.judged, desk.judged)
        between = interval(*wilson_interval(desk.right, desk.judged), desk.judged)
        st.caption(
            f"A head of your labels is right on {desk.right:,} of the "
            f"{count(desk.judged, 'validation photo')} labelled so far: {shown}, {between}."
        )


def _show_choices(desk: Desk, photo: int) -> None:
    dataset = desk.labels.dataset
    st.markdown("**What is it?**")
    show_done("labelling")
    typed = f"labelling.typed.{photo}"
    pick_or_type(
        "Class",
        desk.labels.classes,
        typed,
        label_visibility="collapsed",
        on_change=lambda: _label(dataset, photo, st.session_state.get(typed) or ""),
    )
    with st.container(gap="xxsmall"):
        for digit, name in enumerate(desk.choices, start=1):
            best = bool(desk.guesses) and name == next(iter(desk.guesses))
            score = f" · {format_share(desk.guesses[name])}" if name in desk.guesses else ""
            st.button(
                f"{plain(name, 40)}{score}",
                key=f"labelling.{digit}.{photo}",
                icon=":material/network_intelligence:" if best else None,
                shortcut=str(digit),
                width="stretch",
                on_click=partial(_label, dataset, photo, name),
            )
    _show_others(dataset, photo)
    split = dataset.splits[photo]
    told = "drawn by chance, to judge by" if split == "validation" else "to learn from"
    guessed = " Scores: a head of your labels so far." if desk.guesses else ""
    st.caption(f"For {split}: {told}.{guessed}")


def _show_others(dataset: Dataset, photo: int) -> None:
    """Draw what else can be done with the photo than to name its class."""
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Leave out",
            icon=":material/block:",
            key=f"labelling.out.{photo}",
            shortcut="X",
            on_click=partial(_note, dataset, photo, "exclude", "", "Left out"),
            help="It is in no version: not what you collect, or unusable.",
        )
        st.button(
            "Later",
            icon=":material/schedule:",
            key=f"labelling.later.{photo}",
            shortcut="S",
            on_click=partial(_put_off, dataset, photo),
            help="It comes again when no other is left.",
        )


def _label(dataset: Dataset, photo: int, name: str) -> None:
    if not name:
        return
    if not check_name(name):
        keep_done("labelling", f"“{name}” says that there is no label.", "Name a class.")
        return
    _note(dataset, photo, "relabel", name, plain(name, 40))


def _note(dataset: Dataset, photo: int, action: Action, value: str, told: str) -> None:
    """Note an edit of a photo that waits still: a double click counts once."""
    workspace = cache.workspace()
    if read_labels(dataset, list_edits(workspace, dataset.id)).numbers[photo] != -1:
        return
    try:
        add_edits(workspace, dataset, [photo], action, value)
    except PetalscopeError as error:  # raised in a callback, where no page catches it
        keep_done("labelling", error.problem, error.remedy)
        return
    keep_done("labelling", f"{told}: {plain(str(dataset.manifest['path'].iat[photo]))}")


def _put_off(dataset: Dataset, photo: int) -> None:
    key = name_later(dataset)
    st.session_state[key] = [*(one for one in st.session_state.get(key, []) if one != photo), photo]


def _undo(dataset: Dataset, last: Edit | None) -> None:
    """Take the last edit back, unless another has come since: it would be one never seen."""
    undone = undo_edits(cache.workspace(), dataset.id, last.batch) if last else 0
    if undone and last:
        photos = np.flatnonzero(dataset.manifest["path"].to_numpy() == last.path)
        st.session_state[name_now(dataset)] = int(photos[0])
    told = "Taken back" if undone else "Nothing taken back: others labelled meanwhile"
    keep_done("labelling", told)


def _show_version(dataset: Dataset) -> None:
    """Draw the way to a dataset of what is labelled by now, and to the one made last."""
    made = st.session_state.get(f"{_MADE}.{dataset.id}")
    if made:
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(f":green[:material/check:] **{plain(made[1])}** is made.", width="content")
            link_page("dataset", "Open it", "folder_open", dataset=made[0], view="photos")
            link_page("training", "Train on it", "play_arrow", dataset=made[0])
    with st.form("labelling.version", border=True):
        st.markdown("**Make a dataset of what is labelled**")
        st.caption("Without the photos that have no label yet. Labelling may go on after it.")
        name = st.text_input("Name", placeholder="Leave empty for a name with its number")
        make = st.form_submit_button("Make the dataset", type="primary", icon=":material/check:")
    if not make:
        return
    wanted = partial(make_labelled, cache.workspace(), dataset, name=name.strip() or None)
    if (version := make_dataset("Making it …", wanted)) is not None:
        st.session_state[f"{_MADE}.{dataset.id}"] = (version.id, version.name)
        st.rerun()


def _show_basis(dataset: Dataset) -> None:
    """Draw what the order was worth; where nothing is computed yet, how far it is."""
    basis = find_basis(dataset.id)
    if basis is None:
        _show_making(dataset)
    elif basis.replay is not None:
        _show_replay(basis.replay, basis.label)
    elif not has_unlabelled(dataset):
        st.info(
            "Labels of at least two classes in train and one in validation are needed to see it.",
            icon=":material/query_stats:",
        )


def _show_making(dataset: Dataset) -> None:
    """Start the job that looks at the photos, and draw how far it is."""
    weights, wanted = name_usual(cache.workspace()), has_unlabelled(dataset)
    start = partial(request_analysis, cache.workspace(), dataset.id, weights, "order")
    try:
        identifier = fingerprint(list_parameters(cache.workspace(), dataset.id, weights, "order"))
    except PetalscopeError:  # weights that are damaged: starting says so
        identifier = ""
    job = read_status(cache.workspace(), identifier) if identifier else None
    if job is None or job.state == "done":  # what it made was removed
        if wanted or st.button("See what an order is worth", icon=":material/query_stats:"):
            start()
            st.rerun()
    elif job.state == "failed":
        show_problem(job.problem, job.remedy)
        if st.button("Try again", icon=":material/refresh:"):
            start()
            st.rerun()
    else:
        until = "Until then the next photo is drawn by chance. Label on meanwhile."
        follow_analysis(identifier, "Looking at the photos", until if wanted else "")


def _show_replay(replay: Replay, label: str) -> None:
    table = tabulate_replay(replay)
    show_kept_chart(
        draw_replay,
        table,
        replay.judged,
        alt="Accuracy by the number of labels, for three orders of labelling; see the table.",
    )
    st.caption(
        f"{REPEATS} repeats, each choosing from {replay.pool:,} train photos, nothing known at "
        f"first; features “{plain(label)}”. The head is a small ridge on 256 directions of them: a "
        "trained one may be better, for each order."
    )
    show_table_behind(table, "The numbers behind the chart")
