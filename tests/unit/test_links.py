"""Links: what one shows and nothing else, until it is taken back; forged ones show nothing."""

import json
from dataclasses import replace

import pytest

from core.errors import NotAllowed
from core.links import PAGES, find_guest, list_links, make_link, take_back_link, write_address
from core.people import Person, may, sees, sign
from core.workspace import Workspace


def read_token(workspace: Workspace, link: object) -> str:
    return write_address(workspace, link).partition("&link=")[2]  # type: ignore[arg-type]


def test_a_link_shows_what_it_names_on_its_pages_and_lets_nothing_be_done(
    workspace: Workspace,
) -> None:
    link = make_link(workspace, "run", "Run 1", "flowers-1", ["0123456789abcdef"])
    assert write_address(workspace, link).startswith("metrics?run=0123456789abcdef&link=")
    guest = find_guest(workspace, read_token(workspace, link))
    assert guest is not None and (guest.role, guest.name) == ("guest", "")
    by_link = replace(workspace, person=guest)
    assert by_link.run_folder("0123456789abcdef") and by_link.dataset_folder("flowers-1")
    assert not sees(by_link, "run")("ffffffffffffffff") and not sees(by_link, "dataset")("other-1")
    seen = {
        page for page in {*sum(PAGES.values(), ()), "desk"} if may(guest, "see", "page", page, {})
    }
    assert seen == set(PAGES["run"])
    for action in ("make", "change", "delete"):
        for kind in ("run", "selection", "prediction", "opening", "link", "analysis"):
            assert not may(guest, action, kind, "0123456789abcdef", {})  # type: ignore[arg-type]
    with pytest.raises(NotAllowed):
        make_link(by_link, "run", "another", "flowers-1", ["0123456789abcdef"])


def test_a_link_that_was_taken_back_or_forged_shows_nothing(workspace: Workspace) -> None:
    first, second = (make_link(workspace, "lesson", name, "flowers-1") for name in ("one", "two"))
    token = read_token(workspace, first)
    assert find_guest(workspace, token) is not None
    assert {link.name for link in list_links(workspace)} == {"one", "two"}
    student = replace(workspace, person=Person(id="mia", name="Mia", role="student"))
    with pytest.raises(NotAllowed):
        take_back_link(student, first.id)
    take_back_link(workspace, first.id)
    assert find_guest(workspace, token) is None
    assert [link.id for link in list_links(workspace)] == [second.id]
    body, seal = read_token(workspace, second).split(".")
    for forged in (
        f"{token.split('.')[0]}.{seal}",
        f"{body}.{'0' * 64}",
        sign(workspace.key_file, {"class": "x", "id": "mia", "role": "instructor"}),
        "",
    ):
        assert find_guest(workspace, forged) is None
    assert json.loads(workspace.link_file(second.id).read_text())["query"] == (
        "lesson?dataset=flowers-1"
    )
