"""`report` and `explain`: all of a run in one HTML file, and what it looked at in photos."""

import time
from argparse import Namespace
from pathlib import Path
from typing import get_args

import numpy as np

from core.cli.choosing import RUN, choose_run, count_opening, describe_openings
from core.cli.command import command, flag, number, option
from core.cli.outcome import Outcome, ProgressLine, check_free, write_named
from core.errors import ExportRefused
from core.formats import count, duration, size
from core.prediction.explaining import open_explainer
from core.prediction.gradcam import DEFAULT_STRENGTH
from core.prediction.sheets import SheetFormat, SheetStyle, write_sheets
from core.reporting.contents import collect_report
from core.reporting.writing import write_html, write_model_card
from core.runs.result import RunResult, read_result
from core.runs.store import Opening
from core.workspace import Workspace
from data.splits import SPLITS

_STEPS = 3


@command(
    RUN,
    option(
        "--split",
        "photos to judge by; each use of test is counted",
        choices=("validation", "test"),
        default="validation",
    ),
    option(
        "--to FILE",
        "the HTML file or the model card (.md); the other is written beside it "
        "(default: report-RUN-SPLIT.html here)",
    ),
    flag("--force", "write over files that are there"),
)
def report(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Write all that is known of a run into one HTML file, and its model card beside it."""
    record = choose_run(workspace, given.run)
    page = Path(given.to or f"report-{record.id}-{given.split}.html").expanduser()
    if page.suffix.lower() == ".md":
        page = page.with_suffix(".html")
    if page.suffix.lower() not in (".html", ".htm"):
        raise ExportRefused(
            f"“{page}” is neither an HTML file nor a model card.",
            "Name a file that ends with .html or .md.",
        )
    card = page.with_suffix(".md")
    if not given.force:
        check_free(page, card)
    read_result(workspace, record.id)  # a run without one has nothing to be opened
    openings = count_opening(workspace, record, given.split)
    progress.advance("collecting", 0, _STEPS)
    found = collect_report(workspace, record, given.split)
    progress.advance("drawing", 1, _STEPS)
    contents = {page: write_html(found), card: write_model_card(found)}
    progress.advance("writing", 2, _STEPS)
    for file, content in contents.items():
        with write_named(file) as temporary:
            temporary.write_text(content, encoding="utf-8")
    accuracy = found.estimates["accuracy"]
    written, said = page.stat().st_size, describe_openings(openings)
    return Outcome(
        "\n".join(filter(None, (f"{page} ({size(written)})", str(card), said))),
        {
            "run": record.id,
            "split": given.split,
            "html": page,
            "model_card": card,
            "bytes": written,
            "n": accuracy.n,
            "accuracy": accuracy.value,
            "openings": len(openings),
        },
    )


@command(
    RUN,
    option(
        "--to FOLDER",
        "new, empty, or one that this command began to fill: it goes on there",
        Path,
        required=True,
    ),
    option(
        "--split",
        "which photos; test is counted as one opening",
        choices=SPLITS,
        default="validation",
    ),
    flag("--wrong", "only photos that went wrong"),
    option(
        "--class NAME",
        "only photos of this class; may be given again",
        dest="classes",
        action="append",
    ),
    option("--limit N", "only the N worst: least sure of their class", number(int, 1)),
    option(
        "--strength", "opacity of the colour, 0 to 1", number(float, 0, 1), default=DEFAULT_STRENGTH
    ),
    flag("--on-colour", "colour on the photo's own colours, not on grey"),
    option("--format", "of the sheets", choices=get_args(SheetFormat), default="webp"),
)
def explain(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Draw what a run looked at, photo by photo: sheets of overlays and an index in a folder."""
    record = choose_run(workspace, given.run)
    photos = choose_photos(
        read_result(workspace, record.id),
        given.split,
        only_wrong=given.wrong,
        classes=given.classes,
        limit=given.limit,
    )
    openings: list[Opening] = []

    def tell(done: int, total: int) -> None:
        if done == 1:  # a folder that is refused shows nothing
            openings.extend(count_opening(workspace, record, given.split))
        progress.advance("drawing sheets", done, total)

    start = time.perf_counter()
    drawn = write_sheets(
        open_explainer(workspace, record.id),
        record.id,
        photos.tolist(),
        given.to,
        SheetStyle(strength=given.strength, on_colour=given.on_colour, form=given.format),
        on_progress=tell,
    )
    seconds = time.perf_counter() - start
    there = f", {drawn.kept:,} were there" if drawn.kept else ""
    return Outcome(
        f"{count(drawn.written, 'sheet')} drawn in {duration(seconds)}{there}; "
        f"{count(drawn.total, 'sheet')} and index.csv in {drawn.target}"
        + (f"\n{describe_openings(openings)}" if openings else ""),
        {
            "run": record.id,
            "split": given.split,
            "photos": photos,
            "seconds": seconds,
            **vars(drawn),
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
    """Choose photo numbers, those with the lowest score of their own class first, then by path.

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
