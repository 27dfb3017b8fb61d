"""What comes with an exported model: README.md, MODEL_CARD.md, model.json, and ten golden photos.

The right scores of golden photos are written down, so that every copy can be checked. They are the
dataset's own validation photos, made smaller and without their EXIF data (where and when they were
taken), or photos that the program draws itself, which are free of any licence.
"""

import hashlib
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import PIL
from PIL import Image

from core.errors import DatasetMissing, PhotoRefused, ResultDamaged, RunMissing, RunUnfinished
from core.exporting.subject import FACTS, Format, Subject
from core.formats import count, plain
from core.prediction.answers import phrase_answer, phrase_decision
from core.prediction.deciding import rank_classes, rule_to_facts
from core.prediction.rules import FrozenRule
from core.reporting.contents import collect_report
from core.reporting.writing import open_templates, write_model_card
from core.runs.store import read_run
from core.workspace import Workspace
from data.dataset import Dataset
from data.images import decode_photo, read_packed_photo
from data.manifest import read_dataset
from data.sources.sample import find_in_sample
from models.backbone import (
    OpenVinoBackbone,
    Precision,
    compile_network,
    suit_machine,
)

_TEMPLATES = open_templates(Path(__file__).parent)
_TEMPLATES.filters |= {"plain": plain, "count": count}
PHOTOS = 10
TOLERANCE = 1e-4
"""Most that a score may differ between the formats, all in float32."""

_SHORT_SIDE = 448

Origin = Literal["dataset", "drawn"]


def write_readme(subject: Subject, formats: tuple[Format, ...], golden: dict[str, Any]) -> str:
    """Return README.md: what is in the export and how each format is asked, in a few lines of code.

    Args:
        golden: What `describe_golden` returned.
    """
    template = _TEMPLATES.get_template("readme.md.jinja")
    return template.render(subject=subject, formats=formats, golden=golden, facts=FACTS)


def write_card(workspace: Workspace, subject: Subject) -> str:
    """Return the model card of the run behind the model, judged by its validation photos.

    A version outlives its run and dataset: where they are gone, a short card says so.
    """
    try:
        run = read_run(workspace, subject.run_id)
        report = collect_report(workspace, run, "validation", pictures=0)
    except (RunMissing, RunUnfinished, ResultDamaged, DatasetMissing) as error:
        return _write_short_card(subject, error.problem)
    return write_model_card(replace(report, rule=subject.rule))


def describe_model(subject: Subject, formats: tuple[Format, ...]) -> dict[str, Any]:
    """Return what model.json holds: all that a program wants to know of the model."""
    rule = subject.rule
    kept = rule and rule_to_facts(rule) | {"made": rule.made.isoformat()}
    return {
        "name": subject.name,
        "model": subject.model,
        "run": subject.run_id,
        "dataset": subject.dataset_id,
        "classes": list(subject.classes),
        "input": {
            "name": "photos",
            "shape": [None, subject.backbone.framing.side, subject.backbone.framing.side, 3],
            "dtype": "uint8",
            "colours": "RGB",
            "framing": subject.backbone.framing.how,
            "crops": f"inside ({subject.backbone.framing.crops})",
            "preprocessing": f"inside ({subject.backbone.preprocessing})",
        },
        "outputs": [
            {"name": "scores", "shape": [None, len(subject.classes)], "dtype": "float32"},
            {
                "name": "features",
                "shape": [None, subject.backbone.width],
                "dtype": "float32",
                "formats": ["openvino"],
            },
        ],
        "formats": {name: FACTS[name].path for name in formats},
        "rule": kept,
        "looks_for_unlike": subject.unlike is not None,
        "weights": {
            "label": subject.backbone.weights_label,
            "origin": subject.backbone.origin,
            "sha256": subject.backbone.weights_digest,
        },
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version(name) for name in ("keras", "openvino", "numpy", "pillow")},
    }


