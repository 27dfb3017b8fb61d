"""Which weights are best for the photos of a dataset: the table, its sentence, cards, and Use it.

A click in the form measures what is on this machine, by a job that outlives the page; what is
measured is kept, so that it is there at once the next time, and new weights are measured alone.
"""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.config import read_settings
from core.errors import FeaturesMissing
from core.exact.backbones import (
    identify_job,
    list_sizes,
    read_contest,
    read_contest_job,
    start_contest,
    stop_contest,
)
from core.exact.contest import METHOD, Contest, Subject, tell_measured
from core.formats import count, percent, plain, size
from core.runs.jobs import JobStatus
from core.ui.parts import cache
from core.ui.parts.live_state import follow_analysis
from core.ui.parts.messages import show_problem
from core.ui.parts.state import keep_choice, read_choice
from core.ui.recipes.values import key
from data.dataset import Dataset
from models.catalogue import DEFAULT, Entry, read_catalogue

_OPEN = "compare"
_HEADINGS = ("Weights", "Right", "95 %", "Gain", "Gain, 95 %", "Photos/s", "Width", "File")
_ORDER = ("Weights", "Right", "Gain", "Gain, 95 %", "Photos/s", "95 %", "Width", "File")


@dataclass(frozen=True, kw_only=True, eq=False)
class ContestPage:
    """What is known of the weights for the photos of a dataset."""

    dataset: Dataset
    first: Contest
    """On the photos that a first look takes."""
    every: Contest
    """On all training photos; the same where these are few."""
    job: JobStatus | None

    @property
    def shown(self) -> Contest:
        """The one that more is measured in, on more photos where as much is."""
        more = len(self.first.measured) > len(self.every.measured)
        return self.first if more else self.every

    @property
    def is_going(self) -> bool:
        """Whether something is being measured."""
        return self.job is not None and self.job.state == "going"


def offer_contest(dataset: Dataset) -> None:
    """Draw below the weights of the form what is known of them, and the way to know more."""
    page = _read_page(dataset)
    if page is None:
        return
    shown = page.shown
    if shown.measured and (gain := shown.compare(shown.measured[0])) and gain.is_told:
        st.caption(f":material/leaderboard: {plain(shown.say())}", help=METHOD)
    known = len(shown.measured) > 1
    label = "Compare weights" if known else "Which is best for my photos?"
    todo = page.first.missing if not known else ()
    st.button(
        label,
        icon=":material/leaderboard:",
        type="tertiary",
        key="training.compare",
        help="Measures the weights that are on this machine on training photos of this dataset.",
        on_click=_open,
        args=(page, todo),
    )


def show_contest(dataset: Dataset) -> None:
    """Draw the comparison where it was asked for, or is being made."""
    page = _read_page(dataset)
    if page is None or not (page.is_going or read_choice(_OPEN)):
        return
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader("Which weights are best here?", anchor=False)
            if not page.is_going:
                st.button(
                    "Close",
                    icon=":material/close:",
                    type="tertiary",
                    key="training.compare.close",
                    on_click=lambda: keep_choice(_OPEN, None),
                )
        if page.shown.measured:
            _show_table(page.shown)
        if page.is_going:
            below = "You may leave or reload this page: it goes on, and what is measured is kept."
            follow_analysis(identify_job(page.dataset), "Measuring", below)
            st.button(
                "Stop",
                icon=":material/stop:",
                key="training.compare.stop",
                on_click=stop_contest,
                args=(cache.workspace(), page.dataset),
            )
        else:
            _offer_more(page)
        _show_cards(page.shown)


def _read_page(dataset: Dataset) -> ContestPage | None:
    """Return what is known; None where nothing can be measured, which the form says."""
    base = str(st.session_state.get(key("weights"), ""))
    try:
        first, every = (_read_contest(dataset.id, base, whole) for whole in (False, True))
    except FeaturesMissing:
        return None
    job = read_contest_job(cache.workspace(), dataset)
    return ContestPage(dataset=dataset, first=first, every=every, job=job)


def _stamp(*of: object) -> tuple[object, ...]:
    files = cache.workspace().weights.glob("[!.]*")
    written = sorted((file.name, file.stat().st_mtime_ns) for file in files)
    return (*of, cache.analyses_written(), *written)


@cache.cached_by(_stamp, most=8)
def _read_contest(dataset_id: str, base: str, whole: bool) -> Contest:
    return read_contest(cache.workspace(), cache.dataset(dataset_id), base, whole=whole)


def _open(page: ContestPage, subjects: tuple[Subject, ...]) -> None:
    keep_choice(_OPEN, "1")
    if subjects:
        start_contest(cache.workspace(), page.dataset, subjects, whole=False)


