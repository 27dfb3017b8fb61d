"""All photos of a folder in object storage: what is asked, how far it is, what came of it.

In the URL: `stored` names the work, which goes on without the page.
"""

from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.formats import count, moment, plain
from core.monitoring.sessions import Model
from core.registry.answering import read_answering, start_answering
from core.runs.jobs import JobStatus, stop_job
from core.storage import is_address
from core.ui.parts import cache
from core.ui.parts.live_state import follow_analysis
from core.ui.parts.messages import report_errors, show_problem, tell_after_rerun
from core.ui.parts.state import keep_choice, read_choice
from core.ui.predict.many import drop_batch
from core.ui.predict.question import ROUND, start_over
from core.ui.predict.reading import settle_model

_STORED = "stored"
_FROM, _TO = "predict.stored_photos", "predict.stored_answers"


def ask_folder(place: DeltaGenerator, model: Model) -> None:
    """Draw at its place what asks for a folder and a file of answers."""
    key = f"predict.storage.{st.session_state[ROUND]}"  # a new one is closed
    with place.popover(
        "A folder in object storage", icon=":material/cloud:", width="stretch", key=key
    ):
        photos = st.text_input(
            "Photos are in",
            placeholder="s3://bucket/photos",
            key=_FROM,
            on_change=_suggest_answers,
            help="With the folders inside. Credentials belong into this program's environment.",
        )
        answers = st.text_input("Answers go into", key=_TO, placeholder="s3://bucket/a.parquet")
        label = f"Answer all by {plain(model.name)}"
        if st.button(label, type="primary", icon=":material/play_arrow:"):
            with report_errors():
                settled, said = settle_model(model)
                if said:
                    tell_after_rerun(said)
                named = settled.run_id if settled.version is None else settled.version.label
                asked = {"photos": photos.strip().rstrip("/"), "model": named, "by": settled.name}
                _start(asked | {"answers": answers.strip()})


def show_stored() -> bool:
    """Draw how far the work of the link is, or what came of it; return whether there is one."""
    identifier = read_choice(_STORED)
    if identifier is None:
        return False
    job = read_answering(cache.workspace(), identifier)
    if job is not None:
        with st.container(border=True):
            _show_work(identifier, job)
    return job is not None


def _show_work(identifier: str, job: JobStatus) -> None:
    asked, done = job.parameters, ""
    if job.state == "failed":
        show_problem(job.problem, job.remedy)
    elif job.state == "done":
        _show_counts(job.result)
        done = f", {moment(datetime.fromisoformat(job.result['when']))}"
    of = f"{plain(asked['photos'])} by {plain(asked['by'])}{done}"
    stand = "are in" if done else "go into"
    st.caption(f"{of}. Answers, one row a photo and none in the log, {stand}")
    st.code(asked["answers"], language=None, wrap_lines=True)
    if job.state == "going":
        follow_analysis(identifier, "Answering", "You may leave or reload this page: it goes on.")
    with st.container(horizontal=True):
        if job.state == "going":
            folder = cache.workspace().analysis_folder(identifier)
            st.button("Stop", icon=":material/stop:", on_click=stop_job, args=[folder])
        elif st.button(
            "Look again" if done else "Go on",
            icon=":material/refresh:",
            help="Lists the folder; where it, model and rule are the same, so are the answers.",
        ):
            _start(asked, anew=True)
        st.button("Close", icon=":material/close:", on_click=keep_choice, args=[_STORED, None])


def _show_counts(result: dict[str, Any]) -> None:
    """Draw how many photos got which answer, and what was wrong with how many."""
    for title, rows in (("Answer", result["said"]), ("Not read", result["problems"])):
        if rows or title == "Answer":
            n = count(sum(photos for _, photos in rows), "photo")
            heading = f"{n} answered" if title == "Answer" else f"{n} not read"
            st.subheader(heading, anchor=False)
            table = pd.DataFrame(rows, columns=[title, "Photos"])[["Photos", title]]
            st.dataframe(
                table,
                hide_index=True,
                column_config={"Photos": st.column_config.NumberColumn(format="localized")},
                alt=f"{heading}: how many of each",
            )
    st.caption(plain(result["rule"]))


def _start(asked: dict[str, Any], *, anew: bool = False) -> None:
    keep_choice(_STORED, start_answering(cache.workspace(), **asked, anew=anew))
    drop_batch()
    start_over()
    st.rerun()


def _suggest_answers() -> None:
    """Write where the answers may go: beside the folder, for a bucket into it."""
    folder = st.session_state[_FROM].strip().rstrip("/")
    if is_address(folder) and "@" not in folder:  # never a secret twice
        joint = "-" if folder.count("/") > 2 else "/"
        st.session_state[_TO] = f"{folder}{joint}answers.parquet"
