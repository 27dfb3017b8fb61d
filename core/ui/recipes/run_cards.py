"""Cards about a run that several pages show: header, recipe, notes, registering, report, code."""

import zlib
from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd
import streamlit as st

from core.errors import COMMAND, NetworkUnsupported
from core.formats import duration, plain
from core.registry.store import list_versions
from core.runs.queue.control import note_run, rename_run, tag_run
from core.runs.recipe.recipe import check_network
from core.runs.recipe.words import list_settings
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from core.ui.parts.charts import show_folded
from core.ui.parts.frame import link_page, page_file
from core.ui.parts.messages import report_errors, show_random_banner, tell_after_rerun
from core.ui.parts.pickers import describe_run, name_runs, pick_named, pick_run, pick_split
from core.ui.parts.seal import ask_before_test, show_openings
from core.ui.parts.state import keep_choice
from core.ui.visitor import name_visitor

_MOST_NAME, _MOST_NOTES = 100, 5000
_CELLS = ("backbone", "head", "batches", "training", "stages", "answers", "metrics")
"""Blocks of the notebook that the code of a run shows."""


def open_run() -> tuple[RunRecord, str]:
    """Draw the header of a page about a run: run, split, recipe and report; return run and split.

    Ends the page where there is no finished run, or the test split is still sealed.
    """
    row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    with row.container():
        run = pick_run()
    with row.container(width="content"):
        split = pick_split(run)
    if split == "test":
        ask_before_test(run)
        show_openings(run)
    with row.container(width="content"):
        _show_papers(run, split)
    if run.recipe.weights == "random":
        show_random_banner()
    return run, split


@st.fragment
def _show_papers(run: RunRecord, split: str) -> None:
    """Draw recipe and report, whose content is only made when they are opened."""
    recipe, report = partial(_show_facts, run), partial(show_report_download, run, split)
    with st.container(horizontal=True, gap="small"):
        show_folded("Recipe", recipe, "receipt_long", st.popover, type="tertiary")
        show_folded("Report", report, "description", st.popover, type="tertiary")


def _show_facts(run: RunRecord) -> None:
    result, dataset = cache.result(run.id), cache.dataset(run.recipe.dataset)
    facts = [
        f"Dataset {plain(dataset.name)} ({dataset.id})",
        f"best {run.epoch_words}" if run.epoch_words else "",
        "stopped by hand" if run.stopped else "",
        plain(run.device),
        duration(sum(result.seconds.values())),
    ]
    st.caption(" · ".join(filter(None, facts)))
    show_recipe(run)


def show_recipe(run: RunRecord) -> None:
    """Draw the settings that the recipe uses."""
    rows = {"run": run.id, **list_settings(run.recipe)}
    table = pd.DataFrame({"setting": rows.keys(), "value": rows.values()})
    st.dataframe(table, hide_index=True, width=420, alt="Recipe of this run")


def edit_notes(run: RunRecord) -> None:
    """Draw name, notes and tags; only typed changes are saved, so windows do not conflict."""
    number = f"Run {run.number}"
    drawn = {
        "name": "" if run.name == number else run.name,
        "notes": run.notes,
        "tags": ", ".join(run.tags),
    }
    # A change in another window draws new fields: typed text is read before that.
    key = f"run.notes.{run.id}.{zlib.crc32(repr(drawn).encode())}"

    def save() -> None:
        typed = {name: st.session_state[f"{key}.{name}"] for name in drawn}
        with report_errors():
            if typed["name"] != drawn["name"]:
                rename_run(cache.workspace(), run.id, typed["name"])
            if typed["notes"] != drawn["notes"]:
                note_run(cache.workspace(), run.id, typed["notes"])
            if typed["tags"] != drawn["tags"]:
                tag_run(cache.workspace(), run.id, typed["tags"].split(","))

    with st.form(f"run.notes.{run.id}", border=False):
        name, notes = drawn["name"], drawn["notes"]
        st.text_input("Name", name, max_chars=_MOST_NAME, placeholder=number, key=f"{key}.name")
        st.text_area("Notes", notes, max_chars=_MOST_NOTES, height=120, key=f"{key}.notes")
        st.text_input("Tags", drawn["tags"], help="Separated by commas.", key=f"{key}.tags")
        st.form_submit_button("Save", type="primary", on_click=save)


@cache.for_editors
def show_registering() -> None:
    """Draw a list of the finished runs and the button that registers one."""
    runs = {run.id: run for run in list_runs(cache.workspace()) if _can_register(run)}
    if not runs:
        st.caption("There is no finished run with a dataset to register.")
        link_page("training", "Train a model", "model_training")
        return
    key = "registry.run"
    if st.session_state.get(key) not in runs:
        st.session_state.pop(key, None)
    with st.form("registry.register", border=False):
        picked = pick_named("Finished run", name_runs(runs.values()), key=key)
        name = st.text_input("Name", max_chars=_MOST_NAME, placeholder="Name of the run")
        wanted = st.form_submit_button("Register", type="primary", icon=":material/inventory_2:")
    if wanted:
        _register(runs[picked], name.strip())


