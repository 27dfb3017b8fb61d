"""Which weights a recipe has: the choice, and the download of those that are not here.

Nothing is fetched silently: a button says what it fetches, how large it is, under which licence and
from where. The download is a job, so a reload loses nothing.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

import streamlit as st

from core.config import read_settings
from core.errors import NoticeNotAccepted, WeightsDamaged, WeightsMissing
from core.formats import plain, size
from core.runs.fetching import read_fetch, start_fetch
from core.runs.recipe.recipe import SETTINGS
from core.ui.parts import cache
from core.ui.parts.live_state import show_job
from core.ui.parts.messages import report_errors, show_problem, show_random_banner
from models.catalogue import DEFAULT, RANDOM, STARTER, Entry
from models.weights import Weights, accept_notice, find_entry, find_weights


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
    entry, found = find_entry(name), find_or_say(name)
    figures = [f"- {one.what}: {one.value} ({one.source})" for one in entry.published]
    published = "\n".join(["Published figures:", "", *figures]) if figures else None
    st.caption(f"{plain(entry.sentence)} Licence: {plain(entry.licence)}.", help=published)
    if isinstance(found, Weights):
        st.caption(f":material/key: {plain(found.label)}, from {plain(found.origin)}")
        return found
    _offer_ways_out(entry, found)
    return None


def find_or_say(name: str = DEFAULT) -> Weights | WeightsMissing | WeightsDamaged:
    """Return the weights of a name, or why there are none."""
    try:
        return find_weights(cache.workspace(), name)
    except (WeightsMissing, WeightsDamaged) as error:
        return error


def _offer_ways_out(entry: Entry, error: WeightsMissing | WeightsDamaged) -> None:
    if isinstance(error, WeightsDamaged):
        show_problem(error.problem, error.remedy)
    elif not isinstance(error, NoticeNotAccepted):
        st.info(plain(error.problem), icon=":material/key_off:")
    fetched = can_be_fetched(entry)
    going = fetched and show_fetch(entry) == "going"
    with st.container(horizontal=True, gap="small"):
        if fetched and not going:
            ask_fetch(entry)
        st.button(
            "Use the starter weights",
            icon=":material/draw:",
            on_click=lambda: st.session_state.update({"training.weights": STARTER}),
        )
        with st.popover("Without network", icon=":material/help:", type="tertiary"):
            st.write(plain(error.remedy))
    if fetched and not going:
        st.caption(describe_download(entry))


def can_be_fetched(entry: Entry) -> bool:
    """Return whether a download would help: a file of PETALSCOPE_WEIGHTS would still win."""
    return bool(entry.address) and (entry.name != DEFAULT or read_settings().weights is None)


def show_fetch(entry: Entry) -> str:
    """Draw how far the download of weights is, or why it failed; return its state, if any."""
    job = read_fetch(cache.workspace(), entry.name)
    if job is not None and job.state == "going":
        st.fragment(_follow, run_every="0.5s")(entry)
    elif job is not None and job.state == "failed":
        show_problem(job.problem, job.remedy)
    return job.state if job is not None else ""


def ask_fetch(
    entry: Entry, label: str = "", *, main: bool = False, run: Mapping[str, str] | None = None
) -> None:
    """Draw the button that fetches weights, below the notice that they may have.

    Args:
        label: Of the button; left out, “Download” and the size.
        main: Whether it is the one thing to do next.
        run: What to train when they are here (see `start_fetch`).
    """
    agreed = not entry.notice or st.checkbox(plain(entry.notice), key=f"notice.{entry.name}")
    if st.button(
        label or f"Download ({size(entry.size_bytes)})",
        icon=":material/download:",
        type="primary" if main else "secondary",
        disabled=not agreed,
        key=f"fetch.{entry.name}",
    ):
        if entry.notice:
            accept_notice(cache.workspace(), entry.name)
        start_fetch(cache.workspace(), entry.name, **(run or {}))
        st.rerun()


def describe_download(entry: Entry) -> str:
    """Return what is fetched, how large it is, under which licence and from where."""
    server = urlsplit(find_address(entry)).hostname or ""
    licence = f"licence {plain(entry.licence)}"
    parts = [plain(entry.title), size(entry.size_bytes), licence, f"from {server}"]
    if entry.is_pickle:
        parts.append("converted afterwards, which needs PyTorch")
    return " · ".join(parts)


def find_address(entry: Entry) -> str:
    """Return where weights are fetched from."""
    return read_settings().weights_url if entry.name == DEFAULT else entry.address


def _follow(entry: Entry) -> None:
    with report_errors():  # a fragment's errors do not reach those of its page
        job = read_fetch(cache.workspace(), entry.name)
        if job is None or job.state != "going":
            st.rerun()
        show_job(plain(entry.title), job)
        then = "Then it trains by itself. " if job.parameters["run"] else ""
        st.caption(f"{then}You may leave or reload this page: it goes on.")
