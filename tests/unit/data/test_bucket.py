"""A bucket of class folders is the dataset that the same folders are here."""

from pathlib import Path

import pytest

from core.cli import main
from core.errors import SourceRefused, StorageFailed
from core.workspace import Workspace
from data.manifest import list_datasets
from data.sources.catalogue import open_source
from data.sources.found import SourceRequest
from tests.builders import write_class_folders
from tests.object_storage import fill, run_object_storage


def test_a_bucket_is_imported_as_its_folders_are(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    folder = write_class_folders(tmp_path / "flowers")
    photos = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    torn = next(name for name in photos if name.endswith(".jpg"))
    photos[torn.replace(".jpg", "-torn.jpg")] = photos[torn][:99]
    for name, content in photos.items():
        (folder / name).write_bytes(content)
    with run_object_storage(monkeypatch):
        fill("s3://photos/of/flowers", photos)
        assert main(["import", "s3://photos/of/flowers", "--split-seed", "3"]) == 0
        with pytest.raises(StorageFailed):
            open_source(SourceRequest(path="s3://none/x"))(tmp_path, lambda *_: None)
        with pytest.raises(SourceRefused, match="below a folder"):
            open_source(SourceRequest(path="s3://photos/of", from_page=True))
    [there] = list_datasets(workspace)
    assert (there.name, there.set_aside) == ("flowers", 1)
    capsys.readouterr()
    assert main(["import", str(folder), "--split-seed", "3"]) == 0
    assert f"The same dataset is in this workspace already: {there.id}" in capsys.readouterr().out