def _show_table(contest: Contest) -> None:
    """Draw the sentence, and all that is measured; a row that is clicked can be used."""
    st.markdown(f"**{plain(contest.say())}**", help=METHOD)
    rows = [tell_measured(contest, one) for one in contest.measured]
    chosen = st.dataframe(
        pd.DataFrame(rows, columns=_HEADINGS),
        hide_index=True,
        column_order=_ORDER,
        column_config={"Weights": st.column_config.TextColumn(width=130)},  # a file's name is long
        height="content",
        key="training.compare.table",
        on_select="rerun",
        selection_mode="single-row",
        alt="What is measured of each of the weights, the best first",
    )
    places = chosen["selection"]["rows"]
    one = contest.measured[places[0]] if places and places[0] < len(rows) else None
    if one is not None and one is not contest.in_use:
        st.button(
            f"Use {plain(one.label)}",
            icon=":material/check:",
            key="training.compare.use",
            on_click=_use,
            args=(one.subject,),
        )
    st.caption(contest.describe_photos())


def _offer_more(page: ContestPage) -> None:
    """Draw what can be measured yet, and how long that takes."""
    if page.job is not None and page.job.state == "failed":
        show_problem(page.job.problem, page.job.remedy)
    elif page.job is not None and page.job.result.get("stopped"):
        st.caption("Stopped. What was computed is kept: it goes on from there.")
    looks = [page.every]
    if len(page.first.photos) < len(page.every.photos):
        looks.insert(0, page.first)
    with st.container(horizontal=True):
        for contest in looks:
            if contest.missing:
                number = count(len(contest.photos), "photo")
                _offer(
                    page, f"Measure {len(contest.missing)} on {number}", contest.missing, contest
                )
        if not page.shown.missing and page.shown.measured:
            best = page.shown.measured[0]
            sizes, reason = list_sizes(page.dataset, best.subject.weights)
            done = {one.subject for one in page.shown.measured}
            if todo := tuple(one for one in sizes if one not in done):
                label = f"Try other sizes and looks with {plain(best.label, 30)}"
                _offer(page, label, todo, page.shown, reason)


def _offer(
    page: ContestPage, label: str, subjects: tuple[Subject, ...], contest: Contest, reason: str = ""
) -> None:
    whole = contest is page.every
    pressed = st.button(
        label,
        icon=":material/play_arrow:",
        key=f"training.compare.{whole}.{len(subjects)}",
    )
    if reason:
        st.caption(reason)
    if pressed:
        start_contest(cache.workspace(), page.dataset, subjects, whole=whole)
        st.rerun()


def _show_cards(contest: Contest) -> None:
    """Draw a card for each of the weights: those that are here, and folded those to be had."""
    here = {one.weights for one in contest.missing}
    here |= {one.subject.weights for one in contest.measured}
    entries = read_catalogue().values()
    _draw_cards(contest, [entry for entry in entries if entry.name in here], is_here=True)
    others = [entry for entry in entries if entry.name not in here]
    if others:
        with st.expander(f"{len(others)} more that can be had", icon=":material/download:"):
            _draw_cards(contest, others, is_here=False)


def _draw_cards(contest: Contest, entries: list[Entry], *, is_here: bool) -> None:
    columns = st.columns(2)
    for place, entry in enumerate(entries):
        with columns[place % 2].container(border=True):
            st.markdown(f"**{plain(entry.title)}**", help=plain(entry.sentence))
            bytes_said = size(entry.size_bytes) if entry.size_bytes else "nothing to download"
            facts = f"{plain(entry.licence)} · {bytes_said} · {entry.width:,} numbers a photo"
            st.caption(facts)
            if is_here:
                st.write(_say_measured(contest, entry.name))
            if entry.name == contest.base:
                st.badge("in use", icon=":material/check:", color="green")
                continue
            st.button(
                "Use it" if is_here else "Choose it to download",
                key=f"training.compare.use.{entry.name}",
                on_click=_use,
                args=(Subject(weights=entry.name),),
            )


def _say_measured(contest: Contest, name: str) -> str:
    wanted, n = Subject(weights=name), len(contest.photos)
    one = next((one for one in contest.measured if one.subject == wanted), None)
    if one is None:
        return "Not measured on these photos yet."
    low, high = (percent(end, n) for end in one.ends)
    share = f"{percent(one.accuracy, n)} right here ({low} to {high})"
    official = not read_settings().weights or name != DEFAULT
    return share if official else f"{plain(one.label)}: {share}"


def _use(subject: Subject) -> None:
    """Write the weights, and how photos are shown to them, into the form."""
    framing = subject.framing
    chosen = {"weights": subject.weights, "framing": framing.how}
    chosen |= {"photo_side": framing.side, "crops": framing.crops}  # type: ignore[dict-item]
    st.session_state.update({key(name): value for name, value in chosen.items()})
