"""Which backbone is best for the photos of a dataset: measured by a job, and kept.

Each subject is an analysis of its own on the same training photos (core/exact/contest.py lays them
side by side): a backbone that comes later is measured alone. Of a large dataset a first look takes
1,000 photos, whose features are kept and copied later. Validation and test photos are not used.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from core.config import PHOTO_SIDES, PHOTO_SIZE, Framing, fingerprint, read_framing
from core.datasets.quality.results import (
    ResultFacts,
    has_result,
    read_array,
    read_facts,
    read_status,
    write_result,
)
from core.errors import (
    FeaturesMissing,
    PetalscopeError,
    RunStopped,
    WeightsDamaged,
    WeightsMissing,
)
from core.exact.contest import Contest, Measured, Subject
from core.exact.store import MODULE
from core.instant.leaving import answer_left_out
from core.instant.subsets import order_stratified
from core.runs.jobs import JobStatus, Tell, is_to_stop, start_job, stop_job
from core.runs.store import Phase
from core.runs.training.preparing import (
    Preparation,
    open_fast_backbone,
    prepare_features,
    prepare_photos,
)
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import read_dataset
from models.backbone import Preprocessing, backbone_id
from models.devices import find_device
from models.weights import Weights, WeightsKind, find_weights, list_weights

VERSION = 1
KIND, JOB = "backbone", "backbones"
SAMPLE = 1_000
"""Training photos that a first look takes, where there are many more."""
_LEAST_A_CLASS = 5
_WORTH_SAMPLING = 1.5
"""How many times as many there are then at least."""
_TIMED = 64
"""Photos that the speed is measured on, at least."""
_PREPROCESSING: Preprocessing = "resnet"
_PHASES: Mapping[str, str] = {"backbone": "preparing the backbone", "packing": "fitting photos"}


def choose_photos(dataset: Dataset, *, whole: bool) -> np.ndarray:
    """Return the training photos to measure on, (m,) int64 ascending: all, or 1,000 by class.

    Raises:
        FeaturesMissing: They show fewer than two classes.
    """
    train = dataset.photo_numbers("train")
    labels = dataset.labels[train]
    n_classes = len(np.unique(labels))
    if n_classes < 2:
        raise FeaturesMissing(
            f"The training photos of “{dataset.name}” do not show two classes: nothing to tell "
            "apart.",
            "Relabel photos, or move photos to train: page Dataset.",
            dataset=dataset.id,
        )
    wanted = max(SAMPLE, _LEAST_A_CLASS * n_classes)
    if whole or len(train) <= _WORTH_SAMPLING * wanted:
        return np.asarray(train)
    return np.asarray(np.sort(train[order_stratified(labels, np.random.default_rng(0))[:wanted]]))


def list_subjects(workspace: Workspace) -> list[Subject]:
    """Return what is measured first: all weights on this machine, photos shown as usual."""
    return [Subject(weights=found.name) for found in list_weights(workspace)]


def list_sizes(dataset: Dataset, weights: WeightsKind) -> tuple[list[Subject], str]:
    """Return other sizes, crops and fits of photos for weights, and why some are left out."""
    framings = [Framing(side=side) for side in PHOTO_SIDES if side != PHOTO_SIZE]
    framings += [Framing(how="pad"), Framing(crops="mirror"), Framing(crops="five")]
    shorter = dataset.manifest[["width", "height"]].min(axis=1)
    allowed = [one for one in framings if one.side <= PHOTO_SIZE or shorter.median() >= one.side]
    left_out = " and ".join(f"{one.side} px" for one in framings if one not in allowed)
    reason = f"Not possible: {left_out}. Most photos here are smaller." if left_out else ""
    return [Subject(weights=weights, framing=one) for one in allowed], reason


def read_contest(
    workspace: Workspace, dataset: Dataset, base: WeightsKind, *, whole: bool
) -> Contest:
    """Return what is measured, and what of this machine's weights is not yet.

    Raises:
        FeaturesMissing: There is nothing to measure on.
    """
    photos, every = choose_photos(dataset, whole=whole), choose_photos(dataset, whole=True)
    subjects = list_subjects(workspace)
    sizes = [size for one in subjects for size in list_sizes(dataset, one.weights)[0]]
    found = {one: _read(workspace, dataset, one, photos) for one in (*subjects, *sizes)}
    measured = sorted(filter(None, found.values()), key=lambda one: -one.accuracy)
    return Contest(
        photos=photos,
        of=len(every),
        measured=tuple(measured),
        missing=tuple(one for one in subjects if found[one] is None),
        base=base,
    )


def start_contest(
    workspace: Workspace, dataset: Dataset, subjects: Sequence[Subject], *, whole: bool
) -> None:
    """Start the job that measures these, as far as they are not kept, unless one is going."""
    asked = {"kind": JOB, "dataset": dataset.id, "whole": whole}
    asked["subjects"] = [one.describe() for one in subjects]
    start_job(workspace, workspace.analysis_folder(identify_job(dataset)), MODULE, asked)


def stop_contest(workspace: Workspace, dataset: Dataset) -> None:
    """Stop the job after the photos it has in work; what is done by then is kept."""
    stop_job(workspace.analysis_folder(identify_job(dataset)))


def read_contest_job(workspace: Workspace, dataset: Dataset) -> JobStatus | None:
    """Return the state of the job; None when none was started."""
    return read_status(workspace, identify_job(dataset))


def identify_job(dataset: Dataset) -> str:
    """Return the id of the folder that the job of a dataset has."""
    return fingerprint({"kind": JOB, "version": VERSION, "dataset": dataset.id})


def do_job(workspace: Workspace, asked: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Do what `start_contest` asked for; return whether a person stopped it."""
    dataset = read_dataset(workspace, asked["dataset"])
    subjects = [
        Subject(weights=one["weights"], framing=read_framing(one)) for one in asked["subjects"]
    ]
    try:
        make_contest(workspace, dataset, subjects, tell, whole=asked["whole"])
    except RunStopped:
        return {"stopped": True}
    return {"stopped": False}


