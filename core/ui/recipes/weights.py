"""Which weights a recipe has: the choice, and the download of those that are not here.

Nothing is fetched silently: a button says what it fetches, how large it is, under which licence and
from where. The download is a job, so a reload loses nothing.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

import streamlit as st

from core.config import read_settings
from core.errors import WeightsDamaged, WeightsMissing
from core.formats import plain, size
from core.runs.fetching import find_fetch, start_fetch
from core.runs.jobs import read_job
from core.runs.recipe.recipe import SETTINGS
from core.ui.parts import cache
from core.ui.parts.live_state import follow_job
from core.ui.parts.messages import show_problem, show_random_banner
from models.catalogue import CATALOGUE, DEFAULT, RANDOM, STARTER
from models.weights import Weights, find_weights


def pick_weights() -> Weights | None:
    """Return the chosen weights, or None when they are wanted and not there."""
    st.session_state.setdefault("training.weights", DEFAULT)
    name = st.selectbox(
        "Weights of the backbone",
        list(SETTINGS["weights"].choices),
        format_func=SETTINGS["weights"].choices.__getitem__,
        key="training.weights",
        persist_state="session",
        help="What the backbone learned before it saw your photos.",
    )
    if name == RANDOM:
        show_random_banner()
        return find_weights(cache.workspace(), RANDOM)
    entry, found = CATALOGUE[name], find_or_say(name)
    st.caption(f"{entry.sentence} Licence: {entry.licence}.")
    if isinstance(found, Weights):
        st.caption(f":material/key: {plain(found.label)}, from {plain(found.origin)}")
        return found
    _offer_ways_out(found)
    return None


def find_or_say(name: str = DEFAULT) -> Weights | WeightsMissing | WeightsDamaged:
    """Return the weights of a name, or why there are none."""
    try:
        return find_weights(cache.workspace(), name)
    except (WeightsMissing, WeightsDamaged) as error:
        return error


def _offer_ways_out(error: WeightsMissing | WeightsDamaged) -> None:
    if isinstance(error, WeightsDamaged):
        show_problem(error.problem, error.remedy)
    else:
        st.info(plain(error.problem), icon=":material/key_off:")
    fetched = can_be_fetched()
    going = fetched and show_fetch() == "going"
    with st.container(horizontal=True, gap="small"):
        if fetched and not going:
            ask_fetch()
        st.button(
            "Use the starter weights",
            icon=":material/draw:",
            on_click=lambda: st.session_state.update({"training.weights": STARTER}),
        )
        with st.popover("Without network", icon=":material/help:", type="tertiary"):
            st.write(plain(error.remedy))
    if fetched and not going:
        st.caption(describe_download())


def can_be_fetched() -> bool:
    """Return whether a download would help: a file of PETALSCOPE_WEIGHTS would still win."""
    return read_settings().weights is None


def show_fetch() -> str:
    """Draw how far the download of weights is, or why it failed; return its state, if any."""
    folder = find_fetch(cache.workspace())
    job = read_job(folder)
    if job is not None and job.state == "going":
        then = "Then it trains by itself. " if job.parameters["run"] else ""
        follow_job(folder, CATALOGUE[DEFAULT].title, f"{then}You can leave or reload this page.")
    elif job is not None and job.state == "failed":
        show_problem(job.problem, job.remedy)
    return job.state if job is not None else ""


@cache.for_editors
def ask_fetch(label: str = "", *, main: bool = False, run: Mapping[str, str] | None = None) -> None:
    """Draw the button that fetches weights.

    Args:
        label: Of the button; left out, “Download” and the size.
        main: Whether it is the one thing to do next.
        run: What to train when they are here (see `start_fetch`).
    """
    if st.button(
        label or f"Download ({size(CATALOGUE[DEFAULT].size_bytes)})",
        icon=":material/download:",
        type="primary" if main else "secondary",
        key="fetch.pretrained",
    ):
        start_fetch(cache.workspace(), **(run or {}))
        st.rerun()


def describe_download() -> str:
    """Return what is fetched, how large it is, under which licence and from where."""
    entry, server = CATALOGUE[DEFAULT], urlsplit(read_settings().weights_url).hostname or ""
    parts = entry.title, size(entry.size_bytes), f"licence {entry.licence}", f"from {server}"
    return " · ".join(parts)
