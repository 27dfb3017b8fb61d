"""The monitoring page: its figures and charts, and the log: download, and deletion by request."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

import streamlit as st

from core.config import read_settings
from core.errors import PetalscopeError
from core.evaluation.intervals import Estimate
from core.formats import count, milliseconds, moment, percent, plain
from core.monitoring.log import count_predictions, delete_predictions, read_predictions, write_csv
from core.monitoring.summaries import (
    count_classes,
    count_scores,
    find_best_scores,
    keep_newest,
    summarise,
)
from core.ui.monitoring.charts import Course, draw_latency, draw_shares, draw_volume
from core.ui.monitoring.drift import show_drift
from core.ui.monitoring.drift_charts import draw_classes, draw_scores
from core.ui.monitoring.reading import MOST_ROWS, PERIODS, MonitoringPage, read_monitoring
from core.ui.monitoring.rules import show_alarms, show_rules
from core.ui.parts import cache
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.messages import (
    show_alarm_banner,
    show_empty,
    show_problem,
    show_told,
    tell_after_rerun,
)
from core.ui.parts.state import bind_choice

_PERIODS = {"all": None, "30 days": 30, "7 days": 7, "1 day": 1}
_REQUESTS = {
    "photo": "Of one photo",
    "visitor": "Of one visitor",
    "id": "One prediction",
    "until": "Older than",
}


def show_monitoring() -> None:
    """Draw the figures, the drift, the rules and the log; or what to do where it is empty."""
    show_told()
    page = read_monitoring()
    show_alarm_banner(link=False)
    if not page.noted:
        show_empty(
            "Nothing was asked yet",
            "Every answer of the Predict page and of the API is noted, without its photo. How many "
            "there are, how fast, how sure and how right they are, and whether the photos change, "
            "appears here from the first on.",
            "predict",
            "Classify a photo",
            "photo_camera",
        )
        st.stop()
    _pick_answers(page)
    if len(page.table):
        show_figures(page)
        show_course(page)
        show_answers(page)
    else:
        _show_silence(page)
    with st.container(border=True):
        show_drift(page)
    with st.container(border=True):
        show_rules(page)
        show_alarms(page)
    show_log_panel(page.noted)


def _pick_answers(page: MonitoringPage) -> None:
    """Draw the choices of whose answers, and of the time."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    left.selectbox(
        "Answers of",
        list(page.options),
        format_func=page.options.__getitem__,
        **bind_choice("watch", page.watched, key="picker.watch"),
    )
    right.segmented_control(
        "Time",
        list(PERIODS),
        format_func=PERIODS.__getitem__,
        required=True,
        **bind_choice("period", page.period, key="picker.period"),
    )
    if len(page.table) == MOST_ROWS:
        st.caption(f"Only the newest {len(page.table):,} answers of this time are looked at.")


def _show_silence(page: MonitoringPage) -> None:
    """Say that nothing was answered in this time; drift, rules, alarms and log are still drawn."""
    newest = page.find_newest()
    who = f"{page.watched} has not answered" if page.numbers else "No photo was answered"
    if newest is None:
        text = f"**{who} yet.** Choose other answers above."
    else:
        text = (
            f"**{who} in the last {PERIODS[page.period]}.** The last answer: {moment(newest)}. "
            "Choose a longer time above."
        )
    st.info(text, icon=":material/hourglass_empty:")


def show_log_panel(noted: int) -> None:
    """Draw the export of the log and the deletion by request, collapsed by default."""
    label = f"The prediction log: {count(noted, 'prediction')}"
    with st.expander(label, icon=":material/list:", key="log.panel"):  # stays open after a deletion
        if not noted:
            st.caption("Every answer of the pages and the API is noted here from the first on.")
            return
        taking, deleting = st.columns(2, gap="large")
        with taking:
            _show_export()
        with deleting:
            _show_deleting()


def _show_export() -> None:
    st.markdown("**Take it away**")
    st.caption(
        "A CSV with a row for each prediction: time, model, digest of the photo, answer, score, "
        "latency, source, measures of the photo, and what people said. Without photos."
    )
    period = st.segmented_control(
        "Period", list(_PERIODS), default="all", key="log.period", required=True
    )
    st.download_button(
        "Download CSV",
        partial(_write_log, _PERIODS[period]),
        file_name=f"predictions-{datetime.now(UTC):%Y-%m-%d}.csv",
        mime="text/csv",
        icon=":material/download:",
        key="log.download",
        on_click="ignore",
    )


def _write_log(days: int | None) -> bytes:
    since = None if days is None else datetime.now(UTC) - timedelta(days=days)
    stream = io.StringIO(newline="")
    write_csv(read_predictions(cache.workspace(), since=since), stream)
    return stream.getvalue().encode()


@cache.for_editors
def _show_deleting() -> None:
    st.markdown("**Delete by request**")
    st.caption(
        "Predictions go for good, with what was said of them and their kept photos. Photos that "
        "were reviewed into a dataset stay there: exclude them in its tray."
    )
    kind = st.selectbox(
        "Which", list(_REQUESTS), format_func=lambda one: _REQUESTS[one], key="log.which"
    )
    which = _ask(kind)
    if which is None:
        return
    found = count_predictions(cache.workspace(), **which)
    if not found:
        st.info("The log has no such prediction.", icon=":material/search_off:")
        return
    # Named after what it deletes: one that was confirmed never confirms the next.
    key = f"log.sure.{sha256(repr(which).encode()).hexdigest()[:16]}"
    sure = st.checkbox(f"Yes, delete {count(found, 'prediction')} for good", key=key)
    if st.button("Delete", icon=":material/delete:", disabled=not sure, key="log.delete"):
        gone = delete_predictions(cache.workspace(), **which)
        tell_after_rerun(f"{count(gone, 'prediction')} deleted.")
        st.rerun()


