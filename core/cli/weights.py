"""`weights`: which ResNet-50 weights are used and where they come from, or their download."""

import argparse

from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.formats import size
from core.workspace import Workspace
from models.weights import Weights, download_weights, find_weights


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--download",
        action="store_true",
        help="download the ImageNet weights into the workspace (94 MB; goes on where it stopped)",
    )


def run(workspace: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Outcome:
    def report(done: int, total: int) -> None:
        progress.advance("downloading, in MB", done // 10**6, total // 10**6)

    if arguments.download:
        found = download_weights(workspace, on_progress=report)
    else:
        found = find_weights(workspace)
    return Outcome(text=_describe(found), document={**vars(found), "label": found.label})


def _describe(found: Weights) -> str:
    lines = [f"{found.label}, from {found.origin}"]
    if found.file is not None:
        lines.append(f"{found.file} ({size(found.file.stat().st_size)})")
    lines.append(f"digest {found.digest}")
    if not found.official:
        lines.append("These are not the official ImageNet weights of Keras.")
    return "\n".join(lines)
