"""The page “Models”: champion and challenger, all versions, the history, exports.

The address names the chosen version (version=v3).
"""

import zlib

import pandas as pd
import streamlit as st

from core.config import read_settings
from core.errors import COMMAND
from core.formats import cell_text, count, moment, percent, percent_number, plain, size
from core.registry.events import describe_proof, title_event
from core.registry.promoting import delete_version, set_challenger
from core.registry.store import ALIASES, ModelVersion
from core.ui.models.adding import show_adding
from core.ui.models.export import show_export_panel
from core.ui.models.standing import (
    Registry,
    estimate_accuracy,
    open_promotion,
    read_registry,
    show_badge,
    show_facts,
    show_standing,
)
from core.ui.parts import cache
from core.ui.parts.frame import link_page
from core.ui.parts.messages import (
    report_errors,
    show_alarm_note,
    show_empty,
    show_told,
    tell_after_rerun,
)
from core.ui.parts.state import keep_choice, read_choice, refuse_value
from core.ui.recipes.run_cards import show_registering
from core.ui.visitor import name_visitor

_ANY_ADDRESS = ("0.0.0.0", "::", "")


def show_models() -> None:
    """Draw the champion, all versions, the history, exports and the line for programs."""
    show_told()
    show_alarm_note(unchecked=True)
    registry = read_registry()
    if not registry.versions:
        about = "A version is a frozen copy of a finished run, ready to classify photos."
        if any(run.state == "done" and run.recipe.has_model for run in registry.runs.values()):
            with st.container(border=True):
                st.subheader("No version yet", anchor=False)
                st.write(
                    f"{about} One version, the champion, answers everywhere. You can replace it "
                    "with a better one, and roll back at any time."
                )
                show_registering()
        else:
            about = f"{about} Train a run first: with cached features it takes seconds."
            show_empty("No version yet", about, "training", "Train a model", "model_training")
        show_adding()
        if registry.events:
            _show_history(registry)
        return
    show_standing(registry)
    with st.container(
        horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"
    ):
        st.subheader("Versions", anchor=False)
        if not cache.workspace().read_only:
            with st.popover("Register a run", icon=":material/add:"):
                show_registering()
    version = pick_version(registry)
    if version is not None:
        show_version(registry, version)
    show_adding()
    _show_history(registry)
    show_export_panel(version or registry.named("champion"))
    show_curl()


def show_curl() -> None:
    """Draw the line that asks the API about a photo."""
    settings = read_settings()
    host = "127.0.0.1" if settings.api_host in _ANY_ADDRESS else settings.api_host
    address = f"http://{f'[{host}]' if ':' in host else host}:{settings.api_port}"
    key = '-H "Authorization: Bearer $PETALSCOPE_API_KEY" ' if settings.api_key else ""
    st.subheader("Use it from a program", anchor=False)
    st.code(f"curl -s {key}-F photo=@tulip.jpg {address}/v1/predict", language="bash")
    st.caption(
        f"`make api` or `{COMMAND} serve` starts the API; its documentation is at `/openapi.json`."
    )


def _show_history(registry: Registry) -> None:
    """Draw the newest events as a table."""
    events = registry.events
    st.subheader("History", anchor=False)
    table = pd.DataFrame(
        {
            "Time": [moment(event.time) for event in events],
            "Event": [title_event(event) for event in events],
            "Reason": [event.reason for event in events],
            "Proof": [describe_proof(event) for event in events],
            "By": [event.who for event in events],
        }
    )
    st.dataframe(table, hide_index=True, alt=f"{count(len(events), 'event')}, newest first")


_ROWS_IN_SIGHT = 8


