"""A version that nobody needs goes, with its own files; what others need stays."""

import pytest

from core.errors import PetalscopeError, VersionMissing
from core.registry.events import list_events
from core.registry.loading import open_version
from core.registry.promoting import delete_version, promote, roll_back, set_challenger
from core.registry.registering import register_run
from core.registry.store import list_versions
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.registered import change_row, register_versions, version_file


def test_files_go_when_no_version_needs_them(trained_copy: Workspace) -> None:
    first, second = register_versions(trained_copy, 2)
    assert delete_version(trained_copy, 1, who="Ada") == 0  # v2 needs all of it
    assert open_version(trained_copy, 2).version == second
    with pytest.raises(VersionMissing):
        open_version(trained_copy, 1)
    freed = delete_version(trained_copy, 2)
    assert freed == sum(second.facts["sizes"].values())
    assert not version_file(trained_copy, first, "weights").exists()
    event = list_events(trained_copy)[1]
    assert (event.kind, event.version, event.who) == ("deleted", 1, "Ada")
    again = register_run(trained_copy, list_runs(trained_copy)[-1].id)
    assert again.number == 3  # numbers are not given again
    assert again.digest == second.digest


def test_who_answers_or_challenges_stays(trained_copy: Workspace) -> None:
    register_versions(trained_copy, 4)
    promote(trained_copy, 1, reason="first")
    promote(trained_copy, 2, reason="second", override=True)
    promote(trained_copy, 3, reason="third", override=True)
    set_challenger(trained_copy, 4)
    for number, alias in ((3, "champion"), (4, "challenger")):
        with pytest.raises(PetalscopeError, match=alias):
            delete_version(trained_copy, number)
    with pytest.raises(VersionMissing):
        delete_version(trained_copy, 9)
    delete_version(trained_copy, 2)
    assert [version.number for version in list_versions(trained_copy)] == [4, 3, 1]
    assert roll_back(trained_copy, reason="no").number == 1  # over the deleted one


def test_nothing_is_swept_while_a_row_is_damaged(trained_copy: Workspace) -> None:
    first, _ = register_versions(trained_copy, 2)
    change_row(trained_copy, first, "facts", "{}")
    assert delete_version(trained_copy, 2) == 0
    assert version_file(trained_copy, first, "head").exists()
