"""The header of all pages about a finished run, its recipe and report, and registering it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import COMMAND, ExportRefused, NetworkUnsupported
from core.formats import duration, plain
from core.registry.store import list_versions
from core.runs.recipe.words import list_settings
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from core.ui.parts.frame import link_page, page_file
from core.ui.parts.messages import report_errors, show_random_banner, tell_after_rerun
from core.ui.parts.pickers import describe_run, name_runs, pick_run, pick_split
from core.ui.parts.seal import ask_before_test, show_openings
from core.ui.parts.state import keep_choice
from core.ui.recipes.code import show_code
from core.ui.visitor import name_visitor

_MOST_NAME = 100


def open_run() -> tuple[RunRecord, str]:
    """Draw the header of a page about a run: run, split, recipe and report; return run and split.

    Ends the page where there is no finished run, or the test split is still sealed.
    """
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
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
    kind: dict[str, Any] = {"type": "tertiary", "on_change": "rerun"}
    with st.container(horizontal=True, gap="small"):
        recipe = st.popover("Recipe", icon=":material/receipt_long:", key="header.recipe", **kind)
        report = st.popover("Report", icon=":material/description:", key="header.report", **kind)
    if recipe.open:
        with recipe:
            result, dataset = cache.result(run.id), cache.dataset(run.recipe.dataset)
            stopped = " · stopped by hand" if run.stopped else ""
            st.caption(
                f"Dataset {plain(dataset.name)} ({dataset.id}) · best epoch "
                f"{result.best_epoch} of {run.epochs_done}{stopped} · {plain(run.device)} · "
                f"{duration(sum(result.seconds.values()))}"
            )
            show_recipe(run)
    if report.open:
        with report:
            show_report_download(run, split)


def show_recipe(run: RunRecord) -> None:
    """Draw everything that decided what the run learnt; what it did not use is left out."""
    rows = {"run": run.id, **list_settings(run.recipe)}
    table = pd.DataFrame({"setting": rows.keys(), "value": rows.values()})
    st.dataframe(table, hide_index=True, width=420, alt="Recipe of this run")


@cache.for_editors
def show_registering() -> None:
    """Draw the picker of a finished run and the button that registers it."""
    runs = {run.id: run for run in list_runs(cache.workspace()) if _can_register(run)}
    if not runs:
        st.caption("No finished run whose dataset is still here.")
        link_page("training", "Train a model", "model_training")
        return
    key = "registry.run"
    if st.session_state.get(key) not in runs:
        st.session_state.pop(key, None)
    with st.form("registry.register", border=False):
        picked = st.selectbox(
            "Finished run", list(runs), format_func=name_runs(runs.values()).__getitem__, key=key
        )
        name = st.text_input("Name", max_chars=_MOST_NAME, placeholder="As the run is called")
        st.caption(
            "Network, head and the rule by which the run answers now are copied; the version "
            "stays as it is, whatever becomes of the run."
        )
        wanted = st.form_submit_button("Register", type="primary", icon=":material/inventory_2:")
    if wanted:
        _register(runs[picked], name.strip())


@cache.for_editors
def show_register_button(run: RunRecord) -> None:
    """Draw the small button that registers a finished run, where the run is looked at."""
    if not _can_register(run):
        return
    with st.popover("Register", icon=":material/inventory_2:", type="tertiary"):
        st.markdown(f"Make **{plain(describe_run(run), 100)}** a model version?")
        st.caption(
            "Versions are what the page Models promotes: the champion answers on *Predict* and in "
            "the API. The rule by which the run answers now is frozen with it."
        )
        if st.button("Register this run", type="primary", key=f"register.{run.id}"):
            _register(run, "")


def describe_deletion(runs: Sequence[RunRecord]) -> str:
    """Return in words what goes with the runs, and which model versions were made from them."""
    words = "Curves, scores, model and cached files that no other run needs are deleted for good."
    ids = {run.id for run in runs}
    labels = [one.label for one in list_versions(cache.workspace()) if one.run_id in ids]
    if not labels:
        return words
    stay = "was made from it and stays" if len(labels) == 1 else "were made from it and stay"
    return f"{words} {', '.join(reversed(labels))} {stay}: a version has its own files."


def _can_register(run: RunRecord) -> bool:
    there = cache.workspace().dataset_folder(run.recipe.dataset).exists()
    return run.state == "done" and run.plan is None and there


def _register(run: RunRecord, name: str) -> None:
    from core.registry.registering import register_run  # OpenVINO: loaded when first wanted
    from core.registry.store import list_versions

    known = {version.number for version in list_versions(cache.workspace())}
    with report_errors():
        with st.spinner("Copying and checking …"):
            version = register_run(cache.workspace(), run.id, name=name, who=name_visitor())
        keep_choice("version", version.label)
        new = version.number not in known
        tell_after_rerun(
            f"Registered as {version.label}." if new else f"It is {version.label} already."
        )
        st.switch_page(page_file("models"), query_params={"version": version.label})


def show_report_download(run: RunRecord, split: str) -> None:
    """Draw the downloads of the report over a split (for test: one that was opened already)."""
    name = f"report-run-{run.number}-{run.id[:6]}-{split}"
    st.markdown("**All of it in one file**")
    st.caption(
        "Recipe, data, curves, metrics, matrix, worst photos with Grad-CAM, calibration and "
        "slices, in one file without scripts. Takes a few seconds to write."
    )
    write = partial(_write, run, split)
    _offer("HTML report", f"{name}.html", "text/html", partial(write, as_card=False))
    card = partial(write, as_card=True)
    _offer("Model card (Markdown)", f"{name}.md", "text/markdown", card)
    _offer_notebook(run)
    show_code(run)
    st.caption(
        f"On the command line: `{COMMAND} report {run.id[:6]} --split {split}`  \n"
        f"and `{COMMAND} export {run.id[:6]} FILE.ipynb`"
    )


def _offer_notebook(run: RunRecord) -> None:
    from core.exporting.notebook import MIME, check_notebook, write_notebook

    st.markdown("**Train it again, in plain Keras**")
    try:
        check_notebook(run.recipe)
    except (ExportRefused, NetworkUnsupported) as error:
        st.caption(error.problem)
        return
    st.caption(
        "A notebook for Jupyter or Colab that finds the same photos by their digests and checks "
        "its result against this run. It contains no photos."
    )
    name = f"run-{run.number}-{run.id[:6]}.ipynb"
    _offer("Notebook", name, MIME, partial(write_notebook, cache.workspace(), run))


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
    # Charts, Grad-CAM and all: imported when first wanted, a page that only offers them is quick.
    from core.reporting.contents import collect_report
    from core.reporting.writing import write_html, write_model_card

    if as_card:
        return write_model_card(collect_report(cache.workspace(), run, split, pictures=0))
    return write_html(collect_report(cache.workspace(), run, split))
