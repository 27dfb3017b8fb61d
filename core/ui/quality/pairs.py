"""Copies: the pairs side by side, their differences, and buttons that resolve them."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from core.datasets.edits.tray import Action, add_edits, merge_duplicates
from core.formats import count, plain, sort_names
from core.ui.parts import cache
from core.ui.parts.messages import report_errors, tell_after_rerun
from core.ui.parts.pickers import check_page, pick_page
from core.ui.parts.state import bind_choice, choose_from
from core.ui.photos.tray import say_edit
from core.ui.quality.reading import QualityPage
from data.dataset import Dataset
from data.images import encode_jpeg
from data.splits import SPLITS, number_groups

PER_PAGE = 8
_WIDTH = 150  # two fit side by side on a phone
_ALL = ""  # no class has this name
_QUALITY = 88


def show_pairs(page: QualityPage) -> None:
    """Draw the pairs of one of the four findings about copies."""
    if page.finding != "exact" and (page.result is None or page.result.splits is None):
        st.caption(
            "An analysis also finds mirrored and cropped copies: start it on *Splits differ*."
        )
    if page.pairs.empty:
        show_none(page)
        return
    shown = _filter_pairs(page)
    settled = np.array([page.settles(pair) for _, pair in shown.iterrows()], dtype=bool)
    _show_bulk(page, shown[~settled], int(settled.sum()))
    part = pick_page(f"{page.finding}_page", len(shown), PER_PAGE)
    for (_, pair), is_settled in zip(shown[part].iterrows(), settled[part], strict=True):
        _show_pair(page, pair, bool(is_settled))


def show_none(page: QualityPage) -> None:
    """Draw that no photo was found, for a link without a page or filter."""
    choose_from(page.filter_name, (), None)
    for name in (page.finding, f"quality_{page.finding}"):
        check_page(0, f"{name}_page")
    none = f"None among {count(len(page.dataset), 'photo')}."
    st.success(none, icon=":material/check_circle:")


def _filter_pairs(page: QualityPage) -> pd.DataFrame:
    """Return the pairs of the chosen class, or for leakage of the chosen splits."""
    pairs = page.pairs
    if page.finding == "leak":
        picked = show_filter(page, "Splits", Counter(pairs["splits"]), len(pairs))
        return pairs if picked is None else pairs[pairs["splits"] == picked]
    either = [pairs["class_a"], pairs["class_b"][pairs["across_classes"]]]
    picked = show_filter(page, "Class", Counter(pd.concat(either)), len(pairs))
    if picked is None:
        return pairs
    return pairs[(pairs["class_a"] == picked) | (pairs["class_b"] == picked)]


def show_filter(page: QualityPage, label: str, counts: Mapping[str, int], total: int) -> str | None:
    """Draw a filter with counts; return the chosen value, or None for all."""
    picked = choose_from(page.filter_name, counts, None)
    if len(counts) < 2:
        return picked
    key = f"quality.{page.finding}.filter"
    st.selectbox(
        label,
        [_ALL, *sort_names(counts)],
        format_func=lambda name: f"{name or 'All'} ({counts.get(name, total):,})",
        width=300,
        **bind_choice(page.filter_name, picked or _ALL, key=key, write=lambda name: name or None),
    )
    return picked


def _show_bulk(page: QualityPage, open_pairs: pd.DataFrame, settled: int) -> None:
    """Draw the buttons for all pairs of the list."""
    same = open_pairs[~open_pairs["across_classes"]]
    groups = list(zip(same["a"].tolist(), same["b"].tolist(), strict=True))
    with st.container(horizontal=True, vertical_alignment="center"):
        words = f", {settled:,} resolved in the tray" if settled else ""
        st.markdown(f"**{count(len(open_pairs), 'pair')}**{words}")
        if page.finding == "leak" and len(open_pairs):
            cache.edit_button(
                f"Resolve {count(len(open_pairs), 'leak')}",
                icon=":material/drive_file_move:",
                key="quality.move_all",
                help="Moves the copies of a photo into one split: train if one is there, else "
                "validation.",
                on_click=partial(move_copies, page.dataset, open_pairs),
            )
        if page.finding in ("exact", "near") and len(groups) > 1:
            cache.edit_button(
                f"Merge all {len(groups):,} pairs",
                icon=":material/merge:",
                key="quality.merge_all",
                help="Keeps the training copy (or the first by path) and excludes the other. "
                "You decide about pairs across classes.",
                on_click=partial(merge_photos, page.dataset, groups),
            )


def _show_pair(page: QualityPage, pair: pd.Series, settled: bool) -> None:
    a, b = int(pair["a"]), int(pair["b"])
    with st.container(border=True, horizontal=True, gap="small", vertical_alignment="top"):
        for photo in (a, b):
            _show_side(page, photo, f"{page.finding}.{a}.{b}")
        with st.container(width="stretch"):
            _show_facts(page.dataset, pair)
            if settled:
                st.badge("resolved in the tray", icon=":material/check:", color="green")
            else:
                _show_actions(page, pair)


def _show_side(page: QualityPage, photo: int, place: str) -> None:
    """Draw one photo of a pair; its name opens its panel."""
    row = page.dataset.manifest.iloc[photo]
    with st.container(width=_WIDTH, gap="xxsmall"):
        show_packed(page.dataset, photo, _WIDTH)
        st.markdown(f"**{plain(str(row['class']), 22)}** · {row['split']}")
        show_name(page.dataset, photo, place)
        if words := page.say_change(photo):
            st.caption(f":material/edit_note: {words}")


def show_packed(dataset: Dataset, photo: int, width: int, caption: str | None = None) -> None:
    """Draw a photo as training sees it."""
    row = dataset.manifest.iloc[photo]
    content = _encode_packed(dataset, photo)
    st.image(content, width=width, caption=caption, alt=f"{row['class']}, {row['path']}")


def show_name(dataset: Dataset, photo: int, place: str) -> None:
    """Draw the file name of a photo as a quiet button that opens the photo's panel."""
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
    elif pair.get("match", 0) > 0:  # NaN for pairs of near hashes
        sentence = f"A piece of one is in the other (edges {pair['match']:.2f} correlated)"
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


