"""Adding a model of another program: its files, the trials on training photos, the choice.

The folder of the trial is in the session; `core.runs.trying` proposes.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.formats import count, plain
from core.runs.adding_models import add_model
from core.runs.jobs import JobStatus, read_job, start_job
from core.runs.trying import Proposal, read_proposal
from core.ui.parts import cache
from core.ui.parts.charts import show_folded
from core.ui.parts.frame import page_file
from core.ui.parts.live_state import follow_job
from core.ui.parts.messages import report_errors, show_problem, tell_after_rerun
from core.ui.parts.state import read_choice
from core.ui.wall import Wall, show_wall
from data.dataset import Dataset
from data.manifest import list_datasets
from models.opening import ENDINGS, read_opened

_FOLDER = "models.adding.folder"
_ALSO = ("zip", "txt", "json", "data")


@cache.for_editors
def show_adding() -> None:
    """Draw the upload of a model, its trial, or the proposal."""
    show_folded("Add a model", _show_step, "upload_file")


def _show_step() -> None:
    usable = {one.id: one.name for one in list_datasets(cache.workspace()) if not one.problem}
    if not usable:
        return
    with report_errors():
        folder = st.session_state.get(_FOLDER)
        job = None if folder is None else read_job(Path(folder))
        if folder is None or job is None:
            _ask_files(usable)
        elif job.state == "running":
            follow_job(Path(folder), "The model")
        elif job.state == "failed":
            show_problem(job.problem, job.remedy)
            _show_back(folder)
        else:
            _show_proposal(folder, job)


def _ask_files(usable: dict[str, str]) -> None:
    st.caption(
        "Use a model that was trained elsewhere: Keras (.keras, .h5), ONNX, or the zip of "
        "Teachable Machine. If you have a labels.txt or class_names.json, put it beside the model.",
        help="The model is opened in a process with limited time and memory. Lambda layers and "
        "pickles are refused. The model is tried on up to 300 training photos.",
    )
    with st.container(horizontal=True, gap="medium"):
        dataset = st.selectbox(
            "Dataset",
            list(usable),
            index=[*usable].index(chosen) if (chosen := read_choice("dataset")) in usable else 0,
            format_func=lambda one: plain(usable[one], 60),
            key="models.adding.dataset",
            width=260,
        )
        files = st.file_uploader(
            "The model",
            type=[*(one.lstrip(".") for one in ENDINGS), *_ALSO],
            accept_multiple_files=True,
            key="models.adding.files",
        )
    if files and st.button("Try this model", type="primary", icon=":material/science:"):
        _start(dataset, files)


def _start(dataset: str, files: Sequence[UploadedFile]) -> None:
    """Store the files and start the trial."""
    folder = cache.workspace().temporary / f"model-{os.urandom(6).hex()}"
    given, opened = folder / "given", folder / "opened"
    for place in (given, opened):
        place.mkdir(parents=True)
    for file in files:
        with (given / Path(file.name).name).open("wb") as target:
            shutil.copyfileobj(file, target, 2**20)
    source = given / Path(files[0].name).name if len(files) == 1 else given
    parameters = {"dataset": dataset, "file": str(source), "opened": str(opened)}
    start_job(cache.workspace(), folder, "model", parameters)
    st.session_state[_FOLDER] = str(folder)
    st.rerun()


def _show_back(folder: str) -> None:
    if st.button("Choose other files", icon=":material/arrow_back:"):
        _forget(folder)
        st.rerun()


def _forget(folder: str) -> None:
    st.session_state.pop(_FOLDER, None)
    shutil.rmtree(folder, ignore_errors=True)


def _show_proposal(folder: str, job: JobStatus) -> None:
    """Draw what was tried, with the best chosen, and the button that adds the model."""
    proposal = read_proposal(job.result)
    dataset = cache.dataset(job.parameters["dataset"])
    opened = read_opened(Path(job.parameters["opened"]))
    st.markdown(
        f"**{plain(opened.title, 60)}**: {count(proposal.outputs, 'output')}, photos of "
        f"{opened.entry.width} × {opened.entry.height} pixels."
    )
    with st.container(horizontal=True, gap="medium"):
        colours = _pick("Preprocessing", "preprocessing", proposal)
        framing = _pick("Framing", "framing", proposal)
        order = _pick("Order of the outputs", "order", proposal)
    choice = proposal.choose(colours, framing, order)  # type: ignore[arg-type]
    n, m, most = proposal.count_photos()
    st.caption(
        f"Accuracy on {n:,} training photos for preprocessing, {m:,} for framing, {most:,} for the "
        "order. The best of each is chosen.",
        help="If the order was found on photos, its accuracy is measured on other photos.",
    )
    for sentence in proposal.explain_order(choice.outputs, dataset.classes):
        st.markdown(f":material/info: {plain(sentence)}")
    if choice == proposal.choose():
        _show_mistakes(proposal, dataset)
    _show_outputs(proposal, choice.outputs, dataset.classes)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", opened.title, max_chars=100, key="models.adding.name")
        add = st.button("Add this model", type="primary", icon=":material/check:")
        _show_back(folder)
    if add:
        with st.spinner("Comparing the scores here with the original ones …"):
            run, new, parity = add_model(cache.workspace(), dataset, opened, choice, name)
        _forget(folder)
        tell_after_rerun(f"{plain(run.name, 60)} {'is' if new else 'was already'} added. {parity}")
        st.switch_page(page_file("training"), query_params={"run": run.id})


def _pick(label: str, part: str, proposal: Proposal) -> str:
    """Draw the ways that were tried with the accuracy of each, and return the chosen one."""
    ways = proposal.list_ways()[part]
    chosen = st.radio(
        label,
        ways,
        index=[*ways].index(getattr(proposal, part)),
        format_func=lambda way: ways[way][:1].upper() + ways[way][1:],
        key=f"models.adding.{part}",
    )
    return str(chosen)


def _show_mistakes(proposal: Proposal, dataset: Dataset) -> None:
    """Draw photos that the proposed model gets wrong."""
    if not proposal.mistakes:
        return
    answers, tried = dict(proposal.mistakes), proposal.orders[proposal.order].share

    def describe(photo: int) -> str:
        return f"{dataset.classes[dataset.labels[photo]]}\n→ {dataset.classes[answers[photo]]}"

    st.caption(
        f"Wrong: {tried.photos - tried.right:,} of {count(tried.photos, 'photo')}. The most "
        "confident mistakes first: true class → predicted."
    )
    wall = Wall("models.adding", describe, selectable=False, opens=False)
    show_wall(dataset, np.array(list(answers)), wall)


def _show_outputs(proposal: Proposal, outputs: Sequence[int], classes: Sequence[str]) -> None:
    named = [
        ("–" if one < 0 else proposal.names[one] if one < len(proposal.names) else f"number {one}")
        for one in outputs
    ]
    with st.expander("Output of each class", icon=":material/table:"):
        table = pd.DataFrame({"Class": classes, "Output": named})
        st.dataframe(table, hide_index=True, alt="The output of each class")
