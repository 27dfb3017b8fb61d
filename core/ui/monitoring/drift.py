"""The page Monitoring, drift: the changes in words, a chart of all measures, the photos behind."""

import numpy as np
import streamlit as st

from core.errors import DatasetMissing, PetalscopeError
from core.evaluation.drift import FALSE_ALARMS, Drift
from core.formats import moment, percent, plain
from core.monitoring.drift import VersionDrift, describe_drift, describe_photo
from core.monitoring.kept_photos import read_kept_photo
from core.monitoring.log import read_features
from core.ui.monitoring.charts import draw_distances
from core.ui.monitoring.reading import MonitoringPage
from core.ui.parts import cache
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.messages import show_problem
from data.images import read_packed_photo

_SHOWN = 8
_IN_A_ROW = 4


def show_drift(page: MonitoringPage) -> None:
    """Draw whether the photos of the version differ from its reference."""
    st.subheader(
        "Have the photos changed?",
        anchor=False,
        help="The newest photos of the period, each once, against the validation photos stored "
        "with the version. Kolmogorov-Smirnov distance and population stability index, with "
        f"{percent(FALSE_ALARMS, 100)} false alarms in total (Bonferroni).",
    )
    if page.version is None:
        st.caption(
            "Only registered versions have a reference. Register a run and make it the champion "
            "on the page Models."
        )
        return
    try:
        found = page.read_drift(page.version)
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
        return
    lines = [plain(line) for line in describe_drift(found)]
    if found.drift is None:
        st.info(lines[0], icon=":material/hourglass_empty:")
        return
    if not found.drift.proven:
        st.success(lines[0], icon=":material/check_circle:")
    else:
        text = "\n".join(f"- {line}" for line in lines)
        n = f"n = {found.drift.n:,}, reference {found.drift.m:,}"
        st.warning(f"**The photos have changed** ({n}).\n\n{text}", icon=":material/trending_up:")
    _show_measures(found.drift)
    if found.drift.proven:
        _show_drivers(found)


@st.fragment
def _show_measures(drift: Drift) -> None:
    """Draw chart and tables of all measures, once the expander is open."""
    with st.expander(
        "Details", icon=":material/stacked_bar_chart:", key="monitoring.where", on_change="rerun"
    ) as details:
        if details.open:
            show_kept_chart(draw_distances, drift.columns, alt="Distance of each measure")
            st.dataframe(drift.columns, hide_index=True, alt="All measures")
            st.dataframe(drift.mix.table, hide_index=True, alt="The mix of classes")


def _show_drivers(found: VersionDrift) -> None:
    """Draw the photos that lie farthest in the direction of the change."""
    st.markdown(
        "**Photos behind the change**",
        help="A photo that was not stored is shown by the most similar reference photo.",
    )
    rows = found.drivers.index[:_SHOWN]
    similar = _find_similar(found, rows.to_numpy())
    for start in range(0, len(rows), _IN_A_ROW):
        for place, row in zip(st.columns(_IN_A_ROW), rows[start : start + _IN_A_ROW], strict=False):
            with place:
                _show_driver(found, int(row), similar[int(row)])


def _show_driver(found: VersionDrift, row: int, similar: str) -> None:
    photo = found.photos.loc[row]
    content = read_kept_photo(cache.workspace(), str(photo["photo"]))
    picture = None if content is not None else _read_reference_photo(found, similar)
    if content is not None:
        st.image(read_packed_photo(content)[0], width="stretch")
    elif picture is not None:
        st.image(picture, width="stretch")
    note = "" if content else " · similar photo" if picture else " · photo not stored"
    words = describe_photo(found, row) or "unusual only in its features"
    st.markdown(
        f"**{plain(str(photo['top']), 40)}** {percent(float(photo['top_score']), 1)}  \n"
        f"{plain(words)}"
    )
    st.caption(f"{moment(photo['time'].to_pydatetime())} · {photo['source']}{note}")


def _find_similar(found: VersionDrift, rows: np.ndarray) -> dict[int, str]:
    """Return for each row the digest of the reference photo with the most similar features."""
    ids = found.photos["id"].loc[rows].tolist()
    try:
        features = read_features(cache.workspace(), ids).astype(np.float32)
    except PetalscopeError:  # deleted since
        return dict.fromkeys(rows.tolist(), "")
    reference = found.reference.features.astype(np.float32)
    squares = np.square(reference).sum(axis=1) - 2 * np.einsum("nd,md->nm", features, reference)
    nearest = [found.reference.digests[place] for place in squares.argmin(axis=1)]
    return dict(zip(rows.tolist(), nearest, strict=True))


def _read_reference_photo(found: VersionDrift, digest: str) -> bytes | None:
    """Return the thumbnail of a reference photo; None where its dataset or the photo is gone."""
    try:
        dataset = cache.dataset(found.version.dataset_id)
    except DatasetMissing:
        return None
    rows = np.flatnonzero(dataset.manifest["sha256"].to_numpy() == digest)
    return dataset.thumbnail(int(rows[0])) if len(rows) else None
