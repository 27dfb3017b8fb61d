"""What a page may read by path: below the folders of a setting, wherever links lead."""

import os
from pathlib import Path

import pytest

from core.errors import SourceRefused
from data.sources.catalogue import find_source
from data.sources.found import FoundSource, Output, SourceRequest
from tests.builders import write_class_folders


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with photos; others lie beside it."""
    home = tmp_path / "home"
    write_class_folders(home / "photos", photos_per_class=2)
    write_class_folders(tmp_path / "others", photos_per_class=2)
    monkeypatch.setenv("HOME", str(home))
    return home


def read(path: Path | str, *, from_page: bool = True) -> FoundSource:
    request = SourceRequest(path=str(path), from_page=from_page)
    unpacked = Path(os.environ["HOME"], "unpacked")
    unpacked.mkdir(exist_ok=True)
    return find_source(request, Output(unpacked, unpacked, print))


def test_a_page_reads_below_the_home_folder_alone(home: Path) -> None:
    count = len(read(home / "photos").photos)
    assert count == len(read(home.parent / "others", from_page=False).photos) > 0
    for path in ("/", "/etc", "/no/such/place", home.parent / "others", f"{home}/../others"):
        with pytest.raises(SourceRefused, match="not below a folder that pages may read") as said:
            read(path)
        assert "PETALSCOPE_IMPORT_FOLDERS" in said.value.remedy


def test_the_setting_names_other_folders_or_none(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALSCOPE_IMPORT_FOLDERS", f"/nowhere:{home.parent / 'others'}")
    assert read(home.parent / "others").photos
    for folders in (str(home.parent / "others"), ""):
        monkeypatch.setenv("PETALSCOPE_IMPORT_FOLDERS", folders)
        with pytest.raises(SourceRefused, match="not below"):
            read(home / "photos")


def test_links_and_tables_that_lead_outside_are_left_out(home: Path) -> None:
    outside = next((home.parent / "others" / "rose").iterdir())
    (home / "way").symlink_to(home.parent / "others")
    with pytest.raises(SourceRefused, match="not below"):
        read(home / "way")
    before = len(read(home / "photos").photos)
    (home / "photos" / "rose" / "linked.jpg").symlink_to(outside)
    found = read(home / "photos")
    assert len(found.photos) == before
    assert "pages may read: 1 photo." in found.notes[-1]
    assert len(read(home / "photos", from_page=False).photos) == before + 1
    table = home / "list.csv"
    inside = [f"photos/{kind}/{kind}_000.jpg,{kind}" for kind in ("daisy", "rose")]
    table.write_text(
        "\n".join(["path,class", *inside, f"{outside},rose", f"way/rose/{outside.name},rose"])
    )
    assert len(read(table).photos) == 2
    assert len(read(table, from_page=False).photos) == 4


def test_only_so_many_files_are_looked_at(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.sources.layout.MOST_FILES", 5)
    with pytest.raises(SourceRefused, match="more than 5 files"):
        read(home / "photos", from_page=False)
