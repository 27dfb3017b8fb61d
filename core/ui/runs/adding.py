"""Adding predictions of another program: a table, its reading as it was understood, and questions.

The answers of a person live in the session, with the id of the uploaded file.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.errors import PredictionsRefused
from core.formats import count, plain
from core.runs.adding import add_predictions
from core.ui.parts import cache
from core.ui.parts.frame import page_file
from core.ui.parts.messages import report_errors, show_problem, tell_after_rerun
from core.ui.wall import Wall, show_wall
from data.dataset import Dataset
from data.manifest import list_datasets
from data.prediction_columns import Choices, Scale
from data.predictions import Understood, read_predictions

_ENDINGS = ("csv", "tsv", "txt", "gz", "parquet", "jsonl", "ndjson", "json")
_PREVIEWED = 5
_MOST_NAME = 100
_ANSWERS = "runs.adding.answers"
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


@cache.for_editors
def show_adding() -> None:
    """Draw the upload of a table of predictions, and how it is understood."""
    usable = {one.id: one for one in list_datasets(cache.workspace()) if not one.problem}
    if not usable:
        return
    part = st.expander(
        "Add predictions", icon=":material/upload_file:", key="runs.adding", on_change="rerun"
    )
    if not part.open:
        return
    with part, report_errors():
        st.caption(
            "Evaluate predictions of another program here: a table with a column of photos (paths, "
            "file names or SHA-256) and a column of scores for each class, or only the predicted "
            "class."
        )
        with st.container(horizontal=True, gap="medium"):
            chosen = st.selectbox(
                "Their dataset",
                list(usable),
                format_func=lambda one: plain(usable[one].name, 60),
                key="runs.adding.dataset",
                width=260,
            )
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
    answers = _read_answers(table)
    try:
        key = (dataset.id, table.file_id, str(table.size), repr(answers))
        understood = _understand(key, dataset, table, answers)
    except PredictionsRefused as error:
        show_problem(error.problem, error.remedy)
        _ask(dataset, answers, str(error.facts.get("question")), error.facts.get("options", ()))
        return
    st.markdown("  \n".join(f"**{plain(one)}**" for one in understood.sentences))
    st.caption("  \n".join(plain(one) for one in understood.words))
    if understood.scored == "all":
        _pick_scale(understood)
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
def _understand(
    key: tuple[str, ...], _dataset: Dataset, _table: UploadedFile, _answers: Choices
) -> Understood:
    del key  # what it is cached by
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / Path(_table.name).name
        file.write_bytes(_table.getvalue())
        return read_predictions(file, _dataset, _answers)


def _read_answers(table: UploadedFile) -> Choices:
    """Return the answers so far; another file begins without any."""
    of, answers = st.session_state.get(_ANSWERS, ("", Choices()))
    return answers if of == table.file_id else _keep_answers(table.file_id, Choices())


def _keep_answers(file_id: str, answers: Choices) -> Choices:
    st.session_state[_ANSWERS] = (file_id, answers)
    return answers


def _answer(field: str, value: object) -> None:
    file_id, answers = st.session_state[_ANSWERS]
    _keep_answers(file_id, replace(answers, **{field: value}))


def _ask(dataset: Dataset, answers: Choices, question: str, options: Sequence[str]) -> None:
    """Draw the choice that a refusal asks for."""
    if question == "names":
        _ask_names(dataset, answers, options)
    elif question in _ASKED and options:
        key = f"runs.adding.{question}"
        st.selectbox(
            _ASKED[question],
            list(options),
            index=None,
            format_func=lambda one: _SCALES.get(one, plain(str(one), 60)),
            placeholder="Choose one",
            key=key,
            on_change=lambda: _answer(question, st.session_state[key]),
            width=320,
        )


def _ask_names(dataset: Dataset, answers: Choices, names: Sequence[str]) -> None:
    """Draw a table of unknown names in which a person chooses the class of each."""
    leave = "(leave out)"
    with st.form("runs.adding.names", border=False):
        edited = st.data_editor(
            pd.DataFrame({"In the file": list(names), "Class": [leave] * len(names)}),
            hide_index=True,
            disabled=["In the file"],
            column_config={
                "Class": st.column_config.SelectboxColumn(
                    options=[leave, *dataset.classes], required=True
                )
            },
            key="runs.adding.editor",
            width=420,
        )
        if st.form_submit_button("Use these classes", type="primary"):
            meant = dict(zip(edited["In the file"], edited["Class"], strict=True))
            meant = {name: "" if of == leave else of for name, of in meant.items()}
            _answer("names", {**answers.names, **meant})
            st.rerun()


def _pick_scale(understood: Understood) -> None:
    key = "runs.adding.scale"
    st.session_state[key] = understood.choices.scale
    st.segmented_control(
        "Scale of the scores",
        list(_SCALES),
        format_func=_SCALES.__getitem__,
        required=True,
        key=key,
        on_change=lambda: _answer("scale", st.session_state[key]),
    )


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
        score = (
            "" if understood.scored == "none" else f" {100 * understood.scores[photo].max():.0f} %"
        )
        true = dataset.classes[dataset.labels[photo]]
        return f"{true}\n→{score} {dataset.classes[answers[photo]]}"

    st.caption("Examples: the true class, then the predicted one.")
    show_wall(dataset, photos, Wall("adding", describe, selectable=False))


def _confirm_names(understood: Understood) -> bool:
    """Draw the names that look like classes; return whether a person confirmed them."""
    pairs = [f"“{plain(name)}” is {plain(of)}" for name, of in understood.proposed.items()]
    st.markdown(f"**Names that look like classes:** {', '.join(pairs)}.")
    return st.checkbox("These are the same classes", key="runs.adding.confirmed")
