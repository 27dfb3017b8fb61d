"""Arrangements: kept by name, replaced whole, forgotten; also with several writers at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from core.runs.queue.scheduled import keep_arrangement, read_arrangement
from core.workspace import Workspace


def test_an_arrangement_is_kept_by_name_and_replaced_whole(on_each_database: Workspace) -> None:
    assert read_arrangement(on_each_database, "retraining") is None
    keep_arrangement(on_each_database, "retraining", {"after_photos": 40, "at": "03:00"}, who="ada")
    keep_arrangement(on_each_database, "monitoring", {"rules": [{"name": "drift"}]})
    keep_arrangement(on_each_database, "retraining", {"after_photos": 20})
    assert read_arrangement(on_each_database, "retraining") == {"after_photos": 20}
    assert read_arrangement(on_each_database, "monitoring") == {"rules": [{"name": "drift"}]}
    assert read_arrangement(on_each_database, "never kept") is None


def test_what_is_no_json_is_refused_and_the_former_stays(on_each_database: Workspace) -> None:
    keep_arrangement(on_each_database, "retraining", {"days": 7})
    with pytest.raises(ValueError):
        keep_arrangement(on_each_database, "retraining", {"days": float("nan")})
    assert read_arrangement(on_each_database, "retraining") == {"days": 7}


def test_of_many_writers_one_is_the_last(on_each_database: Workspace) -> None:
    def keep(number: int) -> None:
        keep_arrangement(on_each_database, "retraining", {"number": number})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, range(40)))
    kept = read_arrangement(on_each_database, "retraining")
    assert kept is not None and kept["number"] in range(40)
