"""How fast the dataset page answers: each interaction in Chromium, and the server's memory.

Once with a dataset of the workspace, once with a made-up one of 100,000 photos: its table, measures
and thumbnails are those of the real one repeated, its packed photos a sparse file that nothing
reads.
"""

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import Page, Position

from core.cli.choosing import choose_dataset
from core.config import PHOTO_SIZE
from core.workspace import Workspace, digest_file
from data.dataset import (
    FACTS,
    FILES,
    MANIFEST,
    ORIGINALS,
    PHOTOS,
    SET_ASIDE,
    THUMBNAILS,
    VERSION,
    Dataset,
)
from data.manifest import read_dataset
from tests.bench.browser import browse, open_page, time_action
from tests.bench.measuring import Figure, Report, list_percentiles, say

_ID = "0000madeup000000"


def measure(
    workspace: Workspace, dataset: str = "latest", *, photos: int = 100_000, repeats: int = 20
) -> Report:
    """Measure the milliseconds of each interaction and the megabytes of the page server.

    Args:
        workspace: Holds the real dataset.
        dataset: The real dataset.
        photos: How many photos the made-up one has.
        repeats: How often each interaction is measured.

    Raises:
        BenchmarkFailed: The page server did not start, or there is no Chromium.
    """
    real = read_dataset(workspace, choose_dataset(workspace, dataset))
    say(f"{len(real):,} photos of {real.name}")
    figures = _name(real, time_interactions(workspace, real, repeats))
    with tempfile.TemporaryDirectory(prefix="petalscope-bench-", dir=workspace.temporary) as folder:
        say(f"Making up {photos:,} photos")
        many = repeat_dataset(real, Workspace(Path(folder)), photos)
        say(f"{photos:,} made-up photos")
        figures += _name(many, time_interactions(Workspace(Path(folder)), many, repeats))
    return Report(
        "Dataset page: from the click until it can be used again",
        figures,
        {"driven by": "headless Chromium", "repeats": repeats},
    )


def repeat_dataset(dataset: Dataset, workspace: Workspace, photos: int) -> Dataset:
    """Make a dataset in another workspace that repeats this one up to `photos` photos.

    Paths and digests differ from photo to photo; thumbnails and files are shared; the packed
    photos are all black.
    """
    folder = workspace.dataset_folder(_ID)
    folder.mkdir(parents=True)
    for name in ("features", "runs", "imports", "analyses", "temporary", "downloads"):
        getattr(workspace, name).mkdir(parents=True, exist_ok=True)
    rows = np.arange(photos) % len(dataset)
    manifest = dataset.manifest.iloc[rows].reset_index(drop=True)
    numbers = pd.Series(np.arange(photos))
    stems = manifest["path"].str.rpartition(".")
    manifest["path"] = stems[0] + "_" + numbers.astype(str) + "." + stems[2]
    # Copies are not to be taken for copies: each round of them has hashes of its own.
    rounds = np.random.default_rng(0).integers(0, 2**64, photos // len(dataset) + 1, np.uint64)
    rounds[0] = 0
    hashes = np.array([int(text, 16) for text in manifest["phash"]], np.uint64)
    manifest["phash"] = pd.Series(hashes ^ np.repeat(rounds, len(dataset))[:photos]).map(
        "{:016x}".format
    )
    manifest["sha256"] = numbers.map("{:08x}".format) + manifest["sha256"].str[8:]
    manifest.to_parquet(folder / MANIFEST, index=False)
    dataset.set_aside.to_parquet(folder / SET_ASIDE, index=False)
    for name in (THUMBNAILS, ORIGINALS):
        (folder / name).symlink_to((dataset.folder / name).resolve())
    shape = (photos, PHOTO_SIZE, PHOTO_SIZE, 3)
    np.lib.format.open_memmap(folder / PHOTOS, mode="w+", dtype=np.uint8, shape=shape)
    _write_facts(dataset, folder, photos)
    return read_dataset(workspace, _ID)


def _write_facts(dataset: Dataset, folder: Path, photos: int) -> None:
    """Write dataset.json; only the tables, which are read whole, get a digest."""
    files = {
        name: {
            "bytes": (folder / name).stat().st_size,
            "sha256": digest_file(folder / name) if name in (MANIFEST, SET_ASIDE) else "",
        }
        for name in FILES
    }
    facts = {
        **json.loads((dataset.folder / FACTS).read_text(encoding="utf-8")),
        "version": VERSION,
        "name": f"{photos:,} made-up photos",
        "photos": photos,
        "files": files,
    }
    (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")


def _name(dataset: Dataset, figures: list[Figure]) -> list[Figure]:
    return [replace(one, name=f"{len(dataset):,} photos: {one.name}") for one in figures]


def time_interactions(workspace: Workspace, dataset: Dataset, repeats: int) -> list[Figure]:
    """Measure each interaction of the dataset page, and the memory of the server by then."""
    figures: list[Figure] = []
    with browse(workspace) as (browser, address, weigh):
        page = browser.new_page()
        open_page(page, f"{address}/dataset?dataset={dataset.id}")
        for name, interact in _INTERACTIONS.items():
            seconds = [interact(page, number) for number in range(repeats + 1)][1:]
            figures += list_percentiles(name, seconds)
        page.close()
        return [*figures, weigh()]


def _click_count(page: Page, number: int) -> float:
    """Choose a class and split by a click on a bar of the counts."""
    return _click_chart(page, 0, 0.55, 0.55 if number % 2 else 0.6)


def _sort(page: Page, number: int) -> float:
    words = ("Darkest first", "Largest first", "Name", "Smallest first", "Brightest first")
    return _pick(page, "Sort", words[number % len(words)])


def _find_text(page: Page, number: int) -> float:
    box = page.get_by_label("Name contains")
    box.fill(str(number % 10) + str(number % 7))
    return time_action(page, lambda: box.press("Enter"))


def _clear(page: Page, number: int) -> float:
    _find_text(page, number)
    return time_action(page, page.get_by_role("button", name="Clear all filters").click)


def _turn_page(page: Page, _number: int) -> float:
    return time_action(page, page.get_by_role("button", name="Next page").click)


def _click_bar(page: Page, number: int) -> float:
    return _click_chart(page, 3, 0.45 + 0.12 * (number % 4), 0.5)


def _click_chart(page: Page, chart: int, share_x: float, share_y: float) -> float:
    drawn = page.locator(".vega-embed canvas, .vega-embed svg").nth(chart)
    drawn.scroll_into_view_if_needed()
    size = drawn.evaluate("chart => [chart.clientWidth, chart.clientHeight]")
    place: Position = {"x": size[0] * share_x, "y": min(size[1], 320) * share_y}
    return time_action(page, lambda: drawn.click(position=place))


def _pick(page: Page, label: str, option: str) -> float:
    box = page.get_by_role("combobox", name=label).first
    options = page.get_by_test_id("stSelectboxVirtualDropdown")
    box.click()
    options.wait_for()
    box.press_sequentially(option)
    chosen = options.get_by_role("option", name=option, exact=True)
    chosen.wait_for()
    return time_action(page, chosen.click)


_INTERACTIONS: dict[str, Callable[[Page, int], float]] = {
    "turn the page": _turn_page,
    "sort": _sort,
    "click a bar": _click_bar,
    "choose a class": _click_count,
    "find a text": _find_text,
    "clear the filters": _clear,
}
