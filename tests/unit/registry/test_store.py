"""The registry's rows on each database: versions, aliases and the history, as they are read."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert

from core.errors import VersionMissing
from core.registry.events import ModelEvent, list_events, record_event
from core.registry.store import (
    aliases_table,
    find_version,
    list_versions,
    read_aliases,
    read_version,
    versions_table,
)
from core.runs.database import write_database
from core.workspace import Workspace

NOW = datetime(2026, 11, 20, 12, 30, 15, 123_456, tzinfo=UTC)


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    """Two versions, of which the second is champion."""
    with write_database(workspace) as connection:
        for letter in "ab":
            values = {
                "digest": letter * 64,
                "run": letter * 16,
                "dataset": "0123456789abcdef",
                "name": f"rosé {letter}",
                "facts": '{"classes": ["rosé", "tulip"]}',
                "who": "me",
                "created": NOW,
            }
            connection.execute(insert(versions_table).values(**values))
        alias = {"alias": "champion", "version": 2, "since": NOW}
        connection.execute(insert(aliases_table).values(**alias))
    return workspace


def test_versions_are_found_by_all_their_names(filled: Workspace) -> None:
    assert [version.label for version in list_versions(filled)] == ["v2", "v1"]
    first = read_version(filled, 1)
    assert (first.name, first.created, tuple(first.classes)) == ("rosé a", NOW, ("rosé", "tulip"))
    assert read_aliases(filled) == {"champion": 2}
    for text, number in (("champion", 2), ("v1", 1), ("2", 2), ("aaaa", 1), (" V2 ", 2)):
        assert find_version(filled, text).number == number
    for text in ("challenger", "v3", "aaa", "zzzz", ""):
        with pytest.raises(VersionMissing):
            find_version(filled, text)


def test_the_history_is_whole_and_newest_first(filled: Workspace) -> None:
    for number in range(3):
        facts = {"n": number, "note": "“so”"}
        event = ModelEvent(kind="promoted", version=2, former=1, who="me", facts=facts)
        record_event(filled, event)
    events = list_events(filled)
    assert [event.facts["n"] for event in events] == [2, 1, 0]
    assert (events[0].version, events[0].former, events[0].facts["note"]) == (2, 1, "“so”")
    assert events[0].time.tzinfo is not None
