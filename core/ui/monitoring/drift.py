"""The monitoring page, drift: what has changed in words, where to see it, and the photos behind."""

import numpy as np
import streamlit as st

from core.errors import DatasetMissing, PetalscopeError
from core.evaluation.drift import FALSE_ALARMS, Drift
from core.formats import moment, percent, plain
from core.monitoring.drift import MEASURED, VersionDrift, describe_drift, describe_photo
from core.monitoring.kept_photos import read_kept_photo
from core.monitoring.log import read_features
from core.ui.monitoring.drift_charts import draw_distances, draw_property
from core.ui.monitoring.reading import MonitoringPage
from core.ui.parts import cache
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.messages import show_problem
from data.images import read_packed_photo

_SHOWN = 8
_IN_A_ROW = 4


def show_drift(page: MonitoringPage) -> None:
    """Draw whether the photos of the version differ from those that it was judged on."""
    st.subheader("Have the photos changed?", anchor=False)
    if page.version is None:
        st.caption(
            "Answers of runs have no reference. Register a run and make it the champion: page "
            "Models."
        )
        return
    try:
        found = page.read_drift(page.version)
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
        return
    st.caption(
        f"The newest photos that {page.version.label} was asked about in this time, each once, "
        f"against {len(found.reference.digests):,} validation photos that were frozen with it. "
        "Training photos would be no fair measure: the head was fitted to them.",
        help="Each component and property is compared by the Kolmogorov-Smirnov distance within "
        "the classes that the model gives, the mix of these classes by the population stability "
        "index. The p-values are corrected after Bonferroni; without any change, one comparison "
        f"in {1 / FALSE_ALARMS:.0f} is called a change.",
    )
    _show_words(found)
    if found.drift is None:
        return
    _show_where(found, found.drift)
    if found.drift.proven:
        _show_drivers(found)


def _show_words(found: VersionDrift) -> None:
    lines = [plain(line) for line in describe_drift(found)]
    if found.drift is None:
        st.info(lines[0], icon=":material/hourglass_empty:")
    elif not found.drift.proven:
        st.success(lines[0], icon=":material/check_circle:")
    else:
        text = "\n".join(f"- {line}" for line in lines)
        n = f"n = {found.drift.n:,} against {found.drift.m:,} reference photos"
        st.warning(f"**The photos have changed** ({n}).\n\n{text}", icon=":material/trending_up:")


@st.fragment
def _show_where(found: VersionDrift, drift: Drift) -> None:
    """Draw the charts of what was compared, once they are asked for: five of them, and tables."""
    where = st.expander(
        "Where it shows", icon=":material/stacked_bar_chart:", key="monitoring.where",
        on_change="rerun",
    )  # fmt: skip
    if where.open:
        with where:
            _show_charts(found, drift)


def _show_charts(found: VersionDrift, drift: Drift) -> None:
    show_kept_chart(
        draw_distances,
        drift.columns[drift.columns["family"] == "features"],
        alt="Distance of each component of the features from the reference",
    )
    rows = drift.columns[drift.columns["family"] == "properties"].set_index("name")
    for place, name, values in zip(
        st.columns(len(MEASURED)), MEASURED, found.reference.photos.properties.T, strict=True
    ):
        with place:
            show_kept_chart(
                draw_property,
                name,
                values,
                found.photos[name].to_numpy(),
                rows.loc[name].to_dict(),
                alt=f"{name} now and in the reference",
            )
    st.caption("Bars: now. Line: the reference. The mix of classes stands above, beside scores.")
    with st.popover("As a table", icon=":material/table:", type="tertiary"):
        st.dataframe(drift.columns, hide_index=True, alt="All comparisons")
        st.dataframe(drift.mix.table, hide_index=True, alt="The mix of classes, compared")


def _show_drivers(found: VersionDrift) -> None:
    """Draw the photos that lie farthest in the direction of the change."""
    st.markdown("**The photos that drive it**")
    st.caption(
        "Farthest in the direction of the change first. A photo that was not kept is stood in for "
        "by the reference photo that the model finds most like it."
    )
    rows = found.drivers.index[:_SHOWN]
    stand_ins = _find_stand_ins(found, rows.to_numpy())
    for start in range(0, len(rows), _IN_A_ROW):
        for place, row in zip(st.columns(_IN_A_ROW), rows[start : start + _IN_A_ROW], strict=False):
            with place:
                _show_driver(found, int(row), stand_ins[int(row)])


def _show_driver(found: VersionDrift, row: int, stand_in: str) -> None:
    photo = found.photos.loc[row]
    content = read_kept_photo(cache.workspace(), str(photo["photo"]))
    if content is not None:
        st.image(read_packed_photo(content)[0], width="stretch")
    else:
        picture = _read_reference_photo(found, stand_in)
        if picture is not None:
            st.image(picture, width="stretch")
        st.caption("Not kept. Most like it in the reference" if picture else "Not kept.")
    words = describe_photo(found, row) or "Unusual only in what the model sees"
    st.markdown(
        f"**{plain(str(photo['top']), 40)}** {percent(float(photo['top_score']), 1)}  \n"
        f"{plain(words)}"
    )
    st.caption(f"{moment(photo['time'].to_pydatetime())} · {photo['source']}")


def _find_stand_ins(found: VersionDrift, rows: np.ndarray) -> dict[int, str]:
    """Return for each row of the photos the digest of the reference photo nearest in features."""
    ids = found.photos["id"].loc[rows].tolist()
    try:
        features = read_features(cache.workspace(), ids).astype(np.float32)
    except PetalscopeError:  # deleted since: nothing stands in
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
