"""Which weights are used, and where they come from: names of models/catalogue/.

Nothing is downloaded unless asked for, nothing silently replaced: a wrong file is an error.
"""

import contextlib
import functools
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import h5py

from core.config import OFFICIAL_WEIGHTS_URL, read_settings
from core.errors import NoticeNotAccepted, WeightsDamaged, WeightsMissing
from core.workspace import Workspace, digest_once, write_json
from models.catalogue import (
    DEFAULT,
    RANDOM,
    STARTER,
    USUAL_WIDTH,
    WIDTHS,
    Entry,
    GraphName,
    Inputs,
    read_catalogue,
)
from models.catalogue.arrays import check_layout

WeightsKind = str
"""A name of the catalogue."""

OFFICIAL_NAME = OFFICIAL_WEIGHTS_URL.rsplit("/", 1)[-1]

OFFICIAL_MD5 = "4d473c1dd8becc155b73f8504c6f6626"
"""Source: keras/src/applications/resnet.py of Keras 3.15.1, WEIGHTS_HASHES["resnet50"][1]."""

RANDOM_DIGEST = "random-damped-1"
"""Stands for what models/keras_backbone.py draws: the variant and its seed."""


GRAPH_ATTRIBUTE, INPUTS_ATTRIBUTE = "petalscope_graph", "petalscope_inputs"
"""What a .h5 that we write says of itself; without them it is V1 and wants what Keras' want."""

TUNED = "fine-tuned"
"""What weights are called that a run of the workspace trained."""

USUAL_NETWORK: tuple[GraphName, Inputs] = "v1", "caffe"

SUFFIXES = (".h5", ".npz", ".safetensors", ".onnx")
"""Of the formats that are read."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Weights of a backbone without its top; `file` is None where they are drawn at random."""

    name: WeightsKind = DEFAULT
    """The catalogue's; the user's own file of PETALSCOPE_WEIGHTS is “pretrained”."""
    file: Path | None
    digest: str
    """SHA-256 of the file, or the name of the random draw."""
    origin: str
    """Where they were found, for people."""
    official: bool
    """Whether they are what the catalogue names: by a known digest, or unchanged since they came
    from its address."""
    title: str = ""
    """What to call them where their file name says nothing: "fine-tuned", say."""
    graph: GraphName = "v1"
    inputs: Inputs = "caffe"
    width: int = USUAL_WIDTH
    """Length of a feature."""

    @property
    def network(self) -> tuple[GraphName, Inputs]:
        """What they fit, and how it wants photos."""
        return self.graph, self.inputs

    @property
    def label(self) -> str:
        """What to call them on screen."""
        if self.title:
            return self.title
        if self.file is None:
            return "random"
        return "ImageNet" if self.official else f"pretrained: {self.file.name}"


def find_weights(workspace: Workspace, name: WeightsKind = DEFAULT) -> Weights:
    """Return the weights of this name; never downloads.

    Raises:
        WeightsMissing: They are not on this machine, or nothing is called so.
        WeightsDamaged: The first file found is truncated, altered or another network's.
    """
    if name == RANDOM:
        return Weights(
            name=RANDOM,
            file=None,
            digest=RANDOM_DIGEST,
            origin="random initialisation",
            official=False,
        )
    return _find_default(workspace) if name == DEFAULT else _find_named(workspace, name)


def name_usual(workspace: Workspace, kept: Iterable[WeightsKind] = ()) -> WeightsKind:
    """Return which weights to look at photos with, when nobody chose: they need no download.

    `kept` are those that have looked at them already, the better ones first.
    """
    for name in kept:
        if name != RANDOM:
            return name
    try:
        return find_weights(workspace, DEFAULT).name
    except (WeightsMissing, WeightsDamaged):
        return STARTER


def list_weights(workspace: Workspace) -> list[Weights]:
    """Return all weights that are on this machine and whole, random ones among them."""
    found = []
    for name in read_catalogue():
        with contextlib.suppress(WeightsMissing, WeightsDamaged):
            found.append(find_weights(workspace, name))
    return found


def _find_named(workspace: Workspace, name: str) -> Weights:
    entry = find_entry(name)
    check_notice(workspace, entry)
    for file in _list_places(workspace, entry):
        if file.is_file():
            shipped = file.parent != workspace.weights
            found = describe_weights(
                file, "this program" if shipped else "the workspace", "", entry
            )
            official = shipped or found.digest == _read_notes(workspace, name).get("fetched")
            title = entry.title if official else f"{entry.title}: {file.name}"
            return replace(found, official=official, title=title)
    raise WeightsMissing(
        f"The weights “{entry.title}” are not on this machine.",
        f"Download them (python -m core weights download {name}), or fetch {entry.address} by hand "
        f"and put the file into {workspace.weights} as {name}{entry.suffix}"
        f"{' (then: python -m core weights convert FILE)' if entry.is_pickle else ''}.",
        address=entry.address,
        folder=str(workspace.weights),
    )


