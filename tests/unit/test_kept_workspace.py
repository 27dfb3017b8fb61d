"""A workspace of the version before opens unchanged: ids, results, answers, labels, edits.

`kept_workspace.tar.xz` was made by commit 818dff6: two editions of a dataset, a head that was
trained, runs of the other strategies that were stopped, a sweep, a champion, two predictions with
feedback, edits that wait; without the network's weights and logs. Its folder `answers` has what the
commands said then. Whoever changes a format on purpose keeps this test and adds a new archive.
"""

import csv
import io
import json
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.config import fingerprint
from core.datasets.edits.tray import list_edits
from core.datasets.policies import read_policy
from core.datasets.quality.store import read_quality
from core.monitoring.feedback import list_feedback
from core.monitoring.log import read_predictions, write_csv
from core.prediction.deciding import read_rule
from core.registry.files import read_reference
from core.registry.loading import read_head
from core.registry.store import check_version, find_version
from core.runs.queue.control import extend_run
from core.runs.recipe.recipe import Recipe, recipe_from_json
from core.runs.result import read_result, read_run_head
from core.runs.store import list_runs, list_studies
from core.workspace import Workspace, open_workspace
from data.manifest import check_photos, read_dataset
from data.policy import PRESETS
from models.rows import read_kept
from tests.training import train
from tests.ui.driver import open_page

ARCHIVE = Path(__file__).with_name("kept_workspace.tar.xz")
DATASET, EDITED, RUN = "3def3a5a89be4503", "55e3461975b78ad2", "efc069ff05ed4189"

COMMANDS = {
    "datasets": ["datasets"],
    "compare": ["datasets", "compare", DATASET, EDITED],
    "runs": ["runs", "list"],
    "evaluate": ["evaluate", "kept", "--split", "validation"],
    "versions": ["promote", "--list"],
}

FINGERPRINTS: list[tuple[str, dict[str, Any]]] = [
    ("c25c1bcb94bab6bb", {}),
    (
        "0fc6789420863ac0",
        {
            "weights": "random",
            "weights_digest": "random-damped-1",
            "hidden": (256, 128),
            "epochs": 20,
            "seed": 3,
        },
    ),
    (
        "96498db4c21c0e23",
        {
            "augmentation": PRESETS["gentle"],
            "views": 4,
            "class_weights": True,
            "patience": 3,
            "split_seed": 5,
        },
    ),
    (
        "8af8e7048042626d",
        {
            "strategy": "last_stage",
            "augmentation": PRESETS["strong"],
            "views": 2,
            "optimizer": "sgd",
            "momentum": 0.8,
            "weight_decay": 1e-4,
            "learning_rate": 0.01,
            "precision": "mixed",
        },
    ),
    (
        "181dba912d548822",
        {
            "strategy": "full",
            "augmentation": PRESETS["randaugment"],
            "schedule": "cosine",
            "warmup_epochs": 2,
            "mixup": 0.2,
            "label_smoothing": 0.1,
            "batch_size": 16,
        },
    ),
    ("b5c98c422e260958", {"speed": "fast"}),
    ("8b20aa3d8e8b0601", {"weights": "dino"}),
    (
        "51cc1c017225a60e",
        {
            "strategy": "two_phases",
            "head_epochs": 3,
            "unfrozen": 2,
            "fine_learning_rate": 1e-5,
            "optimizer": "adamw",
            "weight_decay": 0.01,
            "schedule": "plateau",
            "preprocessing": "unit",
            "standardise": False,
            "dropout": 0.0,
        },
    ),
]
"""Ids that version 2 of the recipe gave, and what is not a default in each recipe."""


@pytest.fixture
def answers(workspace: Workspace, tmp_path: Path) -> Path:
    """What the commands answered then; the settings point to the workspace they answered about."""
    shutil.rmtree(workspace.root)
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    open_workspace()
    return tmp_path / "answers"


INTERVAL = re.compile(r"[._](low|high|method): ")
"""What was told otherwise on purpose: intervals that hold with few photos, and how they are had."""


GONE = re.compile(r"\.(submitter|lane): .* → missing")
"""What is not told any more: who submitted a run, since class mode went."""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_answers_as_before(
    name: str, answers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*COMMANDS[name], "--json"]) == 0
    now = json.loads(capsys.readouterr().out)
    changes = find_changes(json.loads((answers / f"{name}.json").read_text()), now)
    changes = [one for one in changes if not GONE.search(one)]
    assert [one for one in changes if not (name == "evaluate" and INTERVAL.search(one))] == []


def test_the_log_is_as_before(answers: Path, workspace: Workspace) -> None:
    written = io.StringIO()
    write_csv(read_predictions(workspace), written)
    before, now = (
        list(csv.DictReader(text.splitlines()))
        for text in ((answers / "log.csv").read_text(encoding="utf-8"), written.getvalue())
    )
    assert find_changes(before, now) == []