@cache.for_editors
def show_register_button(run: RunRecord) -> None:
    """Draw the small button that registers a finished run."""
    if not _can_register(run):
        return
    with st.popover("Register", icon=":material/inventory_2:", type="tertiary"):
        st.markdown(f"Make **{plain(describe_run(run), 100)}** a model version?")
        st.caption(
            "A version is a frozen copy of the run and its rule. The version you promote on the "
            "page Models answers on *Predict* and in the API."
        )
        if st.button("Register this run", type="primary", key=f"register.{run.id}"):
            _register(run, "")


def describe_deletion(runs: Sequence[RunRecord]) -> str:
    """Return a sentence about the files that are deleted, and one about versions that stay."""
    words = "This deletes curves, scores, model and cached files that no other run needs."
    ids = {run.id for run in runs}
    labels = [one.label for one in list_versions(cache.workspace()) if one.run_id in ids]
    if not labels:
        return words
    return f"{words} {', '.join(reversed(labels))} {'stays' if len(labels) == 1 else 'stay'}."


def _can_register(run: RunRecord) -> bool:
    there = cache.workspace().dataset_folder(run.recipe.dataset).exists()
    has_model = run.plan is None and run.recipe.has_model
    return run.state == "done" and has_model and there


def _register(run: RunRecord, name: str) -> None:
    from core.registry.registering import register_run  # imports OpenVINO

    known = {version.number for version in list_versions(cache.workspace())}
    with report_errors():
        with st.spinner("Copying and checking …"):
            version = register_run(cache.workspace(), run.id, name=name, who=name_visitor())
        keep_choice("version", version.label)
        new = version.number not in known
        tell_after_rerun(f"{'Registered' if new else 'Already registered'} as {version.label}.")
        st.switch_page(page_file("models"), query_params={"version": version.label})


def show_report_download(run: RunRecord, split: str) -> None:
    """Draw the downloads: report and model card on a split, notebook; and the code.

    Added models and predictions have a report alone.
    """
    name = f"report-run-{run.number}-{run.id[:6]}-{split}"
    st.markdown("**Report**")
    st.caption(
        "Recipe, data, curves, metrics, matrix, worst photos with Grad-CAM, calibration and "
        "slices, in one file. Takes a few seconds."
    )
    write = partial(_write, run, split)
    _offer("HTML report", f"{name}.html", "text/html", partial(write, as_card=False))
    if not run.recipe.is_added:
        card = partial(write, as_card=True)
        _offer("Model card (Markdown)", f"{name}.md", "text/markdown", card)
        _offer_notebook(run)
        show_code(run)
    st.caption(f"On the command line: `{COMMAND} report {run.id[:6]} --split {split}`")


def _offer_notebook(run: RunRecord) -> None:
    from core.exporting.notebook import MIME, write_notebook

    st.markdown("**Notebook**")
    try:
        check_network(run.recipe)
    except NetworkUnsupported as error:
        st.caption(error.problem)
        return
    st.caption(
        "Trains this run again in plain Keras, in Jupyter or Colab, and checks the result. It "
        "needs your photos."
    )
    name = f"run-{run.number}-{run.id[:6]}.ipynb"
    _offer("Notebook", name, MIME, partial(write_notebook, cache.workspace(), run))


def show_code(run: RunRecord) -> None:
    """Draw the button that opens the code of a run."""
    if st.button("Show the code", icon=":material/code:", type="tertiary", key=f"code.{run.id}"):
        show_cells(run)


@st.dialog("The code of this run", width="large")
def show_cells(run: RunRecord) -> None:
    """Draw the cells of the notebook that train and evaluate this run."""
    from core.exporting.notebook import describe_recipe, render_cells

    try:
        check_network(run.recipe)
    except NetworkUnsupported as error:
        st.caption(error.problem)
        return
    st.caption("Plain Keras, NumPy and scikit-learn. The notebook in *Report* has all cells.")
    cells = render_cells(describe_recipe(run.recipe), *_CELLS)
    st.code("\n\n\n".join(cells.values()), language="python")


def _offer(label: str, file_name: str, mime: str, make: Callable[[], str]) -> None:
    st.download_button(
        label,
        data=make,
        file_name=file_name,
        mime=mime,
        icon=":material/download:",
        key=f"report.{file_name}",
        on_click="ignore",
        width="stretch",
    )


def _write(run: RunRecord, split: str, *, as_card: bool) -> str:
    # Slow to import.
    from core.reporting.contents import collect_report
    from core.reporting.writing import write_html, write_model_card

    if as_card:
        return write_model_card(collect_report(cache.workspace(), run, split, pictures=0))
    return write_html(collect_report(cache.workspace(), run, split))
