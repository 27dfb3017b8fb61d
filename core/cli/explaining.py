"""`explain`: what a run looked at, photo by photo: sheets of overlays and an index in a folder."""

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import numpy as np

from core.cli.choosing import RUN_HELP, choose_run
from core.cli.openings import count_opening, describe_openings
from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.errors import ExportRefused
from core.formats import count, duration
from core.prediction.explaining import open_explainer
from core.prediction.gradcam import DEFAULT_STRENGTH
from core.prediction.sheets import SheetFormat, SheetStyle, write_sheets
from core.runs.result import RunResult, read_result
from core.runs.test_views import Opening
from core.workspace import Workspace
from data.splits import SPLITS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument(
        "--to",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="new, empty, or one that this command began to fill: it goes on there",
    )
    parser.add_argument(
        "--split",
        choices=SPLITS,
        default="validation",
        help="which photos (default: validation; test is counted as one opening)",
    )
    parser.add_argument("--wrong", action="store_true", help="only photos that went wrong")
    parser.add_argument(
        "--class",
        dest="classes",
        action="append",
        metavar="NAME",
        help="only photos of this class; may be given again",
    )
    parser.add_argument(
        "--limit", type=_read_count, metavar="N", help="only the N worst: least sure of their class"
    )
    parser.add_argument(
        "--strength",
        type=_read_share,
        default=DEFAULT_STRENGTH,
        help="opacity of the colour, 0 to 1 (default: %(default)s)",
    )
    parser.add_argument(
        "--on-colour", action="store_true", help="colour on the photo's own colours, not on grey"
    )
    parser.add_argument(
        "--format",
        choices=get_args(SheetFormat),
        default="webp",
        help="of the sheets (default: %(default)s)",
    )


def run(workspace: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Outcome:
    record = choose_run(workspace, arguments.run)
    photos = choose_photos(
        read_result(workspace, record.id),
        arguments.split,
        only_wrong=arguments.wrong,
        classes=arguments.classes,
        limit=arguments.limit,
    )
    openings: list[Opening] = []

    def tell(done: int, total: int) -> None:
        if done == 1:  # a folder that is refused shows nothing
            openings.extend(count_opening(workspace, record, arguments.split))
        progress.advance("drawing sheets", done, total)

    start = time.perf_counter()
    report = write_sheets(
        open_explainer(workspace, record.id),
        record.id,
        photos.tolist(),
        arguments.to,
        SheetStyle(
            strength=arguments.strength, on_colour=arguments.on_colour, form=arguments.format
        ),
        on_progress=tell,
    )
    seconds = time.perf_counter() - start
    there = f", {report.kept:,} were there" if report.kept else ""
    return Outcome(
        text=f"{count(report.written, 'sheet')} drawn in {duration(seconds)}{there}; "
        f"{count(report.total, 'sheet')} and index.csv in {report.target}"
        + (f"\n{describe_openings(openings)}" if openings else ""),
        document={
            "run": record.id,
            "split": arguments.split,
            "photos": photos,
            "seconds": seconds,
            **asdict(report),
        },
    )


def choose_photos(
    result: RunResult,
    split: str,
    *,
    only_wrong: bool = False,
    classes: list[str] | None = None,
    limit: int | None = None,
) -> np.ndarray:
    """Returns photo numbers, those with the lowest score of their own class first, then by path.

    Raises:
        ExportRefused: No photo is meant, or a class is none of the run.
    """
    photos = result.photo_numbers(split)
    labels, scores = result.labels[photos], result.scores[photos]
    chosen = np.ones(len(photos), dtype=bool)
    if only_wrong:
        chosen &= scores.argmax(axis=1) != labels
    if classes:
        unknown = [name for name in classes if name not in result.classes]
        if unknown:
            raise ExportRefused(
                f"“{unknown[0][:80]}” is no class of this run.",
                f"Its classes: {', '.join(result.classes[:20])}"
                f"{' …' if len(result.classes) > 20 else '.'}",
            )
        chosen &= np.isin(labels, [result.classes.index(name) for name in classes])
    if not chosen.any():
        raise ExportRefused(
            f"No photo of the {split} split is meant.", "Choose another split or class."
        )
    own = scores[np.arange(len(photos)), labels]
    order = np.lexsort((result.paths[photos], own))
    ranked: np.ndarray = photos[order][chosen[order]][:limit]
    return ranked


def _read_count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _read_share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return share
