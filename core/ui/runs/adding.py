"""Adding predictions of another program: a table, its reading as it was understood, and questions.

The answers of a person live in the session, by the id of the uploaded file.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.errors import PredictionsRefused
from core.formats import count, plain
from core.runs.adding import add_predictions
from core.ui.parts import cache
from core.ui.parts.charts import show_folded
from core.ui.parts.frame import page_file
from core.ui.parts.messages import report_errors, show_problem, tell_after_rerun
from core.ui.parts.pickers import pick_named
from core.ui.wall import Wall, show_wall
from data.dataset import Dataset
from data.manifest import list_datasets
from data.prediction_columns import Choices, Scale
from data.predictions import Understood, read_predictions

_ENDINGS = ("csv", "tsv", "txt", "gz", "parquet", "jsonl", "ndjson", "json")
_PREVIEWED, _MOST_NAME = 5, 100
_SCALES: dict[Scale, str] = {
    "probabilities": "Probabilities",
    "percent": "Percent",
    "sigmoid": "Sigmoid scores",
    "logits": "Logits",
}
_ASKED = {
    "photo_column": "Column of the photos",
    "class_column": "Column of the predicted class",
    "score_column": "Column of the scores",
    "scale": "Scale of the scores",
}
_LEAVE = "(leave out)"


@cache.for_editors
def show_adding() -> None:
    """Draw the upload of a table of predictions, and how it is understood."""
    usable = {
        one.id: plain(one.name, 60) for one in list_datasets(cache.workspace()) if not one.problem
    }
    if usable:
        show_folded("Add predictions", partial(_ask_table, usable), "upload_file")


def _ask_table(usable: dict[str, str]) -> None:
    with report_errors():
        st.caption(
            "Evaluate predictions of another program here: a table with a column of photos (paths, "
            "file names or SHA-256) and a column of scores for each class, or only the predicted "
            "class."
        )
        with st.container(horizontal=True, gap="medium"):
            chosen = pick_named("Their dataset", usable, key="runs.adding.dataset", width=260)
            table = st.file_uploader(
                "Table of predictions",
                type=list(_ENDINGS),
                key="runs.adding.table",
                help="CSV with any separator, Parquet, or JSON lines.",
            )
        if table is not None:
            _show_reading(cache.dataset(chosen), table)


def _show_reading(dataset: Dataset, table: UploadedFile) -> None:
    """Draw what was understood, or the question that has to be answered first."""
    key = f"runs.adding.{table.file_id}"
    answers = st.session_state.setdefault(key, Choices())
    try:
        understood = _understand((dataset.id, table.file_id, repr(answers)), table, answers)
    except PredictionsRefused as error:
        show_problem(error.problem, error.remedy)
        if error.facts.get("question") == "names":
            _ask_names(dataset, key, error.facts["options"])
        elif error.facts.get("options"):
            names = {one: _SCALES.get(one, plain(one, 60)) for one in error.facts["options"]}
            _ask(key, error.facts["question"], names)
        return
    st.markdown("  \n".join(f"**{plain(one)}**" for one in understood.sentences))
    st.caption("  \n".join(map(plain, understood.words)))
    if understood.scored == "all":
        _ask(key, "scale", _SCALES, understood.choices.scale)
    if understood.unknown_rows:
        _show_unknown(understood)
    _show_examples(dataset, understood)
    confirmed = not understood.proposed or _confirm_names(understood)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            "Name", Path(table.name).stem[:_MOST_NAME], max_chars=_MOST_NAME, key="runs.adding.name"
        )
        add = st.button(
            "Add this run", type="primary", icon=":material/check:", disabled=not confirmed
        )
    if add:
        run, new = add_predictions(cache.workspace(), dataset, understood, name)
        tell_after_rerun(f"{plain(run.name, 60)} {'is' if new else 'was already'} added.")
        st.switch_page(page_file("metrics"), query_params={"run": run.id})


@st.cache_resource(max_entries=4, show_spinner="Reading the table …")
def _understand(key: tuple[str, ...], _table: UploadedFile, _answers: Choices) -> Understood:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / Path(_table.name).name
        file.write_bytes(_table.getvalue())
        return read_predictions(file, cache.dataset(key[0]), _answers)


def _answer(key: str, field: str, value: object) -> None:
    st.session_state[key] = replace(st.session_state[key], **{field: value})


def _ask(key: str, field: str, names: Mapping[Any, str], answer: str | None = None) -> None:
    """Draw the choice of a field of `Choices`."""
    widget = f"runs.adding.{field}.{len(names)}"
    if answer:
        st.session_state[widget] = answer
    pick_named(
        _ASKED[field],
        names,
        index=None,
        placeholder="Choose one",
        key=widget,
        on_change=lambda: _answer(key, field, st.session_state[widget]),
        width=320,
    )


def _ask_names(dataset: Dataset, key: str, names: Sequence[str]) -> None:
    """Draw a table of unknown names in which a person chooses the class of each."""
    with st.form("runs.adding.names", border=False):
        edited = st.data_editor(
            pd.DataFrame({"In the file": list(names), "Class": [_LEAVE] * len(names)}),
            hide_index=True,
            disabled=["In the file"],
            column_config={
                "Class": st.column_config.SelectboxColumn(
                    options=[_LEAVE, *dataset.classes], required=True
                )
            },
            key="runs.adding.editor",
            width=420,
        )
        if st.form_submit_button("Use these classes", type="primary"):
            meant = edited.set_index("In the file")["Class"].replace(_LEAVE, "").to_dict()
            _answer(key, "names", {**st.session_state[key].names, **meant})
            st.rerun()


def _show_unknown(understood: Understood) -> None:
    unknown = count(understood.unknown_rows, "row")
    with st.expander(f"{unknown} without a photo in this dataset", icon=":material/rule:"):
        listed = pd.DataFrame({"In the file": understood.unknown})
        st.dataframe(listed, hide_index=True, alt="Rows without a photo")
        if understood.unknown_rows > len(understood.unknown):
            st.caption(f"The first {len(understood.unknown):,}.")


def _show_examples(dataset: Dataset, understood: Understood) -> None:
    """Draw some matched photos with true and predicted class."""
    matched = understood.matched.nonzero()[0]
    photos = matched[np.linspace(0, len(matched) - 1, min(_PREVIEWED, len(matched)), dtype=int)]
    answers = understood.scores.argmax(axis=1)

    def describe(photo: int) -> str:
        score = f" {100 * understood.scores[photo].max():.0f} %" * (understood.scored != "none")
        true = dataset.classes[dataset.labels[photo]]
        return f"{true}\n→{score} {dataset.classes[answers[photo]]}"

    st.caption("Examples: the true class, then the predicted one.")
    show_wall(dataset, photos, Wall("adding", describe, selectable=False))


def _confirm_names(understood: Understood) -> bool:
    """Draw the names that look like classes; return whether a person confirmed them."""
    pairs = [f"“{plain(name)}” is {plain(of)}" for name, of in understood.proposed.items()]
    st.markdown(f"**Names that look like classes:** {', '.join(pairs)}.")
    return st.checkbox("These are the same classes", key="runs.adding.confirmed")
