"""Labels that a person looked at and found right, so that they are not suspected again.

One JSON line a decision, only ever appended; the last one about a photo and its class counts. Known
by digest and class, so that other versions of a dataset profit, and a relabelled photo is new.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from core.workspace import Workspace, write_whole
from data.dataset import Dataset

FILE = "confirmed.jsonl"


def read_confirmed(workspace: Workspace) -> frozenset[tuple[str, str]]:
    """Returns digest and class of all photos whose label was found right."""
    try:
        lines = _file(workspace).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return frozenset()
    right: dict[tuple[str, str], bool] = {}
    for line in lines:
        try:
            said = json.loads(line)
            right[said["sha256"], said["class"]] = bool(said["right"])
        except (ValueError, KeyError, TypeError):
            continue  # a line that was cut short when the disk was full
    return frozenset(key for key, is_right in right.items() if is_right)


def confirm_labels(
    workspace: Workspace, dataset: Dataset, photos: Sequence[int], *, right: bool = True
) -> None:
    """Returns nothing; the labels of the photos are right, or with right=False in doubt again."""
    rows = dataset.manifest.iloc[list(photos)][["sha256", "class"]]
    lines = [
        json.dumps({"sha256": digest, "class": name, "right": right}, ensure_ascii=False)
        for digest, name in rows.itertuples(index=False)
    ]
    workspace.analyses.mkdir(parents=True, exist_ok=True)
    with _file(workspace).open("ab", buffering=0) as file:  # one write: no line is torn
        write_whole(file, "".join(f"{line}\n" for line in lines).encode())


def _file(workspace: Workspace) -> Path:
    return workspace.analyses / FILE
