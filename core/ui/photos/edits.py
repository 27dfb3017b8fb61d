"""The review of the tray: its edits, their predicted effect, undo and redo, and apply."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.datasets.edits.tray import (
    add_edits,
    clear_edits,
    count_edits,
    list_edits,
    redo_edits,
    resolve_edits,
    undo_edits,
)
from core.evaluation.comparison import Comparison
from core.exact.store import find_source
from core.exact.whatif import WhatIf, apply_and_predict, predict_effect, say_verdict
from core.formats import count, data_uri, percent, percent_number, plain, points
from core.ui.parts import cache
from core.ui.parts.charts import show_metrics
from core.ui.parts.exact import find_agreement, open_exact_head, say_engine
from core.ui.parts.live_state import make_dataset
from core.ui.parts.messages import tell_after_rerun
from core.ui.parts.pickers import pick_page, title_run
from core.ui.parts.state import keep_choice
from core.ui.photos.panel import show_photo_panel
from core.ui.photos.tray import Selection, describe_change, show_tag_button, tell_edits
from core.ui.wall import Wall, show_wall
from core.workspace import Workspace
from data.dataset import Dataset
from data.versions import count_changes

_ROWS_A_PAGE = 50


def show_edits(dataset: Dataset) -> None:
    """Draw the review of the tray."""
    edits = list_edits(cache.workspace(), dataset.id)
    changes = resolve_edits(dataset, edits)
    st.subheader("Edits in the tray", anchor=False)
    if changes.empty:
        st.info(
            "The tray is empty. Select or open photos to relabel them, move them to another split "
            "or exclude them. Edits wait here until you apply them.",
            icon=":material/edit_note:",
        )
    else:
        st.caption(f"{_describe(changes)}. “{plain(dataset.name)}” does not change.")
        _show_whatif(dataset, changes)
        _show_changes(dataset, changes)
    _show_steps(dataset, bool(edits))
    if not changes.empty:
        _show_apply(dataset, changes)


def _describe(changes: pd.DataFrame) -> str:
    parts = [f"{number:,} {what}" for what, number in count_changes(changes).items() if number]
    return f"{count(len(changes), 'photo')}: {', '.join(parts)}"


def _show_changes(dataset: Dataset, changes: pd.DataFrame) -> None:
    part = pick_page("tray_page", len(changes), _ROWS_A_PAGE)
    shown = changes.iloc[part]
    table = pd.DataFrame(
        {
            "photo": [data_uri(dataset.thumbnail(photo)) for photo in shown["photo"]],
            "now": [f"{a} · {b}" for a, b in zip(shown["class"], shown["split"], strict=True)],
            "then": [describe_change(row) for row in shown.to_dict("records")],
            "note": shown["note"].to_list(),
            "path": shown["path"].to_list(),
        }
    )
    answer = st.dataframe(
        table,
        hide_index=True,
        row_height=56,
        key=f"tray.changes.{dataset.id}.{len(changes)}.{part.start}",
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "photo": st.column_config.ImageColumn("Photo", width=64),
            "now": st.column_config.TextColumn("Now"),
            "then": st.column_config.TextColumn("When applied"),
            "note": st.column_config.TextColumn("Note"),
            "path": st.column_config.TextColumn("File"),
        },
        alt="Photos that will change, and how",
    )
    rows = answer["selection"]["rows"]
    chosen = [int(shown["photo"].iat[row]) for row in rows if row < len(shown)]
    if not chosen:
        return
    what = count(len(chosen), "photo")
    with st.container(horizontal=True):
        if cache.edit_button(f"Discard edits of {what}", icon=":material/settings_backup_restore:"):
            add_edits(cache.workspace(), dataset, chosen, "restore")
            st.rerun()
        tags = cache.photo_tags(dataset.id)
        if show_tag_button(
            Selection(dataset=dataset, photos=chosen, what=what, key="tray", tags=tags)
        ):
            st.rerun()


@cache.for_editors
def _show_steps(dataset: Dataset, any_edit: bool) -> None:
    """Draw undo, redo and clear."""
    undone = count_edits(cache.workspace(), dataset.id, undone=True)
    steps = (
        ("Undo", "undo", undo_edits, any_edit, "undone"),
        ("Redo", "redo", redo_edits, bool(undone), "back in the tray"),
        ("Clear", "delete_sweep", clear_edits, any_edit, "removed; Redo brings them back"),
    )
    if not any_edit and not undone:
        return
    with st.container(horizontal=True):
        for label, icon, act, possible, told in steps:
            st.button(
                label,
                icon=f":material/{icon}:",
                key=f"tray.{label}",
                disabled=not possible,
                on_click=partial(_step, dataset.id, act, told),
            )


def _step(dataset_id: str, act: Callable[[Workspace, str], int], told: str) -> None:
    tell_edits(act(cache.workspace(), dataset_id), told)


@cache.for_editors
def _show_apply(dataset: Dataset, changes: pd.DataFrame) -> None:
    """Draw the form that applies the edits; the new version is chosen then."""
    with st.form("tray.apply", border=True):
        st.markdown("**Make a new version**")
        st.caption(
            f"A new dataset with {count(len(dataset) - int(changes['excluded'].sum()), 'photo')} "
            "and this one as its parent. Features of unchanged photos are reused."
        )
        name = st.text_input("Name", placeholder="Optional")
        apply = st.form_submit_button("Apply the edits", type="primary", icon=":material/check:")
    if not apply:
        return
    make = partial(apply_and_predict, cache.workspace(), dataset, name=name.strip() or None)
    version = make_dataset("Applying …", make)
    if version is None:
        return
    keep_choice("dataset", version.id)
    tell_after_rerun(f"“{plain(version.name)}” was created.")
    st.rerun()


_KINDS = {"gained": "Gained", "lost": "Lost", "turned": "Still wrong, other class"}
_SHOWN_ROWS, _HEIGHT = 6, 268
_PER_PAGE = 12


def _show_whatif(dataset: Dataset, changes: pd.DataFrame) -> None:
    """Draw the predicted effect of the edits on validation photos, by the exact head."""
    with st.container(border=True):
        st.markdown("**What if you apply them?**")
        opened = open_exact_head(lambda: find_source(cache.workspace(), dataset))
        if opened is None:
            return
        source, head = opened
        whatif = predict_effect(head, dataset, changes)
        if len(whatif.photos) == 0:
            st.info("No validation photos remain, so there is nothing to measure.")
            return
        if found := find_agreement(source, head):
            run = found[0]
            now = percent(run.best_val_accuracy or 0.0, run.val_photos or 0)
            st.markdown(
                f"Accuracy now ({plain(title_run(run))}): **{now}**, n = {run.val_photos:,}"
            )
        _show_effect(dataset, whatif)
        say_engine(source, head)


def _show_effect(dataset: Dataset, whatif: WhatIf) -> None:
    """Draw the head after the edits compared with the head before; there is at least one photo."""
    _show_figures(whatif.comparison)
    first, _, rest = say_verdict(whatif.comparison).partition(". ")
    st.markdown(f"**{first.removesuffix('.')}.** {rest}")
    parts = []
    if whatif.corrected:
        parts.append(f"{count(whatif.corrected, 'validation photo')} judged by the new label")
    if whatif.moved:
        parts.append(f"{count(whatif.moved, 'photo')} moved into or out of validation: not judged")
    if parts:
        st.caption(f"{'; '.join(parts)}.")
    if len(whatif.cells):
        _show_photos(dataset, whatif, _choose_moved(whatif))


def _show_figures(compared: Comparison) -> None:
    n = compared.n
    figures = {
        "Exact head now": percent(compared.accuracy_a, n),
        "Then": percent(compared.accuracy_b, n),
        "Difference": points(compared.difference, n),
        "Gained": f"{compared.gained:,}",
        "Lost": f"{compared.lost:,}",
        "Validation photos": f"{n:,}",
    }
    show_metrics(figures, gap="medium")


def _choose_moved(whatif: WhatIf) -> np.ndarray:
    """Draw classes and cells that change; return the photos of the ticked row, (v,) bool."""
    compared = whatif.comparison.per_class
    changed = compared[(compared["gained"] + compared["lost"]) > 0]
    changed = changed.sort_values("difference", ascending=False, kind="stable")
    one, other = st.columns(2)
    with one:
        row = _pick_row(
            changed[["class", "support", "gained", "lost"]].assign(
                now=_to_percent(changed, "recall_a"), then=_to_percent(changed, "recall_b")
            ),
            "Classes that gain or lose",
            {
                "class": "Class",
                "support": "Photos",
                "gained": "Gained",
                "lost": "Lost",
                "now": st.column_config.NumberColumn("Recall now", format="%g %%"),
                "then": st.column_config.NumberColumn("Then", format="%g %%"),
            },
        )
        chosen_class = None if row is None else str(changed["class"].iat[row])
    with other:
        row = _pick_row(
            whatif.cells,
            "Cells of the confusion matrix that change",
            {
                "true": "True",
                "predicted": "Predicted",
                "before": "Now",
                "after": "Then",
                "change": st.column_config.NumberColumn("Change", format="%+d"),
            },
        )
    if row is not None:
        cell = whatif.cells.iloc[row]
        return whatif.find_moved(str(cell["true"]), str(cell["predicted"]))
    if chosen_class is not None:
        return whatif.find_moved(chosen_class, None)
    return np.ones(len(whatif.photos), dtype=bool)


def _to_percent(per_class: pd.DataFrame, name: str) -> list[float]:
    pairs = zip(per_class[name], per_class["support"], strict=True)
    return [percent_number(share, n) for share, n in pairs]


def _pick_row(table: pd.DataFrame, title: str, columns: dict[str, Any]) -> int | None:
    """Draw a table; return its ticked row."""
    st.caption(title)
    answer = st.dataframe(
        table,
        hide_index=True,
        height="content" if len(table) <= _SHOWN_ROWS else _HEIGHT,
        column_config=columns,
        on_select="rerun",
        selection_mode="single-row",
        key=f"whatif.{title}.{len(table)}",
        alt=title,
    )
    rows = answer["selection"]["rows"]
    return rows[0] if rows and rows[0] < len(table) else None


def _show_photos(dataset: Dataset, whatif: WhatIf, chosen: np.ndarray) -> None:
    """Draw the chosen photos whose predictions change, by kind."""
    kinds = {kind: whatif.photos[whatif.find_photos(kind) & chosen] for kind in _KINDS}
    present = [kind for kind in _KINDS if len(kinds[kind])]
    if not present:
        return
    kind = st.segmented_control(
        "Predictions that change",
        present,
        default=present[0],
        format_func=lambda one: f"{_KINDS[one]} ({len(kinds[one]):,})",
        key=f"whatif.kind.{'.'.join(present)}",
    )
    answers = {
        int(photo): (whatif.classes[was], whatif.classes[will])
        for photo, was, will in zip(whatif.photos, whatif.before, whatif.after, strict=True)
    }
    wall = Wall(
        "whatif",
        captions=lambda photo: "{} → {}".format(*answers[photo]),
        selectable=False,
        per_page=_PER_PAGE,
    )
    if show_wall(dataset, kinds[kind or present[0]], wall).opened is not None:
        show_photo_panel(dataset)
