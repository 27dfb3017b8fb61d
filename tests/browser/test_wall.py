"""The wall in a real browser: mouse, keyboard, links, the tray, and a version made of it.

The tests of this file follow one another on one server and one workspace, as a person would.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from core.datasets.edits.tray import count_edits, list_edits
from data.dataset import Dataset
from data.importing import import_source
from data.manifest import list_datasets, read_dataset
from tests.browser.conftest import PageServer, close_panel, wait_for_url
from tests.builders import write_class_folders
from tests.processes import wait_until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def dataset(server: PageServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataset]:
    """75 photos of three classes, so that the wall has two pages."""
    photos = write_class_folders(tmp_path_factory.mktemp("wall"), photos_per_class=25)
    workspace = server.workspace
    for folder in (workspace.datasets, workspace.temporary, workspace.analyses):
        folder.mkdir(parents=True, exist_ok=True)
    yield import_source(workspace, photos, name="three flowers")


@pytest.fixture
def wall(page: Page, server: PageServer, dataset: Dataset) -> Locator:
    """The wall of the dataset page."""
    page.goto(f"{server.address}/dataset?dataset={dataset.id}")
    listed = page.get_by_role("listbox")
    expect(listed.get_by_role("option")).to_have_count(60, timeout=60_000)
    return listed


def shown_photos(wall: Locator) -> list[str]:
    return wall.get_by_role("option").evaluate_all("all => all.map(one => one.dataset.photo)")


def chosen_photos(wall: Locator) -> list[str]:
    return wall.locator("[aria-selected=true]").evaluate_all(
        "all => all.map(one => one.dataset.photo)"
    )


def test_every_photo_is_drawn_and_has_a_text(wall: Locator, dataset: Dataset) -> None:
    for option in wall.get_by_role("option").all()[:3]:
        picture = option.get_by_role("img", include_hidden=True)
        expect(picture).to_have_js_property("naturalWidth", 128)
        photo = int(option.get_attribute("data-photo") or -1)
        assert picture.get_attribute("alt") == (
            f"{dataset.manifest['class'].iat[photo]}, {dataset.manifest['path'].iat[photo]}"
        )
    # One photo is reached with Tab; arrows lead to the others.
    assert wall.locator("[tabindex='0']").count() == 1


def test_keys_select_and_the_selection_survives_paging(page: Page, wall: Locator) -> None:
    expect(page.get_by_role("button", name="Page 2", exact=True)).to_be_visible()
    first, second, third, *_ = shown_photos(wall)
    wall.locator("[tabindex='0']").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    expect(page.get_by_text("2 photos selected")).to_be_visible()
    wait_until(lambda: chosen_photos(wall) == [first, third], "the selection is drawn")
    # Up and down keep to the column: back from below we stand where we were.
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    focused = "document.activeElement.dataset.photo"
    wait_until(lambda: page.evaluate(focused) == third, "the photo has the focus")
    page.keyboard.press("PageDown")
    expect(wall.get_by_role("option")).to_have_count(15)
    wait_until(lambda: chosen_photos(wall) == [], "the selection is drawn")
    expect(page.get_by_text("2 photos selected")).to_be_visible()
    page.keyboard.press("PageUp")
    expect(wall.get_by_role("option")).to_have_count(60)
    wait_until(lambda: chosen_photos(wall) == [first, third], "the selection is drawn")
    page.keyboard.press("Escape")
    expect(page.get_by_text("photos selected")).to_have_count(0)
    assert second not in chosen_photos(wall)


def test_the_mouse_ticks_one_and_shift_a_range(page: Page, wall: Locator) -> None:
    photos = shown_photos(wall)
    options = wall.get_by_role("option")
    options.nth(1).hover()
    options.nth(1).locator(".petal-tick").click()
    options.nth(4).click(modifiers=["Shift"])
    expect(page.get_by_text("4 photos selected")).to_be_visible()
    wait_until(lambda: chosen_photos(wall) == photos[1:5], "the selection is drawn")
    wall.locator("[tabindex='0']").focus()
    page.keyboard.press("Control+a")
    expect(page.get_by_text("60 photos selected")).to_be_visible()
    page.get_by_role("button", name="Select all 75").click()
    expect(page.get_by_text("75 photos selected")).to_be_visible()
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_text("photos selected")).to_have_count(0)
    wait_until(lambda: chosen_photos(wall) == [], "the selection is drawn")


def test_a_click_opens_the_panel_and_a_link_opens_it_again(page: Page, wall: Locator) -> None:
    photos = shown_photos(wall)
    wall.get_by_role("option").nth(2).click()
    panel = page.get_by_role("dialog")
    expect(panel.get_by_text("3 of 75")).to_be_visible()
    wait_for_url(page, f"photo={photos[2]}")
    expect(panel.get_by_text(f"Photo {photos[2]} ")).to_be_visible()
    panel.get_by_role("button", name="Next").click()
    expect(panel.get_by_text(f"Photo {photos[3]} ")).to_be_visible()
    wait_for_url(page, f"photo={photos[3]}")
    link = page.url
    close_panel(page)
    expect(page).not_to_have_url(re.compile("photo="))
    page.goto(link)
    expect(page.get_by_role("dialog").get_by_text(f"Photo {photos[3]} ")).to_be_visible()


def test_selected_photos_are_relabelled_and_wait_in_the_tray(
    page: Page, server: PageServer, wall: Locator, dataset: Dataset
) -> None:
    wall.locator("[tabindex='0']").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_text("2 photos selected")).to_be_visible()
    page.get_by_role("button", name="Relabel").click()
    page.get_by_role("combobox", name="New class").fill("moon flower")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Relabel 2 photos").click()
    expect(page.get_by_text("2 edits in the tray")).to_be_visible()
    workspace = server.workspace
    assert [edit.value for edit in list_edits(workspace, dataset.id)] == ["moon flower"] * 2
    # The wall lets go of what was edited.
    expect(wall.locator("[aria-selected=true]")).to_have_count(0)
    # The tray is there after a reload, and its last step can be taken back.
    page.reload()
    expect(page.get_by_text("2 edits in the tray")).to_be_visible()
    page.get_by_role("button", name="Undo").first.click()
    expect(page.get_by_text("not applied yet")).to_have_count(0)
    assert count_edits(workspace, dataset.id) == 0


def test_an_edit_of_the_panel_is_applied_and_the_new_version_is_chosen(
    page: Page, server: PageServer, wall: Locator, dataset: Dataset
) -> None:
    wall.get_by_role("option").nth(0).click()
    panel = page.get_by_role("dialog")
    panel.get_by_role("button", name="Exclude").click()
    expect(panel.get_by_text("In the tray: excluded")).to_be_visible()
    close_panel(page)
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Apply the edits").click()
    workspace = server.workspace
    expect(page).not_to_have_url(re.compile(dataset.id))
    made = next(entry for entry in list_datasets(workspace) if entry.parent == dataset.id)
    assert made.photos == 74
    expect(page).to_have_url(re.compile(f"dataset={made.id}"))
    assert count_edits(workspace, dataset.id) == 0
    assert len(read_dataset(workspace, dataset.id)) == 75
    # The parent's photo numbers mean nothing here: nothing is selected, nothing waits.
    expect(page.get_by_text("not applied yet")).to_have_count(0)


def test_a_version_that_another_rests_on_is_deleted_only_by_its_name(
    page: Page, server: PageServer, dataset: Dataset
) -> None:
    workspace = server.workspace
    child = next(entry for entry in list_datasets(workspace) if entry.parent == dataset.id)
    page.goto(f"{server.address}/dataset?dataset={child.id}&view=versions")
    page.get_by_role("button", name="Delete").first.click()  # the import, made first
    gone = page.get_by_role("button", name="Delete the dataset")
    expect(page.get_by_text("Used by 1 version")).to_be_visible()
    expect(gone).to_be_disabled()
    name = next(one.name for one in list_datasets(workspace) if one.id == dataset.id)
    page.get_by_label("Type its name to delete it").fill(name)
    page.keyboard.press("Enter")
    expect(gone).to_be_enabled()
    gone.click()
    expect(page.get_by_text("One version.")).to_be_visible()
    assert [entry.id for entry in list_datasets(workspace)] == [child.id]


@pytest.mark.usefixtures("dataset")  # makes the workspace
def test_names_are_shown_and_never_obeyed(page: Page, server: PageServer, tmp_path: Path) -> None:
    names = ("<img src=x onerror=document.title='owned'>", "**tulip**")
    photos = write_class_folders(tmp_path / "odd", names, photos_per_class=10)
    odd = import_source(server.workspace, photos, name="odd names")
    for name in names:
        photo = int(odd.photo_numbers(class_name=name)[0])
        page.goto(f"{server.address}/dataset?dataset={odd.id}&photo={photo}")
        panel = page.get_by_role("dialog")
        expect(panel.get_by_role("heading", name=name)).to_be_visible(timeout=60_000)
        close_panel(page)
        expect(page.get_by_role("option").get_by_text(name).first).to_be_visible()
    assert "owned" not in page.title()