@pytest.mark.usefixtures("answers")
def test_an_analysis_and_a_tray_are_read(workspace: Workspace) -> None:
    found = read_quality(workspace, DATASET)
    assert found is not None and len(found.photos) == 21
    edits = [(edit.path, edit.action, edit.note) for edit in list_edits(workspace, EDITED)]
    assert edits == [("daisy/daisy_003.jpg", "exclude", "waits in the tray")]


@pytest.mark.usefixtures("answers")
def test_every_run_has_the_id_of_its_recipe(workspace: Workspace) -> None:
    runs = list_runs(workspace)
    assert {run.recipe.strategy for run in runs} == {"head", "last_stage", "full", "two_phases"}
    for run in runs:
        text = (workspace.run_folder(run.id) / "recipe.json").read_text(encoding="utf-8")
        assert run.recipe == recipe_from_json(text)
        assert run.id == run.recipe.run_id == fingerprint(run.recipe)
    assert [study.name for study in list_studies(workspace)] == ["small"]


@pytest.mark.usefixtures("answers")
def test_what_was_made_is_read(workspace: Workspace) -> None:
    dataset, edited = read_dataset(workspace, DATASET), read_dataset(workspace, EDITED)
    check_photos(dataset)
    assert (len(dataset), edited.parent) == (21, DATASET)
    result = read_result(workspace, RUN)
    assert result.scores.shape == (21, 3)
    assert read_kept(workspace, result.features_id).shape == (21, 2048)
    assert read_run_head(workspace, RUN).kernels[0].shape == (2048, 3)
    assert read_rule(workspace, RUN).threshold == 0.2  # type: ignore[union-attr]
    assert read_policy(workspace, "mine") == PRESETS["gentle"]
    assert [said.final_class or said.class_name for said in list_feedback(workspace)] == ["tulip"]


@pytest.mark.usefixtures("answers")
def test_the_champion_is_whole_but_for_the_weights_that_were_left_out(workspace: Workspace) -> None:
    version = check_version(find_version(workspace, "champion"))
    assert (version.number, version.run_id) == (1, RUN)
    assert read_head(workspace, version).kernels[0].shape == (2048, 3)
    assert len(read_reference(workspace, version)["labels"]) > 0


@pytest.mark.slow
@pytest.mark.usefixtures("answers")
def test_every_page_opens() -> None:
    """What needs the weights that were left out says so; no page breaks."""
    pages = sorted((ARCHIVE.parents[2] / "pages").glob("*.py"))
    opened = {page.stem: open_page(page.stem) for page in pages}
    assert not {name: app.exception for name, app in opened.items() if app.exception}
    assert [name for name, app in opened.items() if not app.title] == []


@pytest.mark.slow
@pytest.mark.usefixtures("answers")
def test_a_run_goes_on_from_its_checkpoint(workspace: Workspace) -> None:
    before = read_result(workspace, RUN)
    run = train(workspace, extend_run(workspace, RUN, 1)[0])
    assert run.state == "done", (workspace.run_folder(run.id) / "worker.log").read_text()
    now = read_result(workspace, run.id)
    assert len(now.history) == 4
    facts = workspace.features_file(now.features_id).with_suffix(".json").read_text()
    if json.loads(facts)["precision"] == "bf16":
        changes = find_changes(before.history, now.history[:3])
        assert [one for one in changes if "memory" not in one and "gpu_share" not in one] == []
    else:  # this processor has no bfloat16: other features, so the run begins again
        losses = [[epoch["loss"] for epoch in one.history[:3]] for one in (before, now)]
        assert losses[1] == pytest.approx(losses[0], abs=0.05)


def test_fingerprints_of_recipes_are_those_of_before() -> None:
    wrong = {
        known: recipe.run_id
        for known, values in FINGERPRINTS
        if (recipe := make_recipe(values)).run_id != known
    }
    assert wrong == {}


def make_recipe(values: dict[str, Any]) -> Recipe:
    return Recipe(**{"dataset": "0123456789abcdef", "weights_digest": "d" * 64} | values)


def find_changes(before: Any, now: Any, where: str = "") -> list[str]:
    """Return where `now` says something else; it may say more than before."""
    if isinstance(before, dict) and isinstance(now, dict):
        return [
            change
            for name, value in before.items()
            for change in find_changes(value, now.get(name, "missing"), f"{where}.{name}")
        ]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return [one for i, pair in pairs for one in find_changes(*pair, f"{where}[{i}]")]
    same = pytest.approx(before, rel=1e-6) if isinstance(before, float) else before
    return [] if now == same else [f"{where}: {before} → {now}"]
