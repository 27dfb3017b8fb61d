"""Photos that are there twice: the pairs side by side, what differs, and what to do about it.

The list is filtered and paged; its buttons note edits in the tray. A pair that the tray settles
says so instead of offering its buttons again.
"""

import io
from collections import Counter
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from core.formats import count, plain
from core.ui.parts import cache
from core.ui.parts.state import keep_choice, read_choice
from core.ui.quality import edits as quality_edits
from core.ui.quality.edits import TrayState, name_sides
from core.ui.quality.findings import choose_pairs, read_pairs
from data.dataset import Dataset

PER_PAGE = 8
_WIDTH = 150  # two fit side by side on a phone
_ALL = "All"


def show_pairs(dataset: Dataset, finding: str) -> None:
    """Draws the pairs of one of the four findings about copies."""
    pairs = name_sides(dataset, choose_pairs(read_pairs(dataset), finding))
    if pairs.empty:
        st.success(f"None among {count(len(dataset), 'photo')}.", icon=":material/check_circle:")
        return
    shown = _filter_pairs(pairs, finding)
    tray = TrayState(dataset)
    settled = np.array([tray.settles(pair, finding) for _, pair in shown.iterrows()], dtype=bool)
    _show_bulk(dataset, shown[~settled], finding, int(settled.sum()))
    pages = -(-len(shown) // PER_PAGE)
    page = 1
    if pages > 1:
        name = f"{finding}_page"
        if int(st.session_state.get(name, 1)) > pages:
            st.session_state[name] = pages
        page = st.pagination(pages, key=name, bind="query-params")
    first = (page - 1) * PER_PAGE
    for place in range(first, min(first + PER_PAGE, len(shown))):
        _show_pair(dataset, shown.iloc[place], finding, tray, bool(settled[place]))


def _filter_pairs(pairs: pd.DataFrame, finding: str) -> pd.DataFrame:
    """Returns the pairs of the chosen class, or for leakage of the chosen splits."""
    if finding == "leak":
        names, label, column = Counter(pairs["splits"]), "Splits", "quality_splits"
    else:
        either = [pairs["class_a"], pairs["class_b"][pairs["across_classes"]]]
        names, label, column = Counter(pd.concat(either)), "Class", "quality_class"
    if len(names) < 2:
        return pairs
    stated = read_choice(column)
    options = [_ALL, *sorted(names)]
    picked = st.selectbox(
        label,
        options,
        index=options.index(stated) if stated in options else 0,
        format_func=lambda name: f"{name} ({len(pairs) if name == _ALL else names[name]:,})",
        key=f"quality.{finding}.filter",
        width=300,
    )
    keep_choice(column, None if picked == _ALL else picked)
    if picked == _ALL:
        return pairs
    if finding == "leak":
        return pairs[pairs["splits"] == picked]
    return pairs[(pairs["class_a"] == picked) | (pairs["class_b"] == picked)]


def _show_bulk(dataset: Dataset, open_pairs: pd.DataFrame, finding: str, settled: int) -> None:
    """Draws what can be done with all pairs of the list at once."""
    same = open_pairs[~open_pairs["across_classes"]]
    groups = list(zip(same["a"].tolist(), same["b"].tolist(), strict=True))
    with st.container(horizontal=True, vertical_alignment="center"):
        words = f"{count(len(open_pairs), 'pair')}"
        st.markdown(f"**{words}**" + (f", {settled:,} settled in the tray" if settled else ""))
        if finding == "leak" and len(open_pairs):
            st.button(
                f"Move the twins out of test and validation ({len(open_pairs):,})"
                if len(open_pairs) > 1
                else "Move the twin out",
                icon=":material/drive_file_move:",
                key="quality.move_all",
                help="Each goes to the split of its twin: to train, or from test to validation.",
                on_click=partial(quality_edits.move_twins, dataset, open_pairs),
            )
        if finding in ("exact", "near") and len(groups) > 1:
            st.button(
                f"Merge all {len(groups):,} pairs",
                icon=":material/merge:",
                key="quality.merge_all",
                help="Of each, the photo in train stays, else the first by path; the other is "
                "excluded. Pairs across classes are left for you to decide.",
                on_click=partial(quality_edits.merge, dataset, groups),
            )


def _show_pair(
    dataset: Dataset, pair: pd.Series, finding: str, tray: TrayState, settled: bool
) -> None:
    a, b = int(pair["a"]), int(pair["b"])
    with st.container(border=True, horizontal=True, gap="small", vertical_alignment="top"):
        for photo in (a, b):
            _show_side(dataset, photo, tray, f"{finding}.{a}.{b}")
        if pair["difference"] > 0:
            content, factor = _difference(dataset.id, a, b)
            with st.container(width=_WIDTH, gap="xxsmall"):
                st.image(content, width=_WIDTH, alt="Where the two photos differ, brighter is more")
                st.caption(f"Difference × {factor}")
        with st.container(width="stretch"):
            _show_facts(dataset, pair)
            if settled:
                st.badge("settled in the tray", icon=":material/check:", color="green")
            else:
                _show_deeds(dataset, pair, finding)


def _show_side(dataset: Dataset, photo: int, tray: TrayState, place: str) -> None:
    """Draws one photo of a pair; its name opens its panel."""
    row = dataset.manifest.iloc[photo]
    with st.container(width=_WIDTH, gap="xxsmall"):
        st.image(
            packed_photo(dataset.id, photo),
            width=_WIDTH,
            alt=f"{row['class']}, {row['path']}",
        )
        st.markdown(f"**{plain(str(row['class']), 22)}** · {row['split']}")
        show_name(dataset, photo, place)
        if words := tray.describe(photo):
            st.caption(f":material/edit_note: {words}")


def show_name(dataset: Dataset, photo: int, place: str) -> None:
    """Draws the file name of a photo as a quiet button that opens the photo's panel.

    Args:
        dataset: Whose photo it is.
        photo: Its number.
        place: Where on the page; a photo may stand in several.
    """
    path = str(dataset.manifest["path"].iat[photo])
    name = path.rsplit("/", 1)[-1]
    st.button(
        plain(name if len(name) <= 22 else f"{name[:10]}…{name[-11:]}"),
        type="tertiary",
        help=plain(path),
        on_click=partial(_open_photo, photo),
        key=f"quality.open.{place}.{photo}",
    )


def _open_photo(photo: int) -> None:
    st.query_params["photo"] = str(photo)


def _show_facts(dataset: Dataset, pair: pd.Series) -> None:
    if pair["kind"] == "exact":
        digests = dataset.manifest["sha256"].iloc[[int(pair["a"]), int(pair["b"])]]
        sentence = "The same file" if digests.nunique() == 1 else "The same pixels"
    else:
        sentence = f"Mean difference {pair['difference']:.1f} of 255"
    facts = [f"hashes {int(pair['hash_distance'])} of 64 bits apart"]
    if not np.isnan(pair["similarity"]):
        facts.append(f"features {pair['similarity']:.3f} similar")
    st.markdown(f"**{sentence}**")
    st.caption(" · ".join(facts))
    if pair["across_classes"]:
        st.badge("two classes", icon=":material/alt_route:", color="orange")
    if pair["leak"]:
        st.badge(str(pair["splits"]), icon=":material/water_drop:", color="red")


def _show_deeds(dataset: Dataset, pair: pd.Series, finding: str) -> None:
    a, b = int(pair["a"]), int(pair["b"])
    key = f"{finding}.{a}.{b}"
    deeds = []
    if finding == "leak":
        later = "validation" if "test" not in pair["splits"] else "test"
        twin = pd.DataFrame([pair])
        deeds.append(
            (f"Move the {later} twin out", partial(quality_edits.move_twins, dataset, twin))
        )
    if pair["across_classes"]:
        for photo, side in ((a, "class_a"), (b, "class_b")):
            label = f"Keep only the {plain(str(pair[side]), 22)}"
            deeds.append((label, partial(quality_edits.merge, dataset, [(a, b)], photo)))
        both = partial(quality_edits.exclude, dataset, [a, b], "the same photo in two classes")
        deeds.append(("Exclude both", both))
    else:
        deeds.append(("Merge these duplicates", partial(quality_edits.merge, dataset, [(a, b)])))
    for number, (label, deed) in enumerate(deeds):
        st.button(label, key=f"quality.{key}.{number}", on_click=deed)


@st.cache_resource(max_entries=2000, show_spinner=False)
def packed_photo(dataset_id: str, photo: int) -> bytes:
    """Returns a photo as training sees it, 224 px, as a JPEG."""
    return _encode(np.asarray(cache.dataset(dataset_id).photos[photo]))


@st.cache_resource(max_entries=500, show_spinner=False)
def _difference(dataset_id: str, a: int, b: int) -> tuple[bytes, int]:
    photos = cache.dataset(dataset_id).photos
    return amplify_difference(np.asarray(photos[a]), np.asarray(photos[b]))


def amplify_difference(one: np.ndarray, other: np.ndarray) -> tuple[bytes, int]:
    """Returns the absolute difference of two photos (h, w, 3) as a JPEG, and its amplification.

    The factor is the largest of 1, 2, 4 … 32 by which at most 1 % of the values are cut off.
    """
    difference = np.maximum(one, other) - np.minimum(one, other)
    loud = max(1.0, float(np.percentile(difference, 99)))
    factor = int(2 ** np.floor(np.log2(np.clip(255 / loud, 1, 32))))
    amplified = np.minimum(difference.astype(np.uint16) * factor, 255).astype(np.uint8)
    return _encode(amplified), factor


def _encode(photo: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(photo).save(stream, "JPEG", quality=88)
    return stream.getvalue()
