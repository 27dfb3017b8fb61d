"""All goes wrong at once: workers are killed, storage breaks answers, the database is away."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psycopg
import pytest

from core.runs.database import wait_for_database
from core.sharing import open_sharing
from core.workspace import Workspace
from tests.gathering import take_features, want_slowly
from tests.object_storage import break_answers, run_object_storage
from tests.postgres import create_database

WORKER = """
import sys, time
from core.runs.training import by_units
compute = by_units.compute_features
def slowly(*what):
    time.sleep(1.0)
    return compute(*what)
by_units.compute_features = slowly
sys.argv = ["worker", sys.argv[1]]
from core.workers.loop import main
main()
"""
AWAY_S = 5.0


@contextmanager
def keep_workers(folder: Path, killed: list[int]) -> Iterator[None]:
    """Keep two workers, each in a workspace of its own; every four seconds one is killed."""
    over = threading.Event()

    def begin(number: int) -> "subprocess.Popen[bytes]":
        place = {"PETALSCOPE_WORKSPACE": str(folder / f"worker-{number}")}
        command = [sys.executable, "-c", WORKER, f"storm/{number} cpu"]
        with (folder / f"log-{number}").open("ab") as log:
            return subprocess.Popen(command, env=os.environ | place, stderr=log)

    def storm() -> None:
        children = [begin(number) for number in range(2)]
        draw = random.Random(0)
        while not over.wait(4.0):
            number = draw.randrange(2)
            os.kill(children[number].pid, signal.SIGKILL)
            children[number].wait()
            killed.append(number)
            children[number] = begin(number)
        for child in children:
            child.kill()
            child.wait()

    thread = threading.Thread(target=storm)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def take_away(socket: Path, name: str) -> None:
    """Cut all connections to a database, and let none come for AWAY_S seconds."""
    with psycopg.connect(
        host=str(socket), user="petalscope", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        time.sleep(AWAY_S)
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@pytest.mark.slow
def test_each_part_counts_once_and_the_bits_are_the_same(
    trained_copy: Workspace, postgres: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"test_{uuid.uuid4().hex}"
    monkeypatch.setenv("PETALSCOPE_HEARTBEAT_TIMEOUT_S", "3")
    known = take_features(trained_copy, monkeypatch, rows=3)
    monkeypatch.setenv("PETALSCOPE_DATABASE_URL", create_database(postgres, name))
    monkeypatch.setenv("PETALSCOPE_STORAGE_URL", "s3://photos/petals")
    killed: list[int] = []
    away = threading.Thread(target=take_away, args=(postgres, name))
    with run_object_storage(monkeypatch) as endpoint:
        shared = open_sharing(trained_copy)
        assert shared is not None
        for key in shared.list_things():  # 90 MB: before answers break
            shared.push(key)
        with break_answers(endpoint) as broken:
            monkeypatch.setenv("AWS_ENDPOINT_URL", broken)
            with keep_workers(tmp_path, killed):
                time.sleep(1.0)
                away.start()
                made, here = want_slowly(trained_copy, known.dataset, monkeypatch)
        away.join()
    wait_for_database(0.0)
    assert len(killed) >= 2 and 0 < len(here) < 12  # some were done by those who lived
    assert np.array_equal(made, known.values)