def pick_version(registry: Registry) -> ModelVersion | None:
    """Draw the table of versions, and return the chosen one, if any."""
    everything = list(registry.versions.values())
    aliased = [version for alias in ALIASES if (version := registry.named(alias)) is not None]
    versions = aliased + [version for version in everything if version not in aliased]
    listed = "|".join(version.digest for version in versions)
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    answer = st.dataframe(
        pd.DataFrame([_describe(registry, version) for version in versions]),
        hide_index=True,
        # Streamlit knows rows by their place: other versions need another table.
        key=f"registry.table.{zlib.crc32(listed.encode())}",
        on_select="rerun",
        selection_mode="single-row",
        height=min(len(versions), _ROWS_IN_SIGHT) * 35 + 38,
        column_config={
            "Version": text(pinned=True, width=70),
            "Alias": st.column_config.ListColumn(width=110),
            "Name": text(width=180),
            "Accuracy": number(
                format="%.3g %%", help="On validation photos, which chose the epoch, if any."
            ),
            "n": number(help="Validation photos."),
        },
        placeholder="",
        alt="Model versions: alias, name, run, dataset, validation accuracy with interval, n",
    )
    stated = (read_choice("version") or "").removeprefix("v")
    chosen = next((version for version in versions if str(version.number) == stated), None)
    if chosen is None:
        refuse_value("version")
    if rows := answer["selection"]["rows"]:
        chosen = versions[rows[0]]
    keep_choice("version", chosen.label if chosen else None)
    if chosen is None:
        st.caption("Tick a version to promote, export or delete it.")
    return chosen


def show_version(registry: Registry, version: ModelVersion) -> None:
    """Draw the chosen version: its facts and actions."""
    with st.container(border=True):
        alias = registry.alias_of(version)
        if alias is None:
            show_facts(registry, version)
        else:  # its facts are in the card above
            show_badge(alias)
        with st.container(horizontal=True, vertical_alignment="center"):
            if alias != "champion" and cache.edit_button(
                "Promote …", icon=":material/military_tech:", key="registry.promote"
            ):
                open_promotion(version.number)
            if alias is None and cache.edit_button(
                "Make it the challenger",
                icon=":material/swords:",
                key="registry.challenge",
                disabled="champion" not in registry.aliases,
                help=None if "champion" in registry.aliases else "There is no champion yet.",
            ):
                with report_errors():
                    set_challenger(cache.workspace(), version.number, who=name_visitor())
                    tell_after_rerun(f"{version.label} is the challenger.")
                    st.rerun()
            link_page("predict", "Classify a photo", "photo_camera", model=version.label)
            if version.run_id in registry.runs and version.dataset_id in registry.datasets:
                link_page("metrics", "Metrics", "monitoring", run=version.run_id)
                link_page("training", "Curves", "model_training", run=version.run_id)
            if alias is None and not cache.workspace().read_only:
                with st.popover("Delete", icon=":material/delete:", type="tertiary"):
                    _ask_to_delete(registry, version)


def _describe(registry: Registry, version: ModelVersion) -> dict[str, object]:
    accuracy = estimate_accuracy(version)
    ends = (percent(end, accuracy.n) for end in (accuracy.low, accuracy.high))
    run = registry.runs.get(version.run_id)
    dataset = registry.datasets.get(version.dataset_id)
    return {
        "Version": version.label,
        "Alias": [alias.capitalize()] if (alias := registry.alias_of(version)) else [],
        "Name": cell_text(version.name),  # the table has a button that makes a CSV of it
        "Accuracy": None if not accuracy.n else percent_number(accuracy.value, accuracy.n),
        "95 % interval": " to ".join(ends) if accuracy.n else "–",
        "n": accuracy.n,
        "Run": f"Run {run.number}" if run else "deleted",
        "Dataset": cell_text(f"{dataset or 'deleted'} · {version.dataset_id[:6]}"),
        "Classes": len(version.classes),
        "Registered": moment(version.created),
        "By": cell_text(version.who),
    }


def _ask_to_delete(registry: Registry, version: ModelVersion) -> None:
    st.markdown(f"Delete **{version.label}** · {plain(version.name, 60)}?")
    if version.number in registry.former[:1]:
        st.warning("A rollback would return to this version.", icon=":material/undo:")
    if not st.button(
        "Delete for good",
        type="primary",
        icon=":material/delete_forever:",
        key=f"registry.delete.{version.number}",
    ):
        return
    with report_errors():
        freed = delete_version(cache.workspace(), version.number, who=name_visitor())
        keep_choice("version", None)
        tell_after_rerun(f"{version.label} is deleted; {size(freed)} freed.")
        st.rerun()
