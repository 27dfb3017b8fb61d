"""A Ray cluster of a head without cores and two nodes, of which one is taken away meanwhile."""

import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import ray
from sqlalchemy import text

from core import cluster
from core.cli.command import main
from core.cluster import find_places
from core.errors import ClusterFailed
from core.prediction.predictor import open_predictor
from core.runs.database import write_database
from core.runs.queue.queue import request_stop, submit_run
from core.runs.queue.run_lock import Attempt
from core.runs.result import read_result, read_run_features
from core.runs.run_files import curve, read_events
from core.runs.store import list_runs
from core.runs.training import preparing, strategies
from core.runs.training.executing import execute_run
from core.runs.training.preparing import (
    Preparation,
    delete_features,
    prepare_features,
)
from core.runs.training.views import PhotoSource
from core.workspace import Workspace
from data.manifest import read_dataset
from data.policy import AugmentationPolicy, Part
from models.backbone import Trunk
from models.extraction import PackedNetwork, Photos
from models.plan import FitWatch
from models.weights import find_weights
from tests.builders import draw_photo, encode_photo
from tests.object_storage import run_object_storage
from tests.serving_process import find_port
from tests.small_resnet import use_small_resnet
from tests.training import change_recipe, leave_out_measures

NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20}


class Nodes:
    """The nodes of a cluster, by the id that Ray gives them."""

    def __init__(self, head: Any) -> None:
        self.head = head
        self._by_id: dict[str, Any] = {}

    def add(self) -> None:
        """Start a node of one core."""
        node = self.head.add_node(**NODE)
        self._by_id[node.node_id] = node

    def take_away(self, identifier: str) -> None:
        """End a node as a power cut would."""
        self.head.remove_node(self._by_id.pop(identifier), allow_graceful=False)

    def fill(self) -> None:
        """Have two nodes with a core."""
        while len(self._by_id) < 2:
            self.add()
        self.head.wait_for_nodes()


@pytest.fixture(scope="module")
def started() -> Iterator[Nodes]:
    """A cluster that the setting “auto” finds."""
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory(prefix="ray-") as short, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", short)  # names of sockets are no longer than 107 characters
        head = {**NODE, "num_cpus": 0, "include_dashboard": False}
        nodes = Cluster(initialize_head=True, head_node_args=head)
        patch.setenv("RAY_ADDRESS", nodes.address)
        try:
            yield Nodes(nodes)
        finally:
            ray.shutdown()
            nodes.shutdown()


