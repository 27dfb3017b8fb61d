"""All photos of a folder, in object storage or here, answered by Ray Data into Parquet.

Ray reads bytes and data/images.py decodes them: a damaged photo becomes a row with its problem.
"""

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from core.cluster import connect, find_places, raise_faults
from core.errors import PhotoRefused, SourceRefused
from core.prediction.album import NamedPhoto, answer_photos
from core.prediction.answers import AnsweredPhoto, tabulate_answers
from core.prediction.deciding import Decision
from core.prediction.predictor import Predictor
from core.registry.files import read_file
from core.workspace import Workspace
from data.sources.layout import is_photo
from models.backbone import FACTS_FILE, NETWORK_FILE
from models.extraction import PackedNetwork, pack_network

PARQUET = ".parquet"
_AT_ONCE = 64


def is_address(text: str) -> bool:
    """Return whether a text names a folder of object storage."""
    return text.startswith(("s3://", "gs://"))


def answer_folder(
    workspace: Workspace, predictor: Predictor, places: tuple[str, str]
) -> Counter[tuple[str, str]]:
    """Write a row for each photo; return the number of photos by answer and problem.

    Args:
        places: Folder of the photos, and the folder of Parquet files to make: paths, s3://… or
            gs://…

    Raises:
        SourceRefused: There are no photos, the answers exist already, or a place cannot be used.
        ClusterFailed: No cluster answers, or it gave the work up.
    """
    from pyarrow import dataset

    photos, answers = places
    files, root, paths = _list_photos(photos)
    with _refusing(answers):
        target, place = _open_place(answers)
        if target.get_file_info(place).type.name != "NotFound":
            raise SourceRefused(f"{answers} is there already.", "Delete it, or name another.")
    ray = connect()
    from ray import data

    data.DataContext.get_current().enable_progress_bars = sys.stderr.isatty()
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    options, at_once = find_places(ray.nodes())
    cores = options["num_cpus"] / 2  # the other half reads
    model = ray.put((_pack(workspace, predictor), predictor.without_backbone, root))
    answered = data.read_binary_files(paths, filesystem=files, include_paths=True).map_batches(
        _Answerer,
        fn_constructor_args=[[model]],
        batch_size=_AT_ONCE,
        batch_format="pyarrow",
        num_cpus=cores if cores < 1 else int(cores),
        compute=data.ActorPoolStrategy(min_size=1, max_size=at_once),
    )
    with raise_faults(ray):
        answered.write_parquet(place, filesystem=target)
    found: Counter[tuple[str, str]] = Counter()
    stored = dataset.dataset(place, filesystem=target, format="parquet")
    for batch in stored.to_batches(columns=["answer", "problem"]):
        found.update((one["answer"] or "", one["problem"] or "") for one in batch.to_pylist())
    return found


def _list_photos(address: str) -> tuple[Any, str, list[str]]:
    """Return the file system of a folder, its path there, and the paths of its photos."""
    from pyarrow.fs import FileSelector, FileType

    with _refusing(address):
        files, root = _open_place(address)
        found = files.get_file_info(FileSelector(root, recursive=True))
    paths = (one.path for one in found if one.type == FileType.File)
    chosen = sorted(path for path in paths if is_photo(path.removeprefix(f"{root}/")))
    if not chosen:
        raise SourceRefused(f"There are no photos in {address}.", "Name the folder they are in.")
    return files, root, chosen


def _open_place(address: str) -> tuple[Any, str]:
    """Return the file system of an address, with the usual credentials, and the path in it."""
    from pyarrow.fs import FileSystem

    if not is_address(address):
        address = Path(address).expanduser().resolve().as_uri()
    files, path = FileSystem.from_uri(address)
    return files, path.rstrip("/")


@contextmanager
def _refusing(address: str) -> Iterator[None]:
    """Raise the errors of a file system as ours."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise SourceRefused(
            f"{address} cannot be used ({' '.join(str(error).split())[:200]}).",
            "Check the address, the network and what your credentials allow.",
        ) from error


def _pack(workspace: Workspace, predictor: Predictor) -> PackedNetwork:
    """Return the network of a run, or of a registered version, for nodes."""
    facts, version = predictor.backbone_facts, predictor.version
    if version is None:
        return pack_network(workspace, facts, purpose="latency")
    files = {
        NETWORK_FILE: read_file(workspace, version, "network"),
        NETWORK_FILE.replace(".xml", ".bin"): read_file(workspace, version, "weights"),
        FACTS_FILE: json.dumps(version.facts["backbone"]).encode(),
    }
    arrays = {name: np.frombuffer(content, np.uint8) for name, content in files.items()}
    return PackedNetwork(facts=facts, files=arrays, purpose="latency")


class _Answerer:
    """A model on a node; answers photos in batches."""

    def __init__(self, model: list[Any]) -> None:
        import ray

        network, make, self._root = ray.get(model[0])
        self._predictor = make(backbone=network.open())

    def __call__(self, photos: Any) -> Any:
        """Return a pyarrow table of answers for one of paths and bytes."""
        import pyarrow as pa

        named = [
            NamedPhoto(name=path.removeprefix(f"{self._root}/"), read=content.as_py)
            for path, content in zip(photos["path"].to_pylist(), photos["bytes"], strict=True)
        ]
        rows = []
        for photo, said in answer_photos(named, self._ask):
            if isinstance(said, PhotoRefused):
                rows.append(AnsweredPhoto(name=photo.name, refusal=said))
            else:
                rows.append(AnsweredPhoto(name=photo.name, sha256=said[0], answers=(said[1],)))
        table = tabulate_answers(rows, [self._predictor.run_id])
        kinds = {name: "float64" if name.startswith("score") else "string" for name in table}
        return pa.Table.from_pandas(table.astype(kinds), preserve_index=False)

    def _ask(self, content: bytes) -> tuple[str, Decision]:
        return sha256(content).hexdigest(), self._predictor.predict(content).decision