def _list_places(workspace: Workspace, entry: Entry) -> list[Path]:
    """Return where the file of an entry may be."""
    shipped = [Path(__file__).parent / entry.shipped] if entry.shipped else []
    return [*shipped, *(workspace.weights / f"{entry.name}{suffix}" for suffix in SUFFIXES)]


def _find_default(workspace: Workspace) -> Weights:
    if chosen := read_settings().weights:
        file = chosen.expanduser()
        if file.is_file():
            return describe_weights(file, "PETALSCOPE_WEIGHTS")
        raise WeightsMissing(
            f"PETALSCOPE_WEIGHTS names {file}, but no file is there.",
            "Correct the path, or unset PETALSCOPE_WEIGHTS to use the usual places.",
            file=str(file),
        )
    files = workspace.weights.glob("[!.]*.h5")
    stored = [file for file in files if file.stem not in read_catalogue()]
    if stored:  # the official name first
        first = min(stored, key=lambda file: (file.name != OFFICIAL_NAME, file.name))
        return describe_weights(first, "the workspace")
    cached = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras", "models", OFFICIAL_NAME)
    if cached.is_file():
        return _read_cached(cached)
    raise WeightsMissing(
        "The ImageNet weights of ResNet-50 are not on this machine.",
        f"Download them (python -m core weights --download), or fetch {OFFICIAL_WEIGHTS_URL} "
        f"by hand and put the file into {workspace.weights}. The starter's come with the program: "
        "--weights starter.",
        address=OFFICIAL_WEIGHTS_URL,
        folder=str(workspace.weights),
    )


def find_entry(name: str) -> Entry:
    """Return the entry of the catalogue that has this name.

    Raises:
        WeightsMissing: Nothing is called so.
    """
    try:
        return read_catalogue()[name]
    except KeyError:
        raise WeightsMissing(
            f"There are no weights called “{name[:80]}”.",
            f"Those that can be had are: {', '.join(read_catalogue())}.",
        ) from None


def check_notice(workspace: Workspace, entry: Entry) -> None:
    """Check that a person accepted what the entry asks for.

    Raises:
        NoticeNotAccepted: Nobody did, or the notice was another one.
    """
    if entry.notice and _read_notes(workspace, entry.name).get("accepted") != entry.notice:
        raise NoticeNotAccepted(
            f"“{entry.title}” has a notice that a person has to accept: {entry.notice}",
            f"Accept it on the training page, or with: "
            f"python -m core weights download {entry.name} --accept-licence",
            notice=entry.notice,
        )


def accept_notice(workspace: Workspace, name: str) -> None:
    """Keep that a person accepted the notice of these weights."""
    note_weights(workspace, name, accepted=find_entry(name).notice)


def _read_notes(workspace: Workspace, name: str) -> dict[str, str]:
    """Return what is kept about weights: what was accepted, and the digest of what was fetched."""
    try:
        notes: dict[str, str] = json.loads((workspace.weights / f"{name}.json").read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return notes


def note_weights(workspace: Workspace, name: str, **facts: str) -> None:
    """Keep facts about weights beside those that are known."""
    write_json(workspace.weights / f"{name}.json", _read_notes(workspace, name) | facts)


def describe_weights(
    file: Path, origin: str, title: str = "", entry: Entry | None = None
) -> Weights:
    """Return the weights in a file, after a check that they are those of their network without top.

    `entry` says what they should be; left out, ResNet-50 in Keras' layout. A .h5 may say its graph
    and inputs in attributes.

    Raises:
        WeightsDamaged: They are not.
    """
    entry = entry or read_catalogue()[DEFAULT]
    facts = file.stat()
    graph, inputs = _check_once(file, entry, facts.st_size, facts.st_mtime_ns)
    return Weights(
        name=entry.name,
        file=file,
        digest=digest_once(file),
        origin=origin,
        official=entry.name == DEFAULT and digest_once(file, "md5") == OFFICIAL_MD5,
        title=title,
        graph=graph,
        inputs=inputs,
        width=WIDTHS[graph],
    )


@functools.lru_cache(maxsize=64)
def _check_once(
    file: Path,
    entry: Entry,
    size: int,  # noqa: ARG001 (with it and the next the key)
    mtime_ns: int,  # noqa: ARG001
) -> tuple[GraphName, Inputs]:
    """Check a file once, as pages ask at every click; return its graph and inputs."""
    check_layout(file, entry.graph)
    if file.suffix != ".h5":
        return entry.graph, entry.inputs
    with h5py.File(file) as content:
        said = content.attrs
        return said.get(GRAPH_ATTRIBUTE, entry.graph), said.get(INPUTS_ATTRIBUTE, entry.inputs)


def _read_cached(file: Path) -> Weights:
    if digest_once(file, "md5") != OFFICIAL_MD5:
        raise WeightsDamaged(
            f"The weights in Keras' cache ({file}) are not the official ones by their digest.",
            "Delete that file, or download the weights into the workspace.",
            file=str(file),
        )
    return describe_weights(file, "Keras' cache")
