"""A dataset is added from the page: read, looked at in its report, discarded or kept."""

import io
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.datasets.importing import read_import
from data.manifest import list_datasets, read_dataset
from tests.browser.conftest import PageServer, wait_for_url
from tests.builders import write_class_folders
from tests.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 24 photos and one file that is none."""
    folder = write_class_folders(tmp_path_factory.mktemp("photos") / "garden", photos_per_class=8)
    (folder / "rose" / "note.jpg").write_bytes(b"not a photo")
    return folder


def choose_way(page: Page, server: PageServer, way: str) -> None:
    page.goto(f"{server.address}/dataset")
    expect(page.locator("h1")).to_be_visible()
    page.get_by_role("radio", name=way, exact=True).click()


def read_folder(page: Page, path: Path) -> None:
    field = page.get_by_label("Path of the folder or archive")
    field.fill(str(path))
    page.get_by_role("button", name="Read the photos").click()


def test_a_folder_without_photos_is_refused_and_can_be_mended(
    page: Page, server: PageServer, tmp_path: Path
) -> None:
    choose_way(page, server, "Path on this machine")
    read_folder(page, tmp_path)
    expect(page.get_by_test_id("stAlert")).to_contain_text("no photos")
    page.reload()
    expect(page.get_by_test_id("stAlert")).to_contain_text("no photos")
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_text("Where the photos come from")).to_be_visible()
    expect(page).not_to_have_url(re.compile("import="))


def test_an_unclear_folder_is_asked_about_and_discarded_leaves_nothing(
    page: Page, server: PageServer, tmp_path: Path
) -> None:
    workspace = server.workspace
    for place in ("train", "test", "extra"):
        write_class_folders(tmp_path / "garden" / place, photos_per_class=2)
    choose_way(page, server, "Path on this machine")
    read_folder(page, tmp_path / "garden")
    expect(
        page.get_by_role("heading", name="How are the folders of “garden” meant?")
    ).to_be_visible()
    page.reload()
    page.get_by_text("“extra” is train; “train” is train; “test” is test").click()
    expect(page.locator("pre")).to_contain_text(re.compile(r"extra/ +6 +train"))
    page.get_by_role("button", name="Read the photos").click()
    expect(page.get_by_role("heading", name=re.compile("Keep “garden”"))).to_be_visible()
    expect(page.get_by_text("Folders read as: “extra” is train")).to_be_visible()
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("Where the photos come from")).to_be_visible()
    assert list_datasets(workspace) == [] and list(workspace.imports.iterdir()) == []


def test_a_folder_is_kept_after_a_look_at_its_report(
    page: Page, server: PageServer, photos: Path
) -> None:
    workspace = server.workspace
    choose_way(page, server, "Path on this machine")
    read_folder(page, photos)
    heading = page.get_by_role("heading", name=re.compile("Keep “garden”"))
    expect(heading).to_be_visible()
    page.reload()  # nothing is lost, nothing is kept yet
    expect(heading).to_be_visible()
    expect(page.get_by_text("1 file skipped")).to_be_visible()
    figures = page.get_by_test_id("stMetric")
    expect(figures.filter(has_text="Photos")).to_contain_text("24")
    expect(figures.filter(has_text="Skipped")).to_contain_text("1")
    assert list_datasets(workspace) == []
    [waiting] = workspace.imports.iterdir()
    assert read_import(workspace, waiting.name).state == "ready"

    # Also found without the link, as after closing the browser.
    page.goto(f"{server.address}/dataset")
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_role("button", name="Keep this dataset").click()
    wait_until(lambda: list_datasets(workspace), "it is kept")
    expect(page.get_by_text("Add a dataset")).to_be_visible()
    expect(page.get_by_text("24 photos · 3 classes · train")).to_be_visible()
    dataset = read_dataset(workspace, list_datasets(workspace)[0].id)
    assert dataset.name == "garden"
    wait_for_url(page, f"dataset={dataset.id}")


def test_an_archive_is_uploaded_and_known_to_be_here_already(
    page: Page, server: PageServer, photos: Path
) -> None:
    workspace = server.workspace
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for photo in sorted(photos.rglob("*.jpg")):
            archive.write(photo, photo.relative_to(photos).as_posix())
    page.goto(f"{server.address}/dataset")
    page.get_by_text("Add a dataset").click()
    page.get_by_role("radio", name="Upload an archive", exact=True).click()
    files = [
        {"name": "mine.zip", "mimeType": "application/zip", "buffer": packed.getvalue()},
    ]
    page.locator("input[type=file]").first.set_input_files(files)
    page.get_by_role("button", name="Read the archive").click()
    expect(page.get_by_text("is already here")).to_be_visible()
    assert not list(workspace.temporary.glob("upload-*"))
    page.get_by_role("button", name="Open the dataset").click()
    expect(page.get_by_text("is already here")).to_have_count(0)
    expect(page.get_by_text("24 photos · 3 classes · train")).to_be_visible()
    assert len(list_datasets(workspace)) == 1
