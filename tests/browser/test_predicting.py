"""The predict page in a real browser: many photos, a row, pasting, a new class, on a phone.

The tests of this file follow one another on one server and one workspace, as a person would.
"""

import base64
import re
import shutil

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

from core.monitoring.feedback import list_feedback
from core.monitoring.log import read_predictions
from tests.browser.conftest import PageServer, do_until
from tests.builders import draw_photo, encode_photo
from tests.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("trained_server")]

ROW = {"x": 90, "y": 38 + 56 + 20}
"""Inside the second row of the table of photos, in its second column."""


def show_photo(number: int) -> FilePayload:
    content = encode_photo(draw_photo(number % 3, 500 + number, (300, 260)))
    return {"name": f"{number}.jpg", "mimeType": "image/jpeg", "buffer": content}


def find_caption(page: Page, pattern: str) -> Locator:
    """Return a caption; the cells of a table, which are drawn on a canvas, hold the same text."""
    return page.get_by_test_id("stCaptionContainer").filter(has_text=re.compile(pattern))


def test_several_photos_become_a_table_and_a_row_opens_its_answer(
    page: Page, server: PageServer
) -> None:
    page.goto(f"{server.address}/predict")
    expect(page.get_by_text("No photo yet")).to_be_visible()
    broken: FilePayload = {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"no photo"}
    photos = [*map(show_photo, range(3)), broken]
    page.locator("input[type=file]").first.set_input_files(photos)
    expect(page.get_by_role("heading", name="3 photos answered")).to_be_visible()
    table = page.get_by_test_id("stDataFrame")
    do_until(lambda: table.click(position=ROW), page.get_by_text("Most similar training photos"))
    expect(find_caption(page, r"^1\.jpg")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Table as CSV").click()
    assert len(download.value.path().read_text(encoding="utf-8-sig").splitlines()) == 5
    assert len(read_predictions(server.workspace)) == 3


def test_a_pasted_photo_is_answered_and_the_next_one_is_opened(
    page: Page, server: PageServer
) -> None:
    page.goto(f"{server.address}/predict")
    expect(page.get_by_text("No photo yet")).to_be_visible()
    expect(page.get_by_role("button", name="Paste a photo")).to_be_visible()
    paste = """(text) => {
        const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
        const clipboard = new DataTransfer();
        clipboard.items.add(new File([bytes], "image.png", { type: "image/png" }));
        const event = { clipboardData: clipboard, bubbles: true, cancelable: true };
        document.body.dispatchEvent(new ClipboardEvent("paste", event));
    }"""
    photo = encode_photo(draw_photo(2, 600, (300, 260)), "PNG")
    page.evaluate(paste, base64.b64encode(photo).decode())
    expect(page.get_by_text("The photo was pasted.")).to_be_visible()
    expect(page.get_by_text("Most similar training photos")).to_be_visible()
    page.locator("input[type=file]").first.set_input_files(show_photo(1))
    expect(page.get_by_role("heading", name="2 photos answered")).to_be_visible()
    expect(find_caption(page, r"^1\.jpg")).to_be_visible()  # the second is opened by itself
    expect(page.get_by_text("Most similar training photos")).to_be_visible()


def test_the_camera_takes_a_photo(chromium: Browser, server: PageServer) -> None:
    """Chromium has a camera that shows a test picture; to press before it is there does nothing."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))))
    fake = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with chromium.browser_type.launch(
        executable_path=found, args=["--no-sandbox", *fake]
    ) as seeing:
        page = seeing.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{server.address}/predict")
        expect(page.get_by_text("No photo yet")).to_be_visible()
        page.get_by_text("Use the camera").click()
        page.get_by_test_id("stCameraInput").locator("video").wait_for()
        shutter = page.get_by_role("button", name="Take Photo")
        do_until(shutter.click, page.get_by_role("button", name="Clear photo"))
        expect(page.get_by_text("Most similar training photos")).to_be_visible()


def test_on_a_phone_a_new_class_is_sent_to_the_inbox(page: Page, server: PageServer) -> None:
    workspace = server.workspace
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.address}/predict")
    expect(page.get_by_text("No photo yet")).to_be_visible()
    page.locator("input[type=file]").first.set_input_files(show_photo(2))
    expect(page.get_by_text("Most similar training photos")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.get_by_role("combobox", name="No, it is")

    def type_name(name: str) -> None:
        box.click()
        box.fill(name)
        box.press("Enter")

    meant = page.get_by_role("button", name="Send: it is rose", exact=False)
    do_until(lambda: type_name("Roses"), meant.first)
    expect(page.get_by_text("Did you mean “rose”?")).to_be_visible()
    expect(meant).to_have_count(2)  # what was meant, and what was typed
    send = page.get_by_role("button", name="Send: it is sea holly")
    do_until(lambda: type_name("sea holly"), send)
    expect(page.get_by_text("is a new class")).to_be_visible()
    do_until(send.click, page.get_by_text("Your feedback waits for review"))
    wait_until(lambda: list_feedback(workspace) != [], "the feedback is there")
    assert [said.class_name for said in list_feedback(workspace)] == ["sea holly"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
