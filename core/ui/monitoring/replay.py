"""The monitoring page, replay: what another version, or another rule, would have answered."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import pandas as pd
import streamlit as st

from core.errors import PetalscopeError
from core.evaluation.comparison import difference_interval
from core.evaluation.intervals import wilson_interval
from core.formats import count, interval, moment, plain, points, points_range
from core.monitoring.replay import OUTCOMES, WITHHELD, Replay, Replayed
from core.prediction.choosing import find_rule
from core.prediction.deciding import DecisionRule, describe_rule
from core.registry.store import ModelVersion, list_versions, read_aliases
from core.ui.monitoring.reading import MonitoringPage, read_replay
from core.ui.parts import cache
from core.ui.parts.messages import show_problem
from core.ui.parts.state import bind_choice, settle_choice
from core.ui.photos.reading import link_kept_photo

_OWN, _ALWAYS, _THRESHOLD, _RUN = "own", "always", "threshold", "run"
_SHOWN, _NAMED = 50, 8
_ABOUT = (
    "The features that the log keeps go through the head of the version; then the rule decides. "
    "No photo is needed, and nothing is asked, logged or changed. Each photo counts once, with its "
    "newest answer."
)


def show_replay(page: MonitoringPage) -> None:
    """Draw what a version would have said of the photos of this time, by a rule."""
    st.subheader("What would another have answered?", anchor=False, help=_ABOUT)
    versions = {version.label: version for version in list_versions(cache.workspace())}
    if not versions:
        st.caption("Register a run, on the page Models: versions are replayed.")
        return
    if not len(page.table):
        st.caption("No answer in this time. Choose a longer one above.")
        return
    left, right = st.columns(2, gap="medium")
    with left:
        version = _pick_version(versions, page.version)
    with right:
        rule = _pick_rule(version, versions)
    try:
        found = read_replay(page, version)
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
        return
    _say_left_out(found)
    if len(found.rows):
        _show_replayed(found, found.decide(rule), is_own=rule == version.rule)


def _pick_version(
    versions: Mapping[str, ModelVersion], watched: ModelVersion | None
) -> ModelVersion:
    """Return the version to replay: the challenger, else one that is not watched."""
    challenger = read_aliases(cache.workspace()).get("challenger")
    others = [one for one in versions.values() if watched is None or one.number != watched.number]
    wanted = next((one for one in others if one.number == challenger), None)
    wanted = wanted or next(iter(others), watched) or next(iter(versions.values()))
    chosen = settle_choice("replay", versions, wanted.label)
    st.selectbox(
        "Version",
        list(versions),
        format_func=lambda label: f"{label}: {versions[label].name}",
        **bind_choice("replay", chosen, key="picker.replay"),
    )
    return versions[chosen]


def _pick_rule(version: ModelVersion, versions: Mapping[str, ModelVersion]) -> DecisionRule | None:
    """Return the rule to replay by; None: every photo is answered."""
    names = {_OWN: f"Its own rule, frozen with {version.label}"}
    with suppress(PetalscopeError):
        if cache.result(version.run_id).classes == version.classes:
            names[_RUN] = "The rule of its run now"
    names |= {_ALWAYS: "Always answer", _THRESHOLD: "A threshold that I choose"}
    names |= {one: f"The rule of {one}" for one in versions if one != version.label}
    name = st.selectbox("Rule", list(names), format_func=names.__getitem__, key="replay.rule")
    if name == _THRESHOLD:
        own = version.rule or DecisionRule()
        share = st.slider(
            "It answers from a score of",
            0,
            100,
            round(100 * own.threshold),
            format="%d %%",
            key="replay.threshold",
            help="All else is as in its own rule, but for thresholds of classes and costs.",
        )
        return replace(own, threshold=share / 100, class_thresholds={}, costs=None)
    rule = versions.get(name, version).rule if name != _ALWAYS else None
    if name == _RUN:
        rule = find_rule(cache.workspace(), version.run_id, cache.result(version.run_id))
    st.caption(plain(describe_rule(rule)))
    return rule


def _say_left_out(found: Replay) -> None:
    whose = {"another backbone": found.elsewhere, "a model that is gone": found.gone}
    said = "; ".join(f"{count(n, 'photo')} answered by {who}" for who, n in whose.items() if n)
    if said:
        none = "" if len(found.rows) else " No photo of this time is left."
        st.info(
            f"Cannot be replayed: {said}. Features of one backbone mean nothing to a head of "
            f"another.{none}",
            icon=":material/info:",
        )


def _show_replayed(found: Replay, replayed: Replayed, *, is_own: bool) -> None:
    n, changed = len(replayed.rows), int(replayed.changed.sum())
    given = {name: int((replayed.rows[name] != WITHHELD).sum()) for name in ("said", "would")}
    st.markdown(
        f"Of **{count(n, 'photo')}** it would have said something else of **{changed:,}** "
        f"({interval(*wilson_interval(changed, n), n)}). Answered: {given['said']:,} then, "
        f"{given['would']:,} by it."
    )
    same, own = replayed.count_same(found.version)
    if is_own and own:
        st.caption(
            f"A check: of {own:,} that {found.version.label} answered itself, the replay says the "
            f"same of {same:,}. Features are logged with three digits."
        )
    if replayed.unknown:
        names = ", ".join(plain(name, 40) for name in replayed.unknown[:_NAMED])
        more = f" and {len(replayed.unknown) - _NAMED:,} more" * (len(replayed.unknown) > _NAMED)
        st.caption(
            f"Classes of that time that it does not have under this name: {names}{more}. There it "
            "cannot say the same."
        )
    _show_told(replayed.told)
    if not changed:
        return
    moves, photos = st.columns([2, 3], gap="medium")
    with moves:
        st.dataframe(
            replayed.moves,
            hide_index=True,
            column_config={"said": "Was said", "would": "Would be said", "photos": "Photos"},
            alt="What would have been said in place of what was",
        )
    with photos:
        _show_changed(replayed)


def _show_told(told: pd.DataFrame) -> None:
    """Draw right and wrong before and after, of the photos whose class people told."""
    n = len(told)
    if not n:
        st.caption("Nobody has said of any of these photos what it is: which is right is open.")
        return
    after = told["after"].value_counts()
    before = told["before"].value_counts()
    said = [f"{name} {before.get(name, 0):,} → {after.get(name, 0):,}" for name in OUTCOMES]
    right = [(told[name] == "right").to_numpy() for name in ("before", "after")]
    gained, lost = int((right[1] & ~right[0]).sum()), int((right[0] & ~right[1]).sum())
    words = f"Of {count(n, 'photo')} that people named: {'; '.join(said)}."
    if gained or lost:
        ends = points_range(*difference_interval(gained, lost, n), n)
        words += f" Answered right: {points((gained - lost) / n, n)} (95 % interval {ends})."
    st.markdown(words, help="People name more often what was wrong: no measure of all photos.")


def _show_changed(replayed: Replayed) -> None:
    """Draw the newest photos of which something else would be said; pictures where kept."""
    rows = replayed.rows[replayed.changed].tail(_SHOWN)[::-1]
    pictures = [link_kept_photo(digest) for digest in rows["photo"]]
    table = pd.DataFrame({"Photo": pictures} if any(pictures) else {}, index=rows.index).assign(
        **{
            "Time": [moment(time.to_pydatetime()) for time in rows["time"]],
            "Was said": rows["said"],
            "Would be said": rows["would"],
            "Score": 100 * rows["would_score"],
            "People say": rows["class_name"],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        row_height=56 if any(pictures) else None,
        column_config={
            "Photo": st.column_config.ImageColumn("Photo", width=64),
            "Score": st.column_config.NumberColumn(format="%.0f %%"),
        },
        alt="The newest photos of which something else would have been said",
    )
