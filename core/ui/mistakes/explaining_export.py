"""A ZIP of what a run looked at in the photos of a list: sheets of overlays, and their index."""

import numpy as np
import streamlit as st

from core.formats import count
from core.installed import COMMAND
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.photos.explaining_controls import read_drawing
from core.ui.photos.reading import explainer
from data.dataset import Dataset

MOST_PHOTOS = 200
"""A ZIP is made in memory while the person waits: about 40 kB and 50 ms a photo."""


def show_export(
    run: RunRecord, dataset: Dataset, photos: np.ndarray, *, key: str = "export"
) -> None:
    """Draws the button that downloads the overlays of these photos; nothing without photos.

    Args:
        run: A finished run of the dataset.
        dataset: Holds the photos.
        photos: (m,) photo numbers; the first 200 are taken.
        key: Name of the button; another one on the same page needs another.
    """
    chosen = [int(photo) for photo in photos[:MOST_PHOTOS]]
    if not chosen:
        return
    drawing = read_drawing()

    def pack() -> bytes:
        from core.prediction.sheets import SheetStyle, pack_sheets

        style = SheetStyle(strength=drawing.strength, on_colour=drawing.on_colour)
        return pack_sheets(explainer(run.id, dataset), chosen, style)

    backbone = cache.workspace().backbone_folder(cache.result(run.id).backbone_id)
    cut = "" if len(photos) <= MOST_PHOTOS else f" The first {MOST_PHOTOS} of {len(photos):,}."
    st.download_button(
        f"Overlays of {count(len(chosen), 'photo')}",
        pack,
        file_name=f"{run.id}-overlays.zip",
        mime="application/zip",
        icon=":material/folder_zip:",
        key=f"export.{key}",
        on_click="ignore",
        disabled=not backbone.exists(),  # the photo's own explanation says how it comes back
        help="A ZIP: each photo beside what spoke for its true and for its predicted class, and "
        f"index.csv with all scores; made when you click.{cut} More: {COMMAND} explain.",
    )