@cache.for_editors
def _show_actions(page: QualityPage, pair: pd.Series) -> None:
    dataset, a, b = page.dataset, int(pair["a"]), int(pair["b"])
    offered = []
    if page.finding == "leak":
        earlier, later = sorted((pair["split_a"], pair["split_b"]), key=SPLITS.index)
        copy = pd.DataFrame([pair])
        label = f"Move the {later} copy to {earlier}"
        offered.append((label, partial(move_copies, dataset, copy)))
    if pair["across_classes"]:
        for photo, side in ((a, "class_a"), (b, "class_b")):
            label = f"Keep only the {plain(str(pair[side]), 22)}"
            offered.append((label, partial(merge_photos, dataset, [(a, b)], photo)))
        why = "the same photo in two classes"
        offered.append(("Exclude both", partial(note_photos, dataset, [a, b], "exclude", "", why)))
    else:
        offered.append(("Merge these copies", partial(merge_photos, dataset, [(a, b)])))
    for number, (label, act) in enumerate(offered):
        st.button(label, key=f"quality.{page.finding}.{a}.{b}.{number}", on_click=act)


@st.cache_resource(max_entries=2000, show_spinner=False, hash_funcs={Dataset: lambda d: d.id})
def _encode_packed(dataset: Dataset, photo: int) -> bytes:
    return encode_jpeg(np.asarray(dataset.photos[photo]), _QUALITY)


def merge_photos(
    dataset: Dataset, pairs: Sequence[tuple[int, int]], keep: int | None = None
) -> None:
    """Note that one photo of each pair stays: `keep`, or the training copy."""
    kept = None if keep is None else [keep]
    make = partial(merge_duplicates, cache.workspace(), dataset, pairs, keep=kept)
    _note(make, f"{count(len(pairs), 'duplicate pair')} merged")


def note_photos(
    dataset: Dataset, photos: Sequence[int], action: Action, value: str, why: str
) -> None:
    """Note an edit of photos with its reason."""
    make = partial(add_edits, cache.workspace(), dataset, photos, action, value, why)
    _note(make, say_edit(len(photos), action, value))


def move_copies(dataset: Dataset, pairs: pd.DataFrame) -> None:
    """Note that each photo moves to the earliest split of its group of connected copies."""
    ends = [pairs.set_index(side)[f"split_{side}"] for side in ("a", "b")]
    places = pd.concat(ends).groupby(level=0).first().map(SPLITS.index)
    groups = number_groups(pairs, len(dataset))[places.index]
    goals = places.groupby(groups).transform("min")
    for place, split in enumerate(SPLITS):
        moved = places.index[(goals == place) & (places != place)].tolist()
        if moved:
            note_photos(dataset, moved, "move", split, "its copy is there")


def _note(make: Callable[[], int], sentence: str) -> None:
    """Note an edit and confirm it; the tray can undo it."""
    with report_errors():  # raised in a callback, where no page catches it
        make()
        tell_after_rerun(f"{sentence}, when the tray is applied")
