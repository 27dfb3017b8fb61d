"""How often drift raises an alarm: of unchanged photos (best never), and of darker ones.

The photos are validation photos of a run's dataset; no test photo is looked at. Samples are drawn
from the reference itself, and, which is harder, from photos that the reference does not hold.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.cli.choosing import choose_run
from core.evaluation.drift import FALSE_ALARMS, FAMILIES, Drift, PhotoSet, compare_photos
from core.formats import percent
from core.monitoring.drift import MEASURED, DriftReference, make_drift_reference
from core.monitoring.rules import DEFAULTS
from core.prediction.predictor import Predictor, open_predictor
from core.prediction.rules import read_distances
from core.registry.files import Reference, pack_reference, unpack_arrays
from core.runs.result import read_result, read_run_features
from core.workspace import Workspace
from data.findings import measure_photo
from data.manifest import read_dataset
from tests.bench.measuring import Figure, Report, say

ROUNDS = 100
_AT_ONCE = 32
_Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Subject:
    reference: DriftReference
    changed: dict[str, PhotoSet]
    """What was done to the reference photos → the photos then, in their order."""


def measure(workspace: Workspace, run: str = "latest", *, photos: int = 200) -> Report:
    """Count in how many of 100 draws the rules, as they are at first, raise an alarm.

    Args:
        workspace: Holds the run, its dataset and features.
        run: A finished run.
        photos: Of one draw.
    """
    record = choose_run(workspace, run)
    subject = _prepare(workspace, record.id)
    size = len(subject.reference.photos)
    figures = []
    for name, changed in {"unchanged": subject.reference.photos, **subject.changed}.items():
        say(f"Comparing 100 draws, {name}")
        for where, draw in (
            ("drawn from the reference", _resample),
            ("photos not in the reference", _halve),
        ):
            figures.append(_count(subject, changed, f"{name}, {where}", draw, photos))
    return Report(
        f"Draws of 100 in which drift raises an alarm, {record.name}",
        figures,
        {
            "run": record.id,
            "reference": f"{size} validation photos; half of them where the others are drawn",
            "photos of a draw": f"{photos}, at most the other half of the validation photos",
            "false alarms": f"wanted in at most {percent(FALSE_ALARMS, 100)} of the draws",
        },
    )


def _prepare(workspace: Workspace, run_id: str) -> _Subject:
    say("Reading the validation photos")
    result = read_result(workspace, run_id)
    dataset = read_dataset(workspace, result.dataset_id)
    features = read_run_features(workspace, result)
    held = Reference(**unpack_arrays(pack_reference(dataset, result, features)))
    model = read_distances(workspace, run_id, result).model
    reference = make_drift_reference(result.classes, held, model)
    rows = {digest: row for row, digest in enumerate(dataset.manifest["sha256"])}
    numbers = [rows[digest] for digest in reference.digests]
    predictor = open_predictor(workspace, run_id)
    changed = {}
    for name, share in (("brightness halved", 0.5), ("brightness less a tenth", 0.9)):
        say(f"Answering {len(numbers)} photos, {name}")
        darker = (np.asarray(dataset.photos[numbers]) * share).astype(np.uint8)
        changed[name] = _answer(predictor, reference, darker)
    return _Subject(reference=reference, changed=changed)


def _answer(predictor: Predictor, reference: DriftReference, photos: np.ndarray) -> PhotoSet:
    parts = [
        predictor.answer_packed(photos[start : start + _AT_ONCE])
        for start in range(0, len(photos), _AT_ONCE)
    ]
    features = np.concatenate([features for features, _ in parts])
    best = np.concatenate([scores.argmax(axis=1) for _, scores in parts])
    measured = [[measure_photo(photo)[name] for name in MEASURED] for photo in photos]
    # As the log keeps them.
    return reference.describe(
        features.astype(np.float16), np.array(measured), [predictor.classes[n] for n in best]
    )


def _count(subject: _Subject, changed: PhotoSet, name: str, draw: _Draw, photos: int) -> Figure:
    """Count in how many draws there is an alarm, and what has provably changed."""
    rng = np.random.default_rng(0)
    told: list[Drift] = []
    for _ in range(ROUNDS):
        before, now = draw(rng, len(changed))
        told.append(
            compare_photos(
                subject.reference.photos.take(before),
                changed.take(now[:photos]),
                classes=subject.reference.classes,
                components=subject.reference.component_names,
                properties=MEASURED,
            )
        )
    counts = {family: sum(drift.is_proven(family) for drift in told) for family in FAMILIES}
    proven = ", ".join(f"{family} {number}" for family, number in counts.items())
    alarms = sum(_is_alarm(drift) for drift in told)
    return Figure(name, alarms, f"of {ROUNDS}", note=f"proven: {proven}; n = {told[0].n}")


def _is_alarm(drift: Drift) -> bool:
    rules = [rule for rule in DEFAULTS if rule.name in FAMILIES]
    return any(
        rule.find_level(drift.size(next(f for f in FAMILIES if f == rule.name))) for rule in rules
    )


def _resample(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(size), rng.integers(0, size, size)


def _halve(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    order = rng.permutation(size)
    return order[: size // 2], order[size // 2 :]
