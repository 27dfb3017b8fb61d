"""Write a model as a zip for other programs: its formats, a README, model card and model.json.

The preprocessing of colours travels inside each format.
"""

import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.config import PHOTO_SIZE
from core.errors import DatasetMissing, ResultDamaged, RunMissing, RunUnfinished
from core.exporting.store import (
    FACTS,
    RECORD_FILE,
    ExportRecord,
    identify_export,
    read_export,
    sort_formats,
)
from core.formats import count, plain
from core.prediction.deciding import DecisionRule
from core.prediction.predictor import name_remedy
from core.prediction.rules import find_rule, read_distances
from core.prediction.unlike import UnlikeModel
from core.registry.files import read_file
from core.registry.loading import find_number, read_head
from core.registry.store import check_files, read_unlike
from core.reporting.contents import collect_report
from core.reporting.writing import open_templates, write_model_card
from core.runs.jobs import Report
from core.runs.result import check_model, read_result, read_run_head
from core.runs.store import read_run
from core.workspace import Workspace, digest_file, write_atomically, write_json
from data.export import report_failure
from models.backbone import NETWORK_FILE, BackboneFacts, read_backbone_facts, read_facts
from models.dense import DenseHead
from models.export_onnx import write_onnx

_TEMPLATES = open_templates(Path(__file__).parent)
_TEMPLATES.filters |= {"plain": plain, "count": count}
_GRADIO = "6.31.0"
_REQUIREMENTS = f"gradio=={_GRADIO}\nonnxruntime\nnumpy\npillow\n"


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """A model to export, with all that decides its answers."""

    title: str
    run_id: str
    classes: tuple[str, ...]
    network_file: Path
    """The OpenVINO network of the backbone (.xml)."""
    backbone: BackboneFacts
    head: DenseHead
    rule: DecisionRule | None
    unlike: UnlikeModel | None
    """None where the rule has no limit for photos unlike the training photos."""


@contextmanager
def open_subject(workspace: Workspace, model: str) -> Iterator[Subject]:
    """Yield the model; its network file exists until the block ends.

    Raises:
        VersionMissing: No version has that number.
        VersionDamaged: A byte of the version was changed.
        RunMissing: No run has that id.
        RunUnfinished: The run has no result (yet).
        ResultDamaged: Its result is truncated or damaged.
        BackboneMissing: Its backbone is not in the workspace, or was altered.
        FeaturesMissing: The rule of the run rejects unlike photos, but its features are missing.
    """
    number = find_number(model)
    if number is None:
        yield _read_run_subject(workspace, model)
        return
    version = check_files(workspace, number)
    with TemporaryDirectory(prefix="export-", dir=workspace.temporary) as folder:
        network = Path(folder) / NETWORK_FILE
        network.write_bytes(read_file(workspace, version, "network"))
        network.with_suffix(".bin").write_bytes(read_file(workspace, version, "weights"))
        yield Subject(
            title=f"{version.label} · {version.name}",
            run_id=version.run_id,
            classes=version.classes,
            network_file=network,
            backbone=read_facts(version.facts["backbone"]),
            head=read_head(workspace, version),
            rule=version.rule,
            unlike=read_unlike(workspace, version) if _rejects(version.rule) else None,
        )


def _read_run_subject(workspace: Workspace, run_id: str) -> Subject:
    run, result = read_run(workspace, run_id), read_result(workspace, run_id)
    check_model(result, run_id)
    with name_remedy(workspace, run_id):
        backbone = read_backbone_facts(workspace, result.backbone_id)
    rule = find_rule(workspace, run_id, result)
    return Subject(
        title=run.name,
        run_id=run_id,
        classes=result.classes,
        network_file=workspace.backbone_folder(backbone.id) / NETWORK_FILE,
        backbone=backbone,
        head=read_run_head(workspace, run_id),
        rule=rule,
        unlike=read_distances(workspace, run_id, result)[0] if _rejects(rule) else None,
    )


def _rejects(rule: DecisionRule | None) -> bool:
    return rule is not None and rule.unlike_limit is not None


def make_export(
    workspace: Workspace, model: str, formats: Sequence[str], report_step: Report
) -> ExportRecord:
    """Return the export of a model in these formats; make it if it is missing."""
    identifier = identify_export(workspace, model, formats)
    if (made := read_export(workspace, identifier)) is not None:
        return made
    folder = workspace.export_folder(identifier)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"petalscope-{model[:8]}-{identifier[:6]}.zip"
    record = write_zip(workspace, model, formats, target, report_step)
    write_json(folder / RECORD_FILE, asdict(record) | {"created": record.created.isoformat()})
    return record


