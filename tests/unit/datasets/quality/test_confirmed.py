"""Labels found right are remembered, taken back, and survive a torn line."""

from pathlib import Path

from core.datasets.quality.confirmed import FILE, confirm_labels, read_confirmed
from core.workspace import Workspace
from data.importing import import_source
from tests.builders import write_class_folders


def test_a_label_is_confirmed_and_doubted_again(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_source(workspace, write_class_folders(tmp_path / "flowers"))
    assert read_confirmed(workspace) == frozenset()
    confirm_labels(workspace, dataset, [0, 3])
    digests = dataset.manifest["sha256"]
    assert {digest for digest, _ in read_confirmed(workspace)} == {digests[0], digests[3]}
    confirm_labels(workspace, dataset, [3], right=False)
    assert read_confirmed(workspace) == {(digests[0], dataset.manifest["class"][0])}


def test_a_torn_line_loses_only_itself(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_source(workspace, write_class_folders(tmp_path / "flowers"))
    confirm_labels(workspace, dataset, [1])
    with (workspace.analyses / FILE).open("a") as file:
        file.write('{"sha256": "12\n')
    confirm_labels(workspace, dataset, [2])
    assert len(read_confirmed(workspace)) == 2