@pytest.fixture
def nodes(started: Nodes, trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> Nodes:
    """The cluster, with two nodes, which the settings of a trained workspace name."""
    assert list_runs(trained_copy)
    monkeypatch.setenv("PETALSCOPE_RAY_ADDRESS", "auto")
    started.fill()
    return started


def note_node(log: Path) -> None:
    """Write down on which node this is called."""
    with log.open("a") as file:
        file.write(f"{ray.get_runtime_context().get_node_id()}\n")


def read_notes(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


class NotedNetwork(PackedNetwork):
    """A network that notes its nodes, of which the second never finishes its first block."""

    log: Path

    def open(self) -> Trunk:
        """Return the network."""
        return _Noted(super().open(), self.log)  # type: ignore[return-value]


class _Noted:
    def __init__(self, network: Trunk, log: Path) -> None:
        self.facts, self.batch_size = network.facts, network.batch_size
        self._network, self._log = network, log

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        note_node(self._log)
        first, *others = dict.fromkeys(read_notes(self._log))
        if ray.get_runtime_context().get_node_id() in others:
            time.sleep(600)  # until the node is taken away
        while not others:
            time.sleep(0.05)
            others = [node for node in read_notes(self._log) if node != first]
        yield from self._network.stream(batches)


def take_second(nodes: Nodes, log: Path) -> str:
    """Wait until two nodes have noted themselves, take the second away, and return it."""
    while len(seen := [*dict.fromkeys(read_notes(log))]) < 2:
        time.sleep(0.05)
    nodes.take_away(seen[1])
    return seen[1]


@pytest.mark.slow
def test_a_node_is_lost_and_the_features_are_the_same_bits(
    trained_copy: Workspace, nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = read_result(trained_copy, list_runs(trained_copy)[0].id)
    before = np.array(read_run_features(trained_copy, result))
    delete_features(trained_copy, result.dataset_id)
    for module in (cluster, preparing):
        monkeypatch.setattr(module, "BLOCK", 2)
    monkeypatch.setattr(cluster.ClusterNetwork, "batch_size", 2)
    pack, log = cluster.pack_network, tmp_path / "log"

    def pack_noted(*what: Any, **how: Any) -> PackedNetwork:
        noted = NotedNetwork(**vars(pack(*what, **how)))
        object.__setattr__(noted, "log", log)
        return noted

    monkeypatch.setattr(cluster, "pack_network", pack_noted)
    by = Preparation(workspace=trained_copy)
    weights = find_weights(trained_copy, "random")
    with ThreadPoolExecutor(1) as at_once:
        taken = at_once.submit(take_second, nodes, log)
        dataset = read_dataset(trained_copy, result.dataset_id)
        made = prepare_features(by, dataset, weights, "resnet")
    assert np.array_equal(made.values, before)
    assert made.features_id == result.features_id
    assert read_notes(log).count(taken.result()) == 1  # its block was computed elsewhere


def fit_slowly(*what: Any, log: Path, go_on: Any) -> None:
    """Go on with a fit, with a pause after each epoch, on a node."""
    use_small_resnet()
    *job, watch, weights = what

    def tell(*what: Any) -> None:
        watch.on_epoch(*what)
        note_node(log)
        time.sleep(0.5)

    slow = FitWatch(on_epoch=tell, on_step=watch.on_step, should_stop=watch.should_stop)
    go_on(*job, slow, weights)


def read_curve(workspace: Workspace, run_id: str) -> list[dict[str, Any]]:
    """Return what of the epochs does not depend on the machine."""
    return leave_out_measures(curve(read_events(workspace.run_folder(run_id))[0]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("taken_after", "changes"),
    [
        (4, {"epochs": 12, "hidden": (16,), "dropout": 0.3}),
        (1, {"epochs": 3, "strategy": "last_stage"}),
    ],
    ids=["head", "stages"],
)
def test_the_node_of_a_run_is_lost_and_the_curve_is_the_same(
    trained_copy: Workspace,
    nodes: Nodes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    taken_after: int,
    changes: dict[str, Any],
) -> None:
    use_small_resnet(monkeypatch.setattr)
    wanted = change_recipe(trained_copy, **changes)
    there, _ = submit_run(trained_copy, wanted)
    log = tmp_path / "log"
    for name in ("_go_on_with_head", "_go_on_with_stages"):
        go_on = getattr(strategies, name)
        monkeypatch.setattr(strategies, name, partial(fit_slowly, log=log, go_on=go_on))
    told = Attempt.tell_epoch

    def take_node(attempt: Attempt, epoch: dict[str, Any], best: dict[str, Any]) -> None:
        told(attempt, epoch, best)
        if epoch["epoch"] == taken_after and len({*read_notes(log)}) == 1:
            nodes.take_away(read_notes(log)[-1])

    monkeypatch.setattr(Attempt, "tell_epoch", take_node)
    assert execute_run(trained_copy, there.id).state == "done"
    assert len({*read_notes(log)}) == 2  # it went on elsewhere
    by_cluster = read_curve(trained_copy, there.id)
    scores = read_result(trained_copy, there.id).scores
    monkeypatch.delenv("PETALSCOPE_RAY_ADDRESS")
    with write_database(trained_copy) as connection:
        connection.execute(text("DELETE FROM runs WHERE id = :id"), {"id": there.id})
    shutil.rmtree(trained_copy.run_folder(there.id))
    here, _ = submit_run(trained_copy, wanted)
    assert execute_run(trained_copy, here.id).state == "done"
    assert len(by_cluster) == wanted.epochs and read_curve(trained_copy, here.id) == by_cluster
    assert np.array_equal(read_result(trained_copy, here.id).scores, scores)


@pytest.mark.slow
def test_a_run_on_the_cluster_stops_and_keeps_its_best_epoch(
    trained_copy: Workspace, nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del nodes
    run, _ = submit_run(trained_copy, change_recipe(trained_copy, epochs=500, hidden=(16,)))
    slow = partial(fit_slowly, log=tmp_path / "log", go_on=strategies._go_on_with_head)
    monkeypatch.setattr(strategies, "_go_on_with_head", slow)
    told = Attempt.tell_epoch

    def stop(attempt: Attempt, epoch: dict[str, Any], best: dict[str, Any]) -> None:
        told(attempt, epoch, best)
        if epoch["epoch"] == 3:
            request_stop(trained_copy, run.id)

    monkeypatch.setattr(Attempt, "tell_epoch", stop)
    ended = execute_run(trained_copy, run.id)
    assert (ended.state, ended.stopped) == ("done", True)
    assert ended.device.endswith(", by Ray") and 3 <= ended.epochs_done < 20


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.*")
def test_a_bucket_is_answered_a_row_a_photo(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ray.shutdown()  # of the cluster above: it starts here alone
    run = list_runs(trained_copy)[0].id
    good = {f"{'ab'[n % 2]}/_{n}.jpg": encode_photo(draw_photo(n % 3, n)) for n in range(8)}
    photos = {**good, "a/broken.jpg": b"no photo", "a/notes.txt": b"", ".hidden/x.jpg": b""}
    with run_object_storage(monkeypatch) as files:
        for name, content in photos.items():
            with files.open_output_stream(f"photos/in/{name}") as stream:
                stream.write(content)
        to = "s3://photos/answers.parquet"
        try:
            code = main(["predict", run, "--dir", "s3://photos/in", "--to", to])
            assert main(["predict", run, "--dir", "s3://photos/in", "--to", to]) == 1
        finally:
            ray.shutdown()
        said = capsys.readouterr()
        found = pq.read_table("photos/answers.parquet", filesystem=files).to_pandas()
    assert code == 1 and "is there already" in said.err
    found = found.set_index("photo").sort_index()
    assert list(found.index) == sorted([*good, "a/broken.jpg"])
    assert "Unsupported file format" in found.loc["a/broken.jpg", "problem"]
    predictor = open_predictor(trained_copy, run)
    for name, content in good.items():
        top = predictor.predict(content).top
        assert found.loc[name, "class_1"] == top[0][0]
        assert found.loc[name, "score_1"] == pytest.approx(top[0][1], abs=1e-6)


def test_photos_travel_without_their_file(trained_workspace: Workspace) -> None:
    dataset = read_dataset(trained_workspace, list_runs(trained_workspace)[0].recipe.dataset)
    some = Photos(dataset.photos_file, np.array([5, 30, 2]))
    policy = AugmentationPolicy(rotation=Part(low=0.0, high=20.0, probability=1.0))
    here = PhotoSource(dataset, some, policy, seed=3)
    there = pickle.loads(pickle.dumps(here))
    rows = np.array([2, 0])
    assert np.array_equal(there.read(rows, 4), here.read(rows, 4))
    assert there.labels.tolist() == here.labels.tolist()


def test_tasks_have_a_gpu_or_the_cores_of_the_smallest_node() -> None:
    nodes = [
        {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 2.0}},
        {"Alive": True, "Resources": {"CPU": 6.0}},
        {"Alive": True, "Resources": {}},
        {"Alive": False, "Resources": {"CPU": 1.0}},
    ]
    assert find_places(nodes) == ({"num_cpus": 4.0, "num_gpus": 1}, 2)
    assert find_places([nodes[1], {"Alive": True, "Resources": {"CPU": 13.0}}]) == (
        {"num_cpus": 6.0},
        3,
    )
    with pytest.raises(ClusterFailed, match="has a core"):
        find_places(nodes[2:])


def test_a_cluster_that_does_not_answer_is_told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALSCOPE_RAY_ADDRESS", f"ray://127.0.0.1:{find_port()}")
    with pytest.raises(ClusterFailed, match="No Ray cluster answers"):
        cluster.connect()


def test_without_the_setting_ray_is_not_imported() -> None:
    code = """if True:
        import sys
        import core.cli.predicting, core.runs.worker, core.runs.scheduler, core.serving.api
        import core.ui.overview.page, core.runs.training.strategies, core.registry.folders
        assert "ray" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code], check=True)
