"""The page Monitoring: figures, charts and the log in the first tab, Review in the second."""

import io
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

import streamlit as st

from core.config import read_settings
from core.errors import PetalscopeError
from core.evaluation.intervals import Estimate
from core.formats import count, milliseconds, percent, plain, sort_names
from core.monitoring.feedback import count_feedback
from core.monitoring.log import (
    count_classes,
    count_predictions,
    delete_predictions,
    keep_newest,
    name_versions,
    read_predictions,
    summarise,
    summarise_days,
    write_csv,
)
from core.ui.monitoring.charts import Timeline, draw_classes, draw_shares, draw_volume
from core.ui.monitoring.reading import MOST_ROWS, PERIODS, MonitoringPage, read_monitoring
from core.ui.monitoring.review import show_review
from core.ui.monitoring.rules import show_active_alarms, show_drift, show_rules
from core.ui.parts import cache
from core.ui.parts.charts import show_folded, show_kept_chart
from core.ui.parts.messages import show_empty, show_told, tell_after_rerun
from core.ui.parts.pickers import pick_linked, pick_named
from core.ui.parts.state import bind_choice

_CARD = 172


def show_monitoring() -> None:
    """Draw the open tab."""
    show_told()
    waiting = count_feedback(cache.workspace(), by_photo=True)["waiting"]
    review = f"Review ({waiting:,})" if waiting else "Review"
    tab = pick_linked("Tab", {"use": "In use", "review": review}, "tab", "monitoring.tab")
    if tab == "review":
        show_review()
    else:
        _show_use(read_monitoring())


def _show_use(page: MonitoringPage) -> None:
    if not page.noted:
        show_empty(
            "No predictions yet",
            "Every prediction of the page Predict and of the API is logged, without its photo. "
            "Volume, latency, classes, accuracy and drift then appear here.",
            "predict",
            "Classify a photo",
            "photo_camera",
        )
        return
    show_active_alarms(page.alarms)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        pick_named(
            "Answers of", page.options, **bind_choice("watch", page.watched, key="picker.watch")
        )
    right.segmented_control(
        "Period",
        list(PERIODS),
        format_func=PERIODS.__getitem__,
        required=True,
        **bind_choice("period", page.period, key="picker.period"),
    )
    if len(page.table):
        _show_figures(page)
        _show_timeline(page)
    else:
        who = f" of {page.watched}" if page.numbers else ""
        text = f"No answers{who} in the last {PERIODS[page.period]}."
        st.info(text, icon=":material/hourglass_empty:")
    with st.container(border=True):
        show_drift(page)
    with st.container(border=True):
        show_rules(page)
    show_log_panel(page.noted)


def _show_figures(page: MonitoringPage) -> None:
    """Draw volume, latency, unknown photos and accuracy over the period."""
    found = summarise(page.table)
    slow = found.slow_latency
    with st.container(horizontal=True, gap="medium"):
        _show("Answers", f"{found.n:,}", f"{count(found.photos, 'different photo')}", "")
        _show(
            "95 % within",
            milliseconds(slow.value),
            f"{milliseconds(slow.low)} to {milliseconds(slow.high)}, n = {slow.n:,}",
            "From the arrival of a photo to its answer.",
        )
        _show_share(
            "Not answered",
            found.unknown,
            "“I don't know”, or unlike all training photos. Each photo counts once.",
        )
        _show_share(
            "Accuracy on feedback",
            found.accuracy,
            "People report wrong answers more often, so the true accuracy is often higher.",
        )
    newest = "" if len(page.table) < MOST_ROWS else f" The newest {MOST_ROWS:,} answers only."
    st.caption(f"Below each figure: its 95 % interval.{newest}")


def _show_share(label: str, estimate: Estimate, help_text: str) -> None:
    n = estimate.n
    ends = f"{percent(estimate.low, n)} to {percent(estimate.high, n)}, n = {n:,}"
    _show(label, percent(estimate.value, n), ends if n else "n = 0", help_text)


def _show(label: str, value: str, below: str, help_text: str) -> None:
    with st.container(width=_CARD, gap=None):
        st.metric(label, value, help=help_text or None)
        st.caption(below)


