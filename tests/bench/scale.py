"""How figures grow with the photos: 10,000, 100,000 and a million made-up ones on this machine.

Each repeats a real dataset; the features of a photo are a mix of the features of two real photos
of its class, so that no two are equal. A figure is for the most photos; its note has the figures
for fewer, and the powers of n by which it grew.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
import psutil

from core.config import PHOTO_SIZE
from core.exact.store import find_source
from core.runs.choosing import choose_dataset
from core.runs.store import list_runs
from core.workspace import PROJECT_ROOT, Workspace, digest_file
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
from models.extraction import features_id
from models.rows import POOLED, Entry, keep_rows, make_header, read_kept
from tests.bench.browser import browse, open_page, press_rerun
from tests.bench.measuring import (
    BenchmarkFailed,
    Figure,
    Report,
    list_percentiles,
    say,
    watch_memory,
)

_SIZES = (10_000, 100_000, 1_000_000)
_BLOCK = 8192
_JOBS = {
    "head of 10 epochs": ("train",),
    "exact head": ("train", "--strategy", "exact"),
}
"""Name → what `python -m core` is given beside the dataset."""
_VIEWS = {
    "photos": "dataset?view=photos",
    "photos by a query": "dataset?view=photos&q=brightness < 0.4 and not blurred",
    "table": "dataset?view=table",
    "map": "dataset?view=map",
}
_PAGES = ("metrics", "confusion", "mistakes", "calibration", "slices", "quality")
_ID = "0000madeup000000"


def measure(
    workspace: Workspace,
    dataset: str = "latest",
    *,
    least: int = _SIZES[0],
    most: int = _SIZES[-1],
    repeats: int = 5,
    jobs: str = ",".join(_JOBS),
) -> Report:
    """Measure jobs and pages with more and more photos.

    Args:
        workspace: Holds the real dataset, its features and the disk for those of the others
            (8.2 GB for a million).
        dataset: The real dataset.
        least: Photos of the smallest made-up one.
        most: Photos of the largest made-up one.
        repeats: How often each click is measured.
        jobs: Which jobs are measured, joined by commas.

    Raises:
        FeaturesMissing: Those of the real dataset are not kept.
        BenchmarkFailed: A job or a page ends with an error, or there is no Chromium.
    """
    real = read_dataset(workspace, choose_dataset(workspace, dataset))
    found: dict[str, list[tuple[int, Figure]]] = {}
    for photos in (size for size in _SIZES if least <= size <= most):
        with tempfile.TemporaryDirectory(dir=workspace.temporary) as folder:
            for one in _measure(workspace, real, Workspace(Path(folder)), photos, repeats, jobs):
                found.setdefault(one.name, []).append((photos, one))
    return Report(
        "More and more photos, on one machine",
        [_compare(figures) for figures in found.values()],
        {"classes": len(real.classes), "repeats": repeats},
    )


def _measure(
    workspace: Workspace, real: Dataset, scratch: Workspace, photos: int, repeats: int, jobs: str
) -> Iterator[Figure]:
    say(f"Making up {photos:,} photos")
    start = time.perf_counter()
    many = repeat_dataset(real, scratch, photos)
    _mix_features(workspace, real, scratch, many)
    made = Figure("making it up", time.perf_counter() - start, "s")
    steps = [_run_job(scratch, many, name) for name in jobs.split(",") if name]
    steps.append(_browse(scratch, many, repeats))
    for figure in chain([made], *steps):
        say(f"{photos:,} photos: {figure.name}: {figure.value:,.4g} {figure.unit} {figure.note}")
        yield figure


def _compare(figures: list[tuple[int, Figure]]) -> Figure:
    """Return the figure of the most photos, with those of fewer and the powers of n between."""
    known = [f"{photos:,} photos: {one.value:,.3g}" for photos, one in figures[:-1]]
    powers = [
        f"n^{math.log(two.value / one.value) / math.log(more / photos):.2f}"
        for (photos, one), (more, two) in pairwise(figures)
        if one.value > 0 and two.value > 0
    ]
    last = figures[-1][1]
    return replace(last, note=" · ".join([*known, *powers, *filter(None, [last.note])]))


def _mix_features(workspace: Workspace, real: Dataset, scratch: Workspace, many: Dataset) -> None:
    """Keep features of the made-up photos, as if a backbone had made them."""
    source = find_source(workspace, real)
    known = read_kept(workspace, source.features_id)
    assert known is not None
    described = workspace.features_file(source.features_id).with_suffix(".json")
    facts = json.loads(described.read_text(encoding="utf-8"))
    kept = workspace.backbone_folder(facts["backbone"])
    scratch.backbones.mkdir(parents=True, exist_ok=True)
    (scratch.backbones / kept.name).symlink_to(kept.resolve())
    form = POOLED
    entry = Entry(
        id=features_id(many.id, facts["backbone"], facts["precision"]),
        facts={**facts, "dataset": many.id},
        form=form,
    )
    counts, by_class = np.bincount(real.labels), np.argsort(real.labels, kind="stable")
    starts, rng = np.cumsum(counts) - counts, np.random.default_rng(0)

    def complete(partial: Path) -> None:
        with partial.open("wb") as file:
            file.write(make_header(len(many), form))
            for start in range(0, len(many), _BLOCK):
                own = np.arange(start, min(start + _BLOCK, len(many))) % len(real)
                of_class = real.labels[own]
                mate = by_class[starts[of_class] + rng.integers(counts[of_class])]
                share = rng.uniform(0, 0.5, (len(own), 1)).astype(np.float32)
                file.write(((1 - share) * known[own] + share * known[mate]).tobytes())

    keep_rows(scratch, entry, complete, lambda: False)


def _run_job(scratch: Workspace, many: Dataset, name: str) -> Iterator[Figure]:
    say(name)
    arguments = (*_JOBS[name][:1], many.id, *_JOBS[name][1:])
    start, before = time.perf_counter(), os.times()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "core", *arguments],
            cwd=PROJECT_ROOT,
            env=os.environ | {"PETALSCOPE_WORKSPACE": str(scratch.root)},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        with watch_memory(0.1, psutil.Process(process.pid)) as own:
            process.wait()
        said.seek(0)
        if process.returncode:
            raise BenchmarkFailed(said.read().decode()[-2_000:], " ".join(arguments))
    spent, after = time.perf_counter() - start, os.times()
    busy = after.children_user + after.children_system
    busy -= before.children_user + before.children_system
    yield Figure(name, spent, "s", note=f"{busy:,.0f} s of processor time")
    yield Figure(f"{name}, memory of its own", own.peak / 1e9, "GB")


def _browse(scratch: Workspace, many: Dataset, repeats: int) -> Iterator[Figure]:
    run = next((run for run in list_runs(scratch) if run.recipe.has_epochs), None)
    views = {name: f"{asked}&dataset={many.id}" for name, asked in _VIEWS.items()}
    if run is not None:
        views |= {name: f"{name}?run={run.id}&split=validation" for name in _PAGES}
    with browse(scratch) as (browser, address, weigh):
        for name, asked in views.items():
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            start = time.perf_counter()
            open_page(page, f"{address}/{quote(asked, safe='=&?')}")
            yield Figure(f"{name}: first visit", 1000 * (time.perf_counter() - start), "ms")
            reruns = [press_rerun(page) for _ in range(repeats)]
            yield from list_percentiles(f"{name}: rerun", reruns)
            page.close()
        yield replace(weigh(), name="memory of the page server")


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
