"""A changed byte is refused; the former champion answers instead, and the history says so."""

import json

import numpy as np
import pytest

from core.errors import VersionDamaged
from core.registry.events import list_events
from core.registry.files import read_reference
from core.registry.loading import open_standing, open_version
from core.registry.promoting import promote
from core.registry.registering import register_run
from core.registry.store import list_versions, read_aliases
from core.workspace import Workspace
from tests.builders import draw_photo, encode_photo
from tests.registered import change_byte, change_row, register_versions, version_file

PHOTO = encode_photo(draw_photo(0, 3), quality=90)


def test_a_changed_byte_of_a_file_is_refused(trained_copy: Workspace) -> None:
    version = register_versions(trained_copy, 1)[0]
    for role in ("head", "unlike", "reference", "network", "weights"):
        change_byte(version_file(trained_copy, version, role))
        with pytest.raises(VersionDamaged, match=f"v1 is refused. Its file “{role}”"):
            open_version(trained_copy, 1)
        version_file(trained_copy, version, role).unlink()
        with pytest.raises(VersionDamaged):
            open_version(trained_copy, 1)
        with pytest.raises(VersionDamaged):
            promote(trained_copy, 1, reason="it cannot answer")
        if role == "reference":
            with pytest.raises(VersionDamaged):
                read_reference(trained_copy, version)
        assert register_run(trained_copy, version.run_id) == version  # what the message advises
    assert open_version(trained_copy, 1).version == version


def test_a_changed_row_is_refused(trained_copy: Workspace) -> None:
    version = register_versions(trained_copy, 2)[1]
    files = version.facts["files"]
    for change in (
        {"rule": {**version.facts["rule"], "threshold": 0.0001}},
        {"classes": version.facts["classes"][::-1]},
        {"files": {**files, "head": files["unlike"]}},
        {"rule_made": "yesterday"},  # not in the digest, because names may change
    ):
        facts = {**version.facts, **change}
        change_row(trained_copy, version, "facts", json.dumps(facts))
        with pytest.raises(VersionDamaged, match="v2 is refused"):
            open_version(trained_copy, 2)
    assert open_version(trained_copy, 1).version is not None
    change_row(trained_copy, version, "facts", "{}")
    assert register_run(trained_copy, version.run_id) == version  # what the message advises
    assert open_version(trained_copy, 2).version == version


def test_a_changed_column_is_refused(trained_copy: Workspace) -> None:
    version = register_versions(trained_copy, 1)[0]
    for column, value in (
        ("facts", "{"),
        ("facts", "[]"),
        ("facts", '{"format": NaN}'),
        ("run", "0123456789abcdef"),
        ("dataset", "0123456789abcdef"),
        ("digest", "0" * 64),
    ):
        change_row(trained_copy, version, column, value)
        with pytest.raises(VersionDamaged):
            open_version(trained_copy, 1)
        assert [one.number for one in list_versions(trained_copy)] == [1]  # and still listed
        if column != "digest":
            register_run(trained_copy, version.run_id)
            assert open_version(trained_copy, 1).version == version


def test_the_former_champion_answers(trained_copy: Workspace) -> None:
    versions = register_versions(trained_copy, 3)
    for version in versions:
        promote(trained_copy, version.number, reason="next", override=True)
    predictor, problem = open_standing(trained_copy)
    assert (predictor.version, problem) == (versions[2], None)
    for number in (3, 2):
        facts = {**versions[number - 1].facts, "best_epoch": 99}
        change_row(trained_copy, versions[number - 1], "facts", json.dumps(facts))
    for _ in range(2):
        predictor, problem = open_standing(trained_copy)
        assert predictor.version == versions[0] and isinstance(problem, VersionDamaged)
    refused = [event for event in list_events(trained_copy) if event.kind == "refused"]
    assert [(event.version, event.former) for event in refused] == [(3, 1)]  # recorded once
    assert read_aliases(trained_copy)["champion"] == 3
    change_row(trained_copy, versions[0], "facts", "{}")
    with pytest.raises(VersionDamaged, match="v3"):
        open_standing(trained_copy)


def test_what_answers_is_not_reached_by_a_change_on_disk(trained_copy: Workspace) -> None:
    version = register_versions(trained_copy, 1)[0]
    predictor = open_version(trained_copy, 1)
    before = predictor.predict(PHOTO)
    for role in ("weights", "head", "network"):
        file = version_file(trained_copy, version, role)
        with file.open("r+b") as opened:  # in place: a mapped file would change under the model
            opened.seek(file.stat().st_size // 3)
            opened.write(b"\xff" * 4096)
    np.testing.assert_array_equal(predictor.predict(PHOTO).scores, before.scores)