def _show_timeline(page: MonitoringPage) -> None:
    """Draw volume, unknown photos and accuracy by day and version, and the predicted classes."""
    rows = summarise_days(page.table)
    line = Timeline(sort_names(name_versions(page.table).unique()), page.span)
    places = [*st.columns(2, gap="medium"), *st.columns(2, gap="medium")]
    with places[0].container(border=True):
        show_kept_chart(draw_volume, rows, line, alt="Answers over time")
    with places[1].container(border=True):
        groups = None
        if page.version is not None and page.numbers:  # of all models, a class has no one reference
            with suppress(PetalscopeError):  # show_drift reports it
                groups = page.read_drift(page.version).reference.groups
        table = keep_newest(page.table)
        classes = count_classes(table, page.version.classes if page.version else (), groups)
        show_kept_chart(draw_classes, classes, len(table), alt="Predicted classes")
    with places[2].container(border=True):
        show_kept_chart(draw_shares, rows, line, "unknown", alt="Share not answered over time")
    with places[3].container(border=True):
        if rows["judged"].sum():
            show_kept_chart(
                draw_shares, rows, line, "accuracy", alt="Accuracy on feedback over time"
            )
        else:
            st.markdown("**Accuracy on feedback**")
            st.caption(
                "No feedback yet. Use the buttons below an answer on the page Predict, or POST "
                "/v1/feedback."
            )
    numbers = partial(st.dataframe, rows, hide_index=True, alt="Figures by day and version")
    show_folded("As a table", numbers, kind=st.popover, type="tertiary")


_REQUESTS = {
    "photo": "One photo",
    "visitor": "One visitor",
    "id": "One prediction",
    "until": "Older than",
}


def show_log_panel(noted: int) -> None:
    """Draw the download of the log and the deletion on request, in an expander."""
    label = f"The prediction log: {count(noted, 'prediction')}"
    with st.expander(label, icon=":material/list:", key="log.panel"):  # stays open after a deletion
        left, right = st.columns(2, gap="large")
        with left:
            st.markdown("**Download**")
            st.caption(
                "One row per prediction, with feedback and properties of the photo, not the photo."
            )
            st.download_button(
                "Download CSV",
                _write_log,
                file_name=f"predictions-{datetime.now(UTC):%Y-%m-%d}.csv",
                mime="text/csv",
                icon=":material/download:",
                key="log.download",
                on_click="ignore",
            )
        with right:
            _show_deleting()


def _write_log() -> bytes:
    stream = io.StringIO(newline="")
    write_csv(read_predictions(cache.workspace()), stream)
    return stream.getvalue().encode()


@cache.for_editors
def _show_deleting() -> None:
    st.markdown("**Delete**")
    st.caption(
        "Deletes predictions with their feedback and stored photos. Photos in a dataset stay there."
    )
    kind = st.selectbox(
        "Which", list(_REQUESTS), format_func=_REQUESTS.__getitem__, key="log.which"
    )
    which = _ask(kind)
    if which is None:
        return
    found = count_predictions(cache.workspace(), **which)
    if not found:
        st.info("No such prediction in the log.", icon=":material/search_off:")
        return
    # One key per request, so that a confirmation never counts for the next request.
    key = f"log.sure.{sha256(repr(which).encode()).hexdigest()[:16]}"
    sure = st.checkbox(f"Yes, delete {count(found, 'prediction')} permanently", key=key)
    if st.button("Delete", icon=":material/delete:", disabled=not sure, key="log.delete"):
        deleted = delete_predictions(cache.workspace(), **which)
        tell_after_rerun(f"{count(deleted, 'prediction')} deleted.")
        st.rerun()


def _ask(kind: str) -> dict[str, Any] | None:
    """Return the condition for `delete_predictions`; None while it is empty."""
    if kind == "photo":
        photo = st.file_uploader(
            "Exactly the same file",
            key="log.photo",
            max_upload_size=read_settings().photo_limit_mb,
        )
        return None if photo is None else {"photo": sha256(photo.getvalue()).hexdigest()}
    if kind == "visitor":
        name = st.text_input("Visitor, as in the CSV", key="log.visitor").strip()
        return {"visitor": name} if name else None
    if kind == "id":
        label = f"Id (in the API {plain('prediction_id')}, in the CSV “id”)"
        prediction = st.text_input(label, key="log.id").strip()
        return {"ids": [prediction]} if prediction else None
    days = st.number_input("Days", min_value=1, value=90, key="log.days")
    # From midnight, so that the condition stays the same from one rerun to the next.
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return {"until": midnight - timedelta(days=int(days))}
