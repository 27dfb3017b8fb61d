"""What the panel says of a photo: file, measures, issues, predictions, twins and nearest photos."""

import numpy as np
import pandas as pd
import streamlit as st

from core.formats import plain, size
from core.ui.parts.frame import page_file
from core.ui.photos.reading import PhotoPage
from core.ui.wall import Wall, show_wall

_NEAREST = 12
_MOST_RUNS = 8
_MEASURES = {
    "brightness": ("Brightness", "%.2f"),
    "contrast": ("Contrast", "%.2f"),
    "sharpness": ("Sharpness", "%.2f"),
    "colourfulness": ("Colourfulness", "%.0f"),
}


def show_facts(page: PhotoPage) -> None:
    """Draw class, split and issues, and what is known of the file."""
    row = page.row
    st.header(plain(str(row["class"])), anchor=False)
    with st.container(horizontal=True, gap="small"):
        st.badge(str(row["split"]), color="gray")
        for word in page.issues:
            st.badge(word, color="orange")
    st.markdown(
        f"{plain(str(row['path']))}  \n"
        f"{row['width']:,} × {row['height']:,} px · {size(row['bytes'])} · {plain(row['format'])}"
    )
    st.caption(f"Photo {page.photo} · SHA-256 {row['sha256'][:16]}…", help=str(row["sha256"]))


def show_measures(page: PhotoPage) -> None:
    """Draw the measures of a photo and how many photos of the dataset are below."""
    rows = []
    for name, (label, form) in _MEASURES.items():
        values = page.dataset.manifest[name].to_numpy()
        value = values[page.photo]
        rows.append((label, form % value, 100 * float((values < value).mean())))
    photos = f"{len(page.dataset):,} photos of this dataset"
    st.dataframe(
        pd.DataFrame(rows, columns=["Measure", "Value", "below"]),
        hide_index=True,
        column_config={
            "below": st.column_config.ProgressColumn(
                "Higher than",
                format="%.0f %%",
                min_value=0,
                max_value=100,
                help=f"Share of the {photos} with a lower value.",
            )
        },
        alt="Measures of the photo",
    )


def show_predictions(page: PhotoPage) -> None:
    """Draw what each finished run of this dataset says of the photo."""
    st.markdown("**What the runs say**")
    if not page.runs:
        st.caption("No finished run of this dataset yet: train one on the page Training.")
        return
    rows = [page.describe_answer(run) for run in page.runs[:_MOST_RUNS]]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="What each run predicted for this photo")
    if any(row["Answer"] == "sealed" for row in rows):
        st.caption("Sealed: a test photo, whose answers wait for the test split to be opened.")
    if len(page.runs) > _MOST_RUNS:
        st.caption(f"The newest {_MOST_RUNS} of {len(page.runs)} runs.")


def show_relatives(page: PhotoPage) -> int | None:
    """Draw twins and nearest photos; return the one that was opened, or None."""
    quality, twins, opened = page.quality, page.twins, None
    classes, splits = page.dataset.manifest["class"].to_numpy(), page.dataset.splits
    if twins:
        st.markdown("**The same photo, or nearly**")
        opened = show_wall(
            page.dataset,
            np.array(list(twins)),
            Wall(
                "twins",
                selectable=False,
                captions=lambda twin: f"{classes[twin]}\n{splits[twin]}",
                badges=lambda twin: [twins[twin]],
            ),
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
            query_params={"dataset": page.dataset.id},
        )
        return opened
    nearest = quality.neighbours[page.photo, :_NEAREST]
    cosines = dict(zip(nearest.tolist(), quality.similarities[page.photo, :_NEAREST], strict=True))
    shown = show_wall(
        page.dataset,
        np.asarray(nearest),
        Wall(
            "nearest",
            selectable=False,
            captions=lambda other: f"{classes[other]}\n{splits[other]} · {cosines[other]:.2f}",
        ),
    )
    st.caption(f"By the cosine of their features ({plain(quality.features_label)}); 1 is equal.")
    return shown.opened if shown.opened is not None else opened
