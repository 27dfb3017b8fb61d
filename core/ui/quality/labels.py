"""Label suspects with their evidence and buttons; the effect of leaks on a run."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from core.datasets.quality.store import QualityResult
from core.datasets.quality.suspects import confirm_labels
from core.evaluation.metrics import Evaluation
from core.formats import count, percent, plain
from core.ui.parts import cache
from core.ui.parts.charts import show_kept_chart, show_table_behind
from core.ui.parts.frame import link_page
from core.ui.parts.pickers import name_runs, pick_named, pick_page
from core.ui.parts.seal import show_opening
from core.ui.parts.state import bind_choice
from core.ui.quality.charts import draw_leak_effect
from core.ui.quality.pairs import (
    PER_PAGE,
    note_photos,
    show_filter,
    show_name,
    show_none,
    show_packed,
)
from core.ui.quality.reading import LeakEffect, QualityPage, read_leak_effect
from data.dataset import Dataset

_LARGE, _SMALL = 150, 92


def show_suspects(page: QualityPage) -> None:
    """Draw the label suspects, the most doubtful first."""
    if page.result is None:
        return
    doubtful, right = page.suspects
    if len(doubtful):
        _show_list(page, page.result, doubtful)
    else:
        show_none(page)
    if len(right):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{count(len(right), 'photo')} confirmed and hidden.", width="content")
            back = partial(_confirm, page.dataset, right.tolist(), right=False)
            cache.edit_button("Show again", type="tertiary", on_click=back)


def _confirm(dataset: Dataset, photos: list[int], *, right: bool = True) -> None:
    confirm_labels(cache.workspace(), dataset, photos, right=right)


def _show_list(page: QualityPage, result: QualityResult, doubtful: np.ndarray) -> None:
    classes = page.dataset.manifest["class"].to_numpy()[doubtful]
    counts = pd.Series(classes).value_counts().to_dict()
    picked = show_filter(page, "Given class", counts, len(doubtful))
    shown = doubtful if picked is None else doubtful[classes == picked]
    head, n = result.facts.get("head_accuracy"), result.facts.get("head_photos", len(page.dataset))
    accuracy = f" The model's accuracy is {percent(head, n)} (n = {n:,})." if head else ""
    st.caption(
        f"{count(len(shown), 'photo')}, the most doubtful first.{accuracy} Percentages are scores "
        "of the model. Look at the photos before you decide."
    )
    for photo in shown[pick_page("suspect_page", len(shown), PER_PAGE)]:
        _show_suspect(page, result, int(photo))


def _show_suspect(page: QualityPage, result: QualityResult, photo: int) -> None:
    dataset, judged = page.dataset, result.photos.iloc[photo]
    classes = dataset.manifest["class"]
    with st.container(border=True, horizontal=True, gap="medium", vertical_alignment="top"):
        with st.container(width=_LARGE, gap="xxsmall"):
            show_packed(dataset, photo, _LARGE)
            show_name(dataset, photo, f"suspect.{photo}")
        with st.container(width=250, gap="small"):
            scores = [percent(float(judged[f"{one}_score"]), 100) for one in ("given", "suggested")]
            st.markdown(
                f"Given: {plain(str(classes.iat[photo]), 40)}, {scores[0]}  \n"
                f"**Suggested: {plain(str(judged['suggested']), 40)}, {scores[1]}**"
            )
            if words := page.say_change(photo):
                st.markdown(f":green[:material/check: In the tray: {words}]")
            else:
                _show_actions(dataset, photo, str(judged["suggested"]))
        with st.container(width="stretch", gap="xxsmall"):
            st.caption("The three nearest photos")
            with st.container(horizontal=True, gap="small"):
                for near in result.neighbours[photo][:3].tolist():
                    with st.container(width=_SMALL, gap="xxsmall"):
                        show_packed(dataset, near, _SMALL, plain(str(classes.iat[near]), 28))


@cache.for_editors
def _show_actions(dataset: Dataset, photo: int, suggested: str) -> None:
    why = "label suspect"
    st.button(
        f"Relabel to {plain(suggested, 24)}",
        key=f"quality.relabel.{photo}",
        on_click=partial(note_photos, dataset, [photo], "relabel", suggested, why),
    )
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Label is correct",
            key=f"quality.right.{photo}",
            help="Hides the photo here. The dataset does not change.",
            on_click=partial(_confirm, dataset, [photo]),
        )
        st.button(
            "Exclude",
            key=f"quality.exclude.{photo}",
            on_click=partial(note_photos, dataset, [photo], "exclude", "", why),
        )


def show_leak_effect(page: QualityPage) -> None:
    """Draw the metrics of a chosen run with and without leaking photos."""
    st.subheader("Effect on a run", anchor=False)
    effect = read_leak_effect(page)
    if effect is None:
        st.caption("Train a run on this dataset to see the effect of leaks.")
        link_page("training", "Train a model", "model_training")
        return
    _show_choices(effect)
    if effect.sealed:
        st.caption(
            "The test split of this run is sealed. Open it once, when the model is chosen; each "
            "opening is counted."
        )
        show_opening([effect.run.id])
        return
    split, n = effect.split, len(effect.photos)
    if n == 0:
        st.info(f"This run has no {split} photos.", icon=":material/info:")
    elif len(effect.leaking) == 0:
        st.success(
            f"No {split} photo has a copy in train (n = {n:,}).",
            icon=":material/check_circle:",
        )
    elif len(effect.leaking) == n:
        st.warning(f"Every {split} photo has a copy in train: the accuracy means little.")
    else:
        _show_comparison(effect)


def _show_choices(effect: LeakEffect) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        bound = bind_choice("run", effect.run.id, key="quality.run")
        pick_named("Run", name_runs(effect.runs.values()), **bound)
        st.segmented_control(
            "Split",
            ["validation", "test"],
            default="validation",
            key="quality.split",
            required=True,
            width="content",
        )


def _show_comparison(effect: LeakEffect) -> None:
    before, after = effect.compare()
    both = {f"all {effect.split} photos": before, "without leaking photos": after}
    rows = pd.DataFrame(
        [(name, e.accuracy, e.accuracy_low, e.accuracy_high, e.n) for name, e in both.items()],
        columns=["photos", "accuracy", "low", "high", "n"],
    )
    st.markdown(_say_effect(before, after, effect.split))
    show_kept_chart(
        draw_leak_effect,
        rows,
        alt="Accuracy with and without leaking photos; the table below has the numbers.",
    )
    table = pd.DataFrame({name: _list_metrics(evaluation) for name, evaluation in both.items()})
    show_table_behind(table, "All metrics as a table")


def _say_effect(before: Evaluation, after: Evaluation, split: str) -> str:
    overlap = before.accuracy_low <= after.accuracy <= before.accuracy_high
    verdict = (
        "inside the 95 % interval: no clear effect"
        if overlap
        else "outside the 95 % interval: leaks change the accuracy"
    )
    return (
        f"**{count(before.n - after.n, 'photo')} of {before.n:,} in {split} leak.** Accuracy "
        f"{percent(before.accuracy, before.n)} (n = {before.n:,}) becomes "
        f"{percent(after.accuracy, after.n)} (n = {after.n:,}) without them, {verdict}."
    )


def _list_metrics(evaluation: Evaluation) -> dict[str, str]:
    n = evaluation.n
    low, high = percent(evaluation.accuracy_low, n), percent(evaluation.accuracy_high, n)
    return {
        "Accuracy": percent(evaluation.accuracy, n),
        "95 % interval": f"{low} to {high}",
        f"Top-{evaluation.top_k} accuracy": percent(evaluation.top_k_accuracy, n),
        "Balanced accuracy": percent(evaluation.balanced_accuracy, n),
        "Loss": f"{evaluation.loss:.3f}",
        "n": f"{n:,}",
    }
