"""A Ray cluster of two nodes: one is taken away while features are computed; nothing is lost."""

import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest

from core.errors import ClusterMissing
from core.runs.queue.workers import list_workers
from core.workers.ray_actors import Cluster, keep_actors, list_places
from core.workspace import Workspace
from tests.gathering import take_features, want_slowly
from tests.processes import wait_until


def test_there_is_a_place_for_each_gpu_or_so_many_on_a_host() -> None:
    nodes = [
        {"Alive": True, "NodeName": "a", "NodeID": "1" * 56, "Resources": {"CPU": 8.0, "GPU": 2.0}},
        {"Alive": True, "NodeName": "b", "NodeID": "2" * 56, "Resources": {"CPU": 6.0}},
        {"Alive": True, "NodeName": "head", "NodeID": "3" * 56, "Resources": {}},
        {"Alive": False, "NodeName": "c", "NodeID": "4" * 56, "Resources": {"CPU": 6.0}},
    ]
    places = list_places(nodes, per_host=3)
    assert [(place.lane, dict(place.resources)) for place in places] == [
        ("a-111111/1 gpu", {"num_cpus": 4.0, "num_gpus": 1.0}),
        ("a-111111/2 gpu", {"num_cpus": 4.0, "num_gpus": 1.0}),
        *((f"b-222222/{number} cpu", {"num_cpus": 2.0, "num_gpus": 0.0}) for number in (1, 2, 3)),
    ]


def test_what_a_cluster_lacks_is_said(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ClusterMissing, match="PETALSCOPE_STORAGE_URL"):
        Cluster(workspace, "auto")
    monkeypatch.setenv("PETALSCOPE_STORAGE_URL", str(workspace.root / "store"))
    monkeypatch.setenv("PETALSCOPE_DATABASE_URL", f"sqlite:///{workspace.database_file}")
    with pytest.raises(ClusterMissing, match="no Ray cluster at"):
        Cluster(workspace, "127.0.0.1:9")


@pytest.mark.slow
def test_a_node_goes_away_and_the_features_are_the_same_bits(
    trained_copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray.cluster_utils import Cluster as Nodes

    monkeypatch.setenv("PETALSCOPE_STORAGE_URL", str(tmp_path / "store"))
    monkeypatch.setenv("PETALSCOPE_DATABASE_URL", f"sqlite:///{trained_copy.database_file}")
    monkeypatch.setenv("PETALSCOPE_HEARTBEAT_TIMEOUT_S", "5")
    short = tempfile.TemporaryDirectory(prefix="ray-")  # names of sockets are no longer than 107
    monkeypatch.setenv("TMPDIR", short.name)
    known = take_features(trained_copy, monkeypatch, rows=2)
    small = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    nodes = Nodes(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    try:
        second, ended, said = nodes.add_node(**small), threading.Event(), list[str]()
        nodes.wait_for_nodes()
        cluster = Cluster(trained_copy, nodes.address)
        keeper = threading.Thread(target=keep_actors, args=(cluster, ended, said.append))
        keeper.start()

        def take_node() -> None:
            wait_until(lambda: len(list_workers(trained_copy)) == 2, "both nodes are at it")
            nodes.remove_node(second)

        taker = threading.Thread(target=take_node)
        taker.start()
        try:
            made, here = want_slowly(trained_copy, known.dataset, monkeypatch)
            taker.join()
            wait_until(lambda: any("is lost" in line for line in said), "the loss is noticed")
        finally:
            ended.set()
            keeper.join()
    finally:
        nodes.shutdown()
        short.cleanup()
    assert 0 < len(here) < 18 and np.array_equal(made, known.values)
    assert sum(line.endswith("starts") for line in said) >= 2