def _ask(kind: str) -> dict[str, Any] | None:
    """Return the condition that a person stated, as `delete_predictions` takes it."""
    if kind == "photo":
        photo = st.file_uploader(
            "The photo, the same file byte for byte",
            key="log.photo",
            max_upload_size=read_settings().photo_limit_mb,
        )
        return None if photo is None else {"photo": sha256(photo.getvalue()).hexdigest()}
    if kind == "visitor":
        name = st.text_input("Visitor, as the log names them", key="log.visitor").strip()
        return {"visitor": name} if name else None
    if kind == "id":
        prediction = st.text_input("Id of the prediction", key="log.id").strip()
        st.caption(f"The API calls it {plain('prediction_id')}; in the CSV it is the column “id”.")
        return {"ids": [prediction]} if prediction else None
    days = st.number_input("Days", min_value=1, value=90, key="log.days")
    # Of today: the same from one rerun to the next, unlike this moment.
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return {"until": midnight - timedelta(days=int(days))}


_CARD = 172


def show_figures(page: MonitoringPage) -> None:
    """Draw how many answers there were, how fast, how sure and how right they were."""
    found = summarise(page.table)
    with st.container(horizontal=True, gap="medium"):
        _show("Answers", f"{found.n:,}", f"of {count(found.photos, 'different photo')}", "")
        slow = found.slow_latency
        _show(
            "95 % within",
            milliseconds(slow.value),
            f"{milliseconds(slow.low)} to {milliseconds(slow.high)}, n = {slow.n:,}",
            "From the arrival of a photo to its answer; of many that were given at once on the "
            "page or the command line, what each took by itself. Half of them within "
            f"{milliseconds(found.median_latency.value)}.",
        )
        _show_share(
            "Not answered",
            found.unknown,
            "Unsure, or unlike all training photos; the latter alone: "
            f"{percent(found.unlike.value, found.unlike.n)}. A photo counts once, with its newest "
            "answer.",
        )
        _show_share(
            "Right, where people said",
            found.accuracy,
            "Photos whose answer somebody confirmed or put right. People tell of wrong answers "
            "rather than of right ones, so the truth is often better.",
        )
    st.caption(
        "Below each figure its 95 % interval and n: Wilson for shares, ranks for times. Days are "
        "those of UTC."
    )


def show_course(page: MonitoringPage) -> None:
    """Draw volume, latency, what was not answered, and accuracy, by day and version."""
    rows, course = page.steps, Course(page.answering, page.span, page.step)
    places = [*st.columns(2, gap="medium"), *st.columns(2, gap="medium")]
    charts: list[tuple[Callable[..., Any], list[str], str]] = [
        (draw_volume, [], "Answers over time"),
        (draw_latency, [], "Median and slow answers over time"),
        (draw_shares, ["unknown"], "Share not answered over time"),
        (draw_shares, ["accuracy"], "Right answers over time, where people said"),
    ]
    for place, (draw, what, alt) in zip(places, charts, strict=True):
        with place.container(border=True):
            if alt.startswith("Right") and not rows["judged"].sum():
                st.markdown("**Right answers, where people said**")
                st.caption(
                    "Nobody has said yet what a photo really is: the buttons below each answer of "
                    "the Predict page, or POST /v1/feedback, tell."
                )
            else:
                show_kept_chart(draw, rows, course, *what, alt=alt)
    with st.popover("As a table", icon=":material/table:", type="tertiary"):
        st.dataframe(rows, hide_index=True, alt="Figures by time and version")


def show_answers(page: MonitoringPage) -> None:
    """Draw which classes were answered and how sure, beside the reference of the version."""
    reference = None
    try:
        reference = page.read_reference()
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
    classes = page.version.classes if page.version else ()
    best = groups = None
    if reference is not None and page.version:
        rule = page.version.facts.get("rule") or {}
        best = find_best_scores(reference.scores, float(rule.get("temperature", 1.0)))
        groups = reference.photos.groups
    left, right = st.columns(2, gap="medium")
    table = keep_newest(page.table)
    n = len(table)
    with left.container(border=True):
        show_kept_chart(
            draw_classes,
            count_classes(table, classes, groups),
            n,
            alt="Share of each class among the answers, and in the reference",
        )
    with right.container(border=True):
        show_kept_chart(
            draw_scores,
            count_scores(table, best),
            n,
            alt="Scores of the best class, now and in the reference",
        )


def _show_share(label: str, estimate: Estimate, help_text: str) -> None:
    n = estimate.n
    ends = f"{percent(estimate.low, n)} to {percent(estimate.high, n)}, n = {n:,}"
    _show(label, percent(estimate.value, n), ends if n else "n = 0", help_text)


def _show(label: str, value: str, below: str, help_text: str) -> None:
    with st.container(width=_CARD, gap=None):
        st.metric(label, value, help=help_text or None)
        st.caption(below)
