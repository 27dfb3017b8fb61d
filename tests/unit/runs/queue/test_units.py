"""Units: each is one process's at a time; nothing is lost with who is killed, or counts twice."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from core.errors import UnitFailed
from core.runs.database import write_database
from core.runs.queue.units import (
    MOST_ATTEMPTS,
    Progress,
    claim_unit,
    finish_unit,
    forget_units,
    give_back_unit,
    lease_s,
    list_results,
    prepare_units,
    read_progress,
    renew_lease,
    units_table,
)
from core.workspace import Workspace


def let_time_pass(workspace: Workspace, seconds: float) -> None:
    with write_database(workspace) as connection:
        connection.execute(units_table.update().values(until=units_table.c.until - seconds))


def test_each_unit_is_claimed_once_by_many_at_once(on_each_database: Workspace) -> None:
    place = on_each_database
    prepare_units(place, "job", [5] * 20)
    prepare_units(place, "job", [7] * 30)  # who comes second changes nothing
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda n: claim_unit(place, "job", f"w{n}"), range(25)))
    numbers = [unit.number for unit in claimed if unit]
    assert sorted(numbers) == list(range(20)) and claimed.count(None) == 5
    assert read_progress(place, "job") == Progress(0, 100)


def test_a_lost_lease_gives_the_unit_to_another_and_the_first_result_counts(
    on_each_database: Workspace,
) -> None:
    place = on_each_database
    prepare_units(place, "job", [5])
    lost = claim_unit(place, "job", "killed")
    assert lost is not None and claim_unit(place, "job", "other") is None
    let_time_pass(place, lease_s() / 2)
    assert renew_lease(place, lost, "killed") and claim_unit(place, "job", "other") is None
    let_time_pass(place, 2 * lease_s())
    taken = claim_unit(place, "job", "other")
    assert taken == lost and not renew_lease(place, lost, "killed")
    assert finish_unit(place, lost, "first") == "first"  # it was slow, not dead: it is as good
    assert finish_unit(place, lost, "second") == "first"
    assert list_results(place, "job") == ["first"] and not renew_lease(place, lost, "other")
    assert read_progress(place, "job") == Progress(5, 5)
    forget_units(place, "job")
    assert read_progress(place, "job") == Progress(0, 0)


def test_the_last_waits_for_all_others_and_what_kills_all_is_said(
    on_each_database: Workspace,
) -> None:
    place = on_each_database
    prepare_units(place, "job", [5, 5, 0])
    for _ in range(3):  # storage that cannot be reached is no fault of the unit
        unit = claim_unit(place, "job", "w", last=2)
        assert unit is not None and unit.number == 0
        give_back_unit(place, unit, "w")
    for _ in range(MOST_ATTEMPTS):
        for number in (0, 1):
            unit = claim_unit(place, "job", "w", last=2)
            assert unit is not None and unit.number == number
            if not number:  # the least tried comes first: one that kills all keeps nobody busy
                killing = unit
        assert claim_unit(place, "job", "x", last=2) is None
        let_time_pass(place, 2 * lease_s())
    finish_unit(place, unit, "done")
    with pytest.raises(UnitFailed, match="Part 1 was begun 5 times"):
        claim_unit(place, "job", "w", last=2)
    assert claim_unit(place, "job", "w", last=2) == killing  # who has looked at it may try again
    assert claim_unit(place, "job", "w", last=2) is None
    finish_unit(place, killing, "done")
    last = claim_unit(place, "job", "w", last=2)
    assert last is not None and last.number == 2
