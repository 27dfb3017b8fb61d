"""The weights of a recipe: the choice, and the download of ImageNet's.

Nothing is downloaded without a click; the button names size, licence and server. The download is a
job and survives a reload.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

import streamlit as st

from core.config import read_settings
from core.errors import WeightsDamaged, WeightsMissing
from core.formats import plain, size
from core.runs.jobs import find_fetch, read_job, start_fetch
from core.runs.recipe.recipe import SETTINGS
from core.runs.store import list_trained
from core.ui.parts import cache
from core.ui.parts.live_state import follow_job
from core.ui.parts.messages import show_problem, show_random_banner
from core.ui.parts.pickers import pick_named
from models.catalogue import CATALOGUE, DEFAULT, RANDOM, STARTER
from models.weights import Weights, find_weights

_KEY = "training.weights"


def pick_weights(dataset_id: str) -> Weights | None:
    """Return the chosen weights; None and the ways to get them where they are missing."""
    st.session_state.setdefault(_KEY, _suggest(dataset_id))
    about = "\n".join(f"- {one.title}: {one.sentence}" for one in CATALOGUE.values())
    name = pick_named(
        "Weights of the backbone",
        SETTINGS["weights"].choices,
        key=_KEY,
        persist_state="session",
        help=about,
    )
    found = find_or_say(name)
    if isinstance(found, Weights):
        if name == RANDOM:
            show_random_banner()
        return found
    _offer_ways_out(found)
    return None


def hold_weights(name: str) -> None:
    """Let the form open with these weights, before it is drawn."""
    st.session_state[_KEY] = name


def _suggest(dataset_id: str) -> str:
    """Return the weights of the dataset's newest run, else ImageNet's, where they are here."""
    recent = [run.recipe.weights for run in list_trained(cache.workspace(), dataset_id)[:1]]
    wanted = [name for name in (*recent, DEFAULT) if name in CATALOGUE]
    return next((name for name in wanted if isinstance(find_or_say(name), Weights)), STARTER)


def find_or_say(name: str = DEFAULT) -> Weights | WeightsMissing | WeightsDamaged:
    """Return the weights of a name, or why there are none."""
    try:
        return find_weights(cache.workspace(), name)
    except (WeightsMissing, WeightsDamaged) as error:
        return error


def _offer_ways_out(error: WeightsMissing | WeightsDamaged) -> None:
    """Draw what is missing, with the download and the weights that are always here, in one line."""
    if isinstance(error, WeightsDamaged):
        show_problem(error.problem, error.remedy)
    fetched = can_be_fetched()
    running = fetched and show_fetch() == "running"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if isinstance(error, WeightsMissing):
            why = plain(f"{error.problem} {error.remedy}")
            st.caption(":orange[:material/key_off: Not here yet]", width="content", help=why)
        if fetched and not running:
            ask_fetch()
        st.button(
            "Use built-in",
            icon=":material/draw:",
            on_click=lambda: st.session_state.update({_KEY: STARTER}),
        )


def can_be_fetched() -> bool:
    """Return whether a download would help: a file of PETALSCOPE_WEIGHTS would still win."""
    return read_settings().weights is None


def show_fetch() -> str:
    """Draw the progress of the download or its error; return its state, if any."""
    folder = find_fetch(cache.workspace())
    job = read_job(folder)
    if job is not None and job.state == "running":
        then = "Training starts after the download." if job.parameters["run"] else ""
        follow_job(folder, CATALOGUE[DEFAULT].title, then)
    elif job is not None and job.state == "failed":
        show_problem(job.problem, job.remedy)
    return job.state if job is not None else ""


@cache.for_editors
def ask_fetch(label: str = "", *, main: bool = False, run: Mapping[str, str] | None = None) -> None:
    """Draw the button that downloads ImageNet weights.

    Args:
        label: Default: “Download” and the size.
        main: Whether it is the primary button.
        run: The run to train afterwards (see `start_fetch`).
    """
    entry, server = CATALOGUE[DEFAULT], urlsplit(read_settings().weights_url).hostname or ""
    if st.button(
        label or f"Download ({size(entry.size_bytes)})",
        icon=":material/download:",
        type="primary" if main else "secondary",
        key="fetch.pretrained",
        help=f"{entry.title}, {size(entry.size_bytes)}, licence {entry.licence}, from {server}",
    ):
        start_fetch(cache.workspace(), **(run or {}))
        st.rerun()
