"""What the panel says of a photo: file, measures, issues, predictions, twins and nearest photos."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from core.datasets.quality.store import QualityResult
from core.formats import percent, plain, size
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from core.ui.parts.frame import page_file
from core.ui.parts.pickers import title_run
from core.ui.parts.seal import find_sealed
from core.ui.wall import show_wall
from data.dataset import Dataset

_NEAREST = 12
_MOST_RUNS = 8
_ISSUES = {"odd_shape": "odd shape", "duplicate": "identical file"}
_MEASURES = {
    "brightness": ("Brightness", "%.2f"),
    "contrast": ("Contrast", "%.2f"),
    "sharpness": ("Sharpness", "%.2f"),
    "colourfulness": ("Colourfulness", "%.0f"),
}


def show_facts(dataset: Dataset, photo: int) -> None:
    """Draw class, split and issues, and what is known of the file."""
    row = dataset.manifest.iloc[photo]
    st.header(plain(str(row["class"])), anchor=False)
    with st.container(horizontal=True, gap="small"):
        st.badge(str(row["split"]), color="gray")
        for word in list_issues(dataset, photo):
            st.badge(word, color="orange")
    st.markdown(
        f"{plain(str(row['path']))}  \n"
        f"{row['width']:,} × {row['height']:,} px · {size(row['bytes'])} · {plain(row['format'])}"
    )
    st.caption(f"Photo {photo} · SHA-256 {row['sha256'][:16]}…", help=str(row["sha256"]))


def list_issues(dataset: Dataset, photo: int) -> list[str]:
    """Return the issues of a photo in words."""
    flags = cache.issues(dataset.id).iloc[photo]
    words = [_ISSUES.get(str(name), str(name)) for name in flags.index if flags[name]]
    quality = cache.quality(dataset.id)
    if quality is not None and "suspect" in words:
        suggested = plain(str(quality.photos["suggested"].iat[photo]), 30)
        words[words.index("suspect")] = f"suspect: {suggested}?"
    return words


def show_measures(dataset: Dataset, photo: int) -> None:
    """Draw the measures of a photo and where it stands among all photos of the dataset."""
    rows = []
    for name, (label, form) in _MEASURES.items():
        values = dataset.manifest[name].to_numpy()
        below = float((values < values[photo]).mean())
        rows.append((label, form % values[photo], 100 * below))
    st.dataframe(
        pd.DataFrame(rows, columns=["Measure", "Value", "below"]),
        hide_index=True,
        column_config={
            "below": st.column_config.ProgressColumn(
                "Higher than",
                format="%.0f %%",
                min_value=0,
                max_value=100,
                help=f"Share of the {len(dataset):,} photos of this dataset with a lower value.",
            )
        },
        alt="Measures of the photo",
    )


def show_predictions(dataset: Dataset, photo: int) -> None:
    """Draw what each finished run of this dataset says of the photo."""
    runs = [run for run in list_runs(cache.workspace(), dataset.id) if run.state == "done"]
    st.markdown("**What the runs say**")
    if not runs:
        st.caption("No finished run of this dataset yet: train one on the page Training.")
        return
    rows = [_describe_answer(run, photo) for run in runs[:_MOST_RUNS]]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="What each run predicted for this photo")
    if any(row["Answer"] == "sealed" for row in rows):
        st.caption("Sealed: a test photo, whose answers wait for the test split to be opened.")
    if len(runs) > _MOST_RUNS:
        st.caption(f"The newest {_MOST_RUNS} of {len(runs)} runs.")


def _describe_answer(run: RunRecord, photo: int) -> dict[str, str]:
    """Return what a run says of the photo; of a test photo only when the split was opened."""
    result = cache.result(run.id)
    if find_sealed(run.id)[photo]:
        hidden = dict.fromkeys(("Predicted", "Score", "Score of its class"), "–")
        return {"Run": title_run(run), **hidden, "Answer": "sealed", "Split": "test"}
    scores, label = result.scores[photo], int(result.labels[photo])
    top = int(scores.argmax())
    return {
        "Run": title_run(run),
        "Predicted": result.classes[top],
        "Score": percent(float(scores[top]), 100),
        "Score of its class": percent(float(scores[label]), 100),
        "Answer": "right" if top == label else "wrong",
        "Split": str(result.splits[photo]),
    }


def show_relatives(dataset: Dataset, photo: int) -> int | None:
    """Draw twins and nearest photos; returns the one that was opened, or None."""
    quality = cache.quality(dataset.id)
    twins = _list_twins(dataset, photo, quality)
    opened = None
    classes, splits = (dataset.manifest[name].to_numpy() for name in ("class", "split"))
    if twins:
        st.markdown("**The same photo, or nearly**")
        opened = show_wall(
            dataset,
            np.array([twin for twin, _ in twins]),
            key="twins",
            selectable=False,
            captions=lambda twin: f"{classes[twin]}\n{splits[twin]}",
            badges=lambda twin: [dict(twins)[twin]],
        ).opened
    st.markdown("**Nearest photos**")
    if quality is None:
        st.caption(
            "They come with the quality analysis, which compares the photos by their features."
        )
        st.page_link(
            page_file("quality"),
            label="Start it on the page Quality",
            icon=":material/fact_check:",
            query_params={"dataset": dataset.id},
        )
        return opened
    nearest = quality.neighbours[photo, :_NEAREST]
    cosines = dict(zip(nearest.tolist(), quality.similarities[photo, :_NEAREST], strict=True))
    shown = show_wall(
        dataset,
        np.asarray(nearest),
        key="nearest",
        selectable=False,
        captions=lambda other: f"{classes[other]}\n{splits[other]} · {cosines[other]:.2f}",
    )
    st.caption(f"By the cosine of their features ({plain(quality.features_label)}); 1 is equal.")
    return shown.opened if shown.opened is not None else opened


def _list_twins(
    dataset: Dataset, photo: int, quality: QualityResult | None
) -> Sequence[tuple[int, str]]:
    """Return (photo, "identical" or "nearly the same") of all twins, identical ones first."""
    digests = dataset.manifest["sha256"].to_numpy()
    twins = {int(n): "identical" for n in np.flatnonzero(digests == digests[photo]) if n != photo}
    if quality is not None:
        pairs = quality.pairs[(quality.pairs["a"] == photo) | (quality.pairs["b"] == photo)]
        for a, b, kind in pairs[["a", "b", "kind"]].itertuples(index=False):
            word = "identical" if kind == "exact" else "nearly the same"
            twins.setdefault(int(b if a == photo else a), word)
    return list(twins.items())