def _write_short_card(subject: Subject, problem: str) -> str:
    names = ", ".join(plain(name) for name in subject.classes)
    return (
        f"# {plain(subject.title)}\n\nResNet-50 ({plain(subject.backbone.weights_label)} weights) "
        f"with a head for {count(len(subject.classes), 'class')}.\n\n"
        f"Weights of the backbone: {plain(subject.backbone.origin)}, inside the model.\n\n"
        f"How good it is cannot be said any more: {plain(problem)} The model is whole.\n\n"
        f"Run `{subject.run_id}`, dataset `{subject.dataset_id}`.\n\nClasses: {names}.\n"
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class GoldenPhoto:
    """The bytes of one photo, and where it is from."""

    file: str
    content: bytes
    class_name: str
    """What it shows, as far as that is a class of the dataset; else ""."""


def choose_photos(
    workspace: Workspace, subject: Subject, origin: Origin
) -> tuple[Origin, list[GoldenPhoto]]:
    """Return where the photos are from at last, and the photos.

    Drawn ones are taken as well where the dataset is gone or has no validation photos.
    """
    if origin == "dataset":
        with suppress(DatasetMissing, ResultDamaged):
            if photos := _choose_own(read_dataset(workspace, subject.dataset_id)):
                return "dataset", photos
    return "drawn", _draw(subject.classes)


def describe_golden(
    subject: Subject, origin: Origin, photos: Sequence[GoldenPhoto]
) -> dict[str, Any]:
    """Return what golden.json holds: the scores and the answer of each photo, in float32."""
    packed = np.stack(
        [read_packed_photo(photo.content, subject.backbone.framing)[0] for photo in photos]
    )
    features, scores = _look(subject, packed, "f32")
    return {
        "origin": origin,
        "tolerance": TOLERANCE,
        "pillow": PIL.__version__,
        "program": _compare_precisions(subject, packed, scores),
        "photos": [
            {
                "file": photo.file,
                "class": photo.class_name,
                "packed_sha256": hashlib.sha256(seen.tobytes()).hexdigest(),
                **_describe_answer(subject, own, feature),
                "scores": [float(score) for score in own],
            }
            for photo, seen, own, feature in zip(photos, packed, scores, features, strict=True)
        ],
    }


def _choose_own(dataset: Dataset) -> list[GoldenPhoto]:
    """Return validation photos of as many classes as there are places, in the classes' order."""
    by_class = [dataset.photo_numbers("validation", name) for name in dataset.classes]
    filled = [numbers for numbers in by_class if len(numbers)]
    spread = np.linspace(0, len(filled), min(PHOTOS, len(filled)), endpoint=False).astype(int)
    chosen: list[int] = []
    for turn in range(PHOTOS):
        rest = [filled[place] for place in spread if turn < len(filled[place])]
        chosen += [int(numbers[turn]) for numbers in rest]
    return [
        _make(place, dataset.original(number), dataset.classes[dataset.labels[number]])
        for place, number in enumerate(sorted(chosen[:PHOTOS]), 1)
    ]


def _draw(classes: Sequence[str]) -> list[GoldenPhoto]:
    by_class: dict[str, list[bytes]] = {}
    with TemporaryDirectory() as folder:
        for photo in find_in_sample(Path(folder), lambda *_: None).photos:
            content = photo.file.read_bytes()
            with suppress(PhotoRefused):
                decode_photo(content)
                by_class.setdefault(str(photo.class_name), []).append(content)
    turns = zip_longest(*([(name, one) for one in own] for name, own in by_class.items()))
    found = [one for turn in turns for one in turn if one is not None]
    return [
        _make(place, content, name if name in classes else "")
        for place, (name, content) in enumerate(found[:PHOTOS], 1)
    ]


def _make(place: int, content: bytes, class_name: str) -> GoldenPhoto:
    """Return the photo upright, at most 448 px high or wide, as JPEG and PNG in turns."""
    image = decode_photo(content)[0]
    share = min(1.0, _SHORT_SIDE / min(image.size))
    image = image.resize([max(1, round(share * side)) for side in image.size])
    kind, ending = ("JPEG", "jpg") if place % 2 else ("PNG", "png")
    stream = io.BytesIO()
    Image.fromarray(np.asarray(image)).save(stream, kind)  # an array has no EXIF data
    return GoldenPhoto(
        file=f"{place:02d}.{ending}", content=stream.getvalue(), class_name=class_name
    )


def _look(
    subject: Subject, packed: np.ndarray, precision: Precision
) -> tuple[np.ndarray, np.ndarray]:
    """Return features (n, 2048) and scores (n, k) as the program computes them."""
    facts = replace(subject.backbone, precision=precision)
    network = compile_network(subject.network_file, precision, "latency")
    features = OpenVinoBackbone(facts, network).look(packed).features
    return features, subject.head.scores(features)


def _compare_precisions(subject: Subject, packed: np.ndarray, exact: np.ndarray) -> dict[str, Any]:
    """Return the precision that the program answers in here, and how far that is from float32."""
    precision = suit_machine(subject.backbone).precision
    scores = exact if precision == "f32" else _look(subject, packed, precision)[1]
    return {
        "precision": precision,
        "difference": float(np.abs(scores - exact).max()),
        "same_top": bool((scores.argmax(axis=1) == exact.argmax(axis=1)).all()),
    }


def _describe_answer(subject: Subject, scores: np.ndarray, features: np.ndarray) -> dict[str, Any]:
    """Return kind and class of the answer, and the answer in words."""
    rule = FrozenRule(subject.rule, subject.unlike, subject.classes)
    decision = rule.decide(scores, features)
    if decision is None:
        top = rank_classes(scores, subject.classes)
        return {"answer": ["answer", top[0][0]], "sentence": phrase_answer(top)}
    return {"answer": [decision.kind, decision.top[0][0]], "sentence": phrase_decision(decision)}