def make_contest(
    workspace: Workspace,
    dataset: Dataset,
    subjects: Sequence[Subject],
    tell: Tell,
    *,
    whole: bool,
) -> None:
    """Measure every subject that is not kept yet; one that cannot be keeps no other from it.

    Raises:
        FeaturesMissing: There is nothing to measure on.
        RunStopped: A person stopped it; what was done is kept.
        WeightsDamaged, WeightsMissing: Raised when all others are measured.
    """
    broken: PetalscopeError | None = None
    photos, device = choose_photos(dataset, whole=whole), find_device()
    folder = workspace.analysis_folder(identify_job(dataset))
    for place, subject in enumerate(subjects, start=1):
        if has_result(workspace, _identify(workspace, dataset, subject, photos)):
            continue
        name = find_weights(workspace, subject.weights).label + subject.suffix
        listener = JobListener(tell, f"{name} ({place} of {len(subjects)})")
        by = Preparation(
            workspace=workspace,
            device=device,
            listener=listener,
            should_stop=lambda: is_to_stop(folder),
            photos=photos,
        )
        try:
            _measure(by, listener, dataset, subject, photos)
        except (WeightsDamaged, WeightsMissing) as error:
            broken = broken or error
    if broken is not None:
        raise broken


@dataclass
class JobListener:
    """Tells the preparation of features as phases of the job, and keeps the speed."""

    tell: Tell
    name: str
    phase: str = ""
    per_second: float | None = None

    def begin_phase(self, phase: Phase) -> None:
        self.phase = f"{self.name}: {_PHASES.get(phase, 'computing features')}"
        self.per_second = None
        self.tell(self.phase, 0, 0)

    def tell_progress(self, done: int, total: int, **facts: float | None) -> None:
        enough = done >= _TIMED and "computing" in self.phase
        self.per_second = facts.get("per_second") if enough else None
        self.tell(self.phase, done, total)


def _measure(
    by: Preparation, listener: JobListener, dataset: Dataset, subject: Subject, photos: np.ndarray
) -> None:
    start = time.perf_counter()
    weights = find_weights(by.workspace, subject.weights)
    listener.tell(f"{listener.name}: reading features", 0, 0)
    made = prepare_features(by, dataset, weights, _PREPROCESSING, subject.framing)
    rows = photos if len(made.values) == len(dataset) else np.arange(len(photos))
    labels = np.zeros(len(made.values), np.int64)
    labels[rows] = dataset.labels[photos]
    listener.tell(f"{listener.name}: leaving each photo out", 0, 0)
    answers = answer_left_out(made.values, labels, rows, len(dataset.classes))
    listener.tell(f"{listener.name}: measuring the speed", 0, 0)
    seconds = time.perf_counter() - start
    per_second = listener.per_second or _time(by, weights, dataset, subject, photos)
    facts = ResultFacts(
        id=_identify(by.workspace, dataset, subject, photos),
        kind=KIND,
        dataset=dataset.id,
        weights=weights.name,
        label=weights.label + subject.suffix,
        rest={
            "per_second": per_second,
            "seconds": seconds,
            "width": int(made.values.shape[1]),
            "size_bytes": 0 if weights.file is None else weights.file.stat().st_size,
        },
    )
    write_result(by.workspace, facts, arrays={"right": answers == dataset.labels[photos]})


def _time(
    by: Preparation, weights: Weights, dataset: Dataset, subject: Subject, photos: np.ndarray
) -> float:
    """Return how many photos go through the network in a second, measured on a few."""
    file = prepare_photos(by, dataset, subject.framing)
    network = open_fast_backbone(by, weights, _PREPROCESSING, subject.framing)
    packed = np.load(file, mmap_mode="r")
    seen = np.resize(photos, max(_TIMED, 2 * network.batch_size))
    batches = np.split(seen, range(network.batch_size, len(seen), network.batch_size))
    network.look(packed[batches[0]])  # what it does once, it does now
    start = time.perf_counter()
    for _ in network.stream(packed[one] for one in batches):
        pass
    return len(seen) / (time.perf_counter() - start)


def _identify(workspace: Workspace, dataset: Dataset, subject: Subject, photos: np.ndarray) -> str:
    weights = find_weights(workspace, subject.weights)
    backbone = backbone_id(weights, _PREPROCESSING, subject.framing)
    facts = {"kind": KIND, "version": VERSION, "dataset": dataset.id, "backbone": backbone}
    return fingerprint(facts | {"photos": sha256(photos.tobytes()).hexdigest()})


def _read(
    workspace: Workspace, dataset: Dataset, subject: Subject, photos: np.ndarray
) -> Measured | None:
    facts = read_facts(workspace, _identify(workspace, dataset, subject, photos))
    if facts is None:
        return None
    right = read_array(facts, "right")
    return Measured(subject=subject, label=facts.label, right=np.asarray(right), **facts.rest)
