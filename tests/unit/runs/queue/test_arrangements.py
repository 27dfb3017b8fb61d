"""Arrangements: kept by name, replaced whole, forgotten; also with several writers at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from core.runs.queue.scheduled import keep_arrangement, read_arrangement
from core.workspace import Workspace


def test_an_arrangement_is_kept_by_name_and_replaced_whole(workspace: Workspace) -> None:
    assert read_arrangement(workspace, "retraining") is None
    keep_arrangement(workspace, "retraining", {"after_photos": 40, "at": "03:00"}, who="ada")
    keep_arrangement(workspace, "monitoring", {"rules": [{"name": "drift"}]})
    keep_arrangement(workspace, "retraining", {"after_photos": 20})
    assert read_arrangement(workspace, "retraining") == {"after_photos": 20}
    assert read_arrangement(workspace, "monitoring") == {"rules": [{"name": "drift"}]}
    assert read_arrangement(workspace, "never kept") is None


def test_what_is_no_json_is_refused_and_the_former_stays(workspace: Workspace) -> None:
    keep_arrangement(workspace, "retraining", {"days": 7})
    with pytest.raises(ValueError):
        keep_arrangement(workspace, "retraining", {"days": float("nan")})
    assert read_arrangement(workspace, "retraining") == {"days": 7}


def test_of_many_writers_one_is_the_last(workspace: Workspace) -> None:
    def keep(number: int) -> None:
        keep_arrangement(workspace, "retraining", {"number": number})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, range(40)))
    kept = read_arrangement(workspace, "retraining")
    assert kept is not None and kept["number"] in range(40)