def write_zip(
    workspace: Workspace, model: str, formats: Sequence[str], target: Path, report_step: Report
) -> ExportRecord:
    """Write the zip to the target file and return its record.

    Raises:
        ExportRefused: A format is unknown, or the target may not be written.
        DiskFull: The disk is full; no half-written file is left.
        PetalscopeError: The model cannot be opened; see `open_subject`.
    """
    identifier, formats = identify_export(workspace, model, formats), sort_formats(formats)
    with (
        report_failure(target, "export again; no half-written file is left."),
        TemporaryDirectory(prefix="export-", dir=workspace.temporary) as temporary,
        open_subject(workspace, model) as subject,
    ):
        folder = Path(temporary)
        write_models(folder, subject, formats, report_step)
        _write_documents(folder, workspace, subject, formats)
        report_step("packing", len(formats), len(formats) + 1)
        # Networks do not shrink: nothing is compressed.
        with (
            write_atomically(target) as part,
            zipfile.ZipFile(part, "w", strict_timestamps=False) as archive,
        ):
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                archive.write(path, f"{target.stem}/{path.relative_to(folder).as_posix()}")
    return ExportRecord(
        id=identifier,
        model=model,
        formats=formats,
        title=subject.title,
        file=target.name,
        bytes=target.stat().st_size,
        sha256=digest_file(target),
        created=datetime.now(UTC),
    )


def write_models(
    folder: Path, subject: Subject, formats: Sequence[str], report_step: Report
) -> None:
    """Write the model into the folder in each format."""
    network, facts, head = subject.network_file, subject.backbone, subject.head
    model: Any = None
    for done, name in enumerate(formats):
        report_step(FACTS[name].label, done, len(formats) + 1)
        file = folder / FACTS[name].path
        if name == "space":
            _write_space(file, subject)
        elif name == "onnx":
            _write_onnx(subject, file)
        else:
            os.environ["KERAS_BACKEND"] = "tensorflow"  # LiteRT is written by this one
            from models.export_keras import build_full_model

            model = model or build_full_model(network, facts, head)
            if name == "keras":
                model.save(file)
            else:
                model.export(str(file), format="litert", verbose=False)


def _write_onnx(subject: Subject, file: Path) -> None:
    known = None if subject.unlike is None else asdict(subject.unlike)
    write_onnx(subject.network_file, subject.backbone, subject.head, file, known)


def _write_space(folder: Path, subject: Subject) -> None:
    """Write the folder of a hosted Space."""
    folder.mkdir()
    shutil.copyfile(Path(__file__).with_name("space.py"), folder / "app.py")
    _write_onnx(subject, folder / "model.onnx")
    (folder / "requirements.txt").write_text(_REQUIREMENTS)
    title = json.dumps(subject.title, ensure_ascii=False)  # valid YAML, too
    (folder / "README.md").write_text(
        f"---\ntitle: {title}\nemoji: 🌼\ncolorFrom: green\ncolorTo: gray\nsdk: gradio\n"
        f"sdk_version: {_GRADIO}\napp_file: app.py\npinned: false\n"
        "tags: [image-classification, resnet50, petalscope]\n---\n\n"
        "Classifies a photo. MODEL_CARD.md says how good the model is.\n\n"
        "Here: `pip install -r requirements.txt`, then `python app.py`. As a Space: push this\n"
        'folder into a new one with the SDK Gradio (`git lfs track "*.onnx"` first).\n',
        encoding="utf-8",
    )


def _write_documents(
    folder: Path, workspace: Workspace, subject: Subject, formats: Sequence[str]
) -> None:
    """Write README.md, MODEL_CARD.md and model.json; the Space has its own copies."""
    readme = _TEMPLATES.get_template("readme.md.jinja")
    texts = {
        "README.md": readme.render(subject=subject, formats=formats, facts=FACTS),
        "MODEL_CARD.md": write_card(workspace, subject),
        "model.json": json.dumps(describe_model(subject), ensure_ascii=False, indent=1) + "\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        if "space" in formats and name != "README.md":
            (folder / "space" / name).write_text(text, encoding="utf-8")


def describe_model(subject: Subject) -> dict[str, Any]:
    """Return the content of model.json: the facts that a program needs to use the model."""
    rule = subject.rule or DecisionRule()
    return {
        "name": subject.title,
        "classes": list(subject.classes),
        "side": PHOTO_SIZE,
        "framing": subject.backbone.framing.how,
        "temperature": rule.temperature,
        "thresholds": [rule.threshold_of(name) for name in subject.classes],
        "unlike_limit": rule.unlike_limit,
    }


def write_card(workspace: Workspace, subject: Subject) -> str:
    """Return the model card of the run behind the model, measured on its validation photos.

    A version outlives its run and dataset; without them the card is short and says so.
    """
    try:
        run = read_run(workspace, subject.run_id)
        report = collect_report(workspace, run, "validation", pictures=0)
    except (RunMissing, RunUnfinished, ResultDamaged, DatasetMissing) as error:
        names = ", ".join(plain(name) for name in subject.classes)
        return (
            f"# {plain(subject.title)}\n\nResNet-50 ({plain(subject.backbone.weights_label)} "
            f"weights) with a head for {count(len(subject.classes), 'class')}.\n\n"
            f"Weights of the backbone: {plain(subject.backbone.origin)}, inside the model.\n\n"
            f"Its accuracy cannot be measured any more: {plain(error.problem)} The model is "
            f"complete.\n\nRun `{subject.run_id}`. Classes: {names}.\n"
        )
    return write_model_card(replace(report, rule=subject.rule))


def do_export(
    workspace: Workspace, parameters: Mapping[str, Any], report_step: Report
) -> Mapping[str, Any]:
    """Do the job: return the record of the export."""
    made = make_export(workspace, **parameters, report_step=report_step)
    return asdict(made) | {"created": ""}
