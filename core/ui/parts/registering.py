"""Registering a finished run: where runs are seen, and on the page of the models."""

import streamlit as st

from core.errors import PetalscopeError
from core.formats import plain
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from core.ui.parts.frame import page_file
from core.ui.parts.messages import show_problem
from core.ui.parts.pickers import describe_run
from core.ui.parts.state import keep_choice
from core.ui.parts.toasts import tell_after_rerun
from core.ui.parts.visitor import name_visitor

_MOST_NAME = 100


def show_registering() -> None:
    """Draws the picker of a finished run and the button that registers it."""
    runs = {run.id: run for run in list_runs(cache.workspace()) if _can_register(run)}
    if not runs:
        st.caption("No finished run whose dataset is still here.")
        st.page_link(page_file("training"), label="Train a model", icon=":material/model_training:")
        return
    key = "registry.run"
    if st.session_state.get(key) not in runs:
        st.session_state.pop(key, None)
    labels = [describe_run(run) for run in runs.values()]
    with st.form("registry.register", border=False):
        picked = st.selectbox(
            "Finished run",
            list(runs),
            # Streamlit takes options with one label for one option.
            format_func=lambda one: (
                describe_run(runs[one])
                + (f" · {one[:6]}" if labels.count(describe_run(runs[one])) > 1 else "")
            ),
            key=key,
        )
        name = st.text_input("Name", max_chars=_MOST_NAME, placeholder="As the run is called")
        st.caption(
            "Network, head and the rule that is kept with the run now are copied; the version "
            "stays as it is, whatever becomes of the run."
        )
        wanted = st.form_submit_button("Register", type="primary", icon=":material/inventory_2:")
    if wanted:
        _register(runs[picked], name.strip())


def show_register_button(run: RunRecord) -> None:
    """Draws the small button that registers a finished run, where the run is looked at."""
    if not _can_register(run):
        return
    with st.popover("Register", icon=":material/inventory_2:", type="tertiary"):
        st.markdown(f"Make **{plain(describe_run(run), 100)}** a model version?")
        st.caption(
            "Versions are what the page Models promotes: the champion answers on *Predict* and in "
            "the API. The rule that is kept with the run now is frozen with it."
        )
        if st.button("Register this run", type="primary", key=f"register.{run.id}"):
            _register(run, "")


def _can_register(run: RunRecord) -> bool:
    there = cache.workspace().dataset_folder(run.recipe.dataset).exists()
    return run.state == "done" and run.plan is None and there


def _register(run: RunRecord, name: str) -> None:
    from core.registry.registering import register_run  # OpenVINO: loaded when first wanted
    from core.registry.store import list_versions

    known = {version.number for version in list_versions(cache.workspace())}
    try:
        with st.spinner("Copying and checking …"):
            version = register_run(cache.workspace(), run.id, name=name, who=name_visitor())
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
        return
    keep_choice("version", version.label)
    new = version.number not in known
    tell_after_rerun(
        f"Registered as {version.label}." if new else f"It is {version.label} already."
    )
    st.switch_page(page_file("registry"), query_params={"version": version.label})
