"""A workspace with features that were removed since opens: nothing of it is lost or changed.

`kept_workspace_2.tar.xz` was made by commit 2e9f89f: a run on random weights, one on DINO's, one
on BiT's by the exact head, one in 8-bit integers, one in the bin; a tag, a saved selection, the
worth of photos, a forecast, dials, edits; three model versions, the last with costs and a
prediction set in its rule; three predictions, one with feedback; retraining by the clock. Networks,
weights, logs and features of the three other runs were left out. `answers` has the commands' output
of then.
"""

import csv
import hashlib
import json
import re
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.cli import main
from core.config import fingerprint
from core.datasets.edits.tray import list_edits
from core.datasets.tags import list_tags, read_tags
from core.errors import NetworkUnsupported
from core.exporting.making import make_export
from core.monitoring.feedback import list_feedback
from core.monitoring.log import read_predictions
from core.prediction.deciding import decide, read_rule
from core.prediction.explaining import open_explainer
from core.prediction.predictor import open_predictor
from core.registry.loading import read_head
from core.registry.registering import register_run
from core.registry.store import check_version, find_version
from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import recipe_from_json
from core.runs.result import read_result
from core.runs.store import list_runs, read_run
from core.runs.training.preparing import find_recipe_weights
from core.workspace import Workspace, open_workspace, sweep_leftovers
from data.manifest import check_photos, read_dataset
from tests.ui.driver import open_page
from tests.unit.test_kept_workspace import find_changes

ARCHIVE = Path(__file__).with_name("kept_workspace_2.tar.xz")
DATASET = "5554149d1d6a40f7"
HEAD, DINO = "dddcc6c5b95fdd34", "c0657e46310f77bc"
BIT, INT8 = "24f9442694bc5171", "acc207b92255e204"
EXPECTED = re.compile(
    r"^\.runs\[\d\]\.(submitter|lane): |^\.cross_validation: |^\.baselines: .*majority"
    r"|^\.warning: .*fewer than 20 validation photos"
    r"|\.method: Wilson → widened Wilson|\.difference_(low|high): "
    r"|\.areas\.per_class\[\d\]\.\w+_(low|high): .* → missing"
)
"""Accounts, lanes and cross-validation are gone; baselines need the features that were left out;
the warning of small classes has other words; intervals keep Holm's factor, Wilson's are widened;
areas of single classes have no interval."""
LEFT_ALONE = (
    *("arrangements.json", "bin", "journal.jsonl", "selections", "speeds.json"),
    *("registry/*.json", "runs/*/run.json"),
)
"""What belongs to features that were removed, beside their analyses."""

COMMANDS = {
    "datasets": ["datasets"],
    "runs": ["runs", "list"],
    "versions": ["promote", "--list"],
    **{
        f"evaluate-{run}": ["evaluate", run, "--split", "validation"]
        for run in ("head", "dino", "bit", "int8")
    },
}


@pytest.fixture
def answers(workspace: Workspace, tmp_path: Path) -> Path:
    """The folder of the answers of then; the settings point to the workspace beside it."""
    shutil.rmtree(workspace.root)
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    open_workspace()
    return tmp_path / "answers"


def digest_left_alone(workspace: Workspace) -> dict[str, str]:
    """Return the digest of each file that belongs to a removed feature."""
    places = [path for name in (*LEFT_ALONE, "analyses") for path in workspace.root.glob(name)]
    files = [file for place in places for file in (place, *place.rglob("*")) if file.is_file()]
    return {
        file.relative_to(workspace.root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_answers_as_before(
    name: str, answers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*COMMANDS[name], "--json"]) == 0
    now = json.loads(capsys.readouterr().out)
    changes = find_changes(json.loads((answers / f"{name}.json").read_text()), now)
    assert [one for one in changes if not EXPECTED.search(one)] == []


@pytest.mark.usefixtures("answers")
def test_every_run_keeps_its_recipe_and_scores(workspace: Workspace) -> None:
    runs = list_runs(workspace)
    assert {run.name for run in runs} == {"head", "dino", "bit", "int8"}
    for run in runs:
        text = (workspace.run_folder(run.id) / "recipe.json").read_text(encoding="utf-8")
        assert run.recipe == recipe_from_json(text)
        assert run.id == run.recipe.run_id == fingerprint(run.recipe)
        np.testing.assert_allclose(read_result(workspace, run.id).scores.sum(axis=1), 1, atol=1e-5)


@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize("run", [DINO, BIT, INT8])
def test_a_run_on_another_network_answers_no_new_photo_and_says_why(
    workspace: Workspace, run: str
) -> None:
    asked: list[Callable[[], object]] = [
        lambda: open_predictor(workspace, run),
        lambda: open_explainer(workspace, run).explain(0, [0]),
        lambda: register_run(workspace, run),
        lambda: make_export(workspace, run, ("keras",), lambda *_: None),
        lambda: submit_run(workspace, replace(read_run(workspace, run).recipe, seed=7)),
        lambda: find_recipe_weights(workspace, read_run(workspace, run).recipe),
    ]
    for ask in asked:
        with pytest.raises(NetworkUnsupported, match="not supported by this version") as refused:
            ask()
        assert "Its scores stay" in refused.value.remedy


@pytest.mark.usefixtures("answers")
def test_tags_edits_and_photos_are_read(workspace: Workspace) -> None:
    dataset = read_dataset(workspace, DATASET)
    check_photos(dataset)
    assert list_tags(workspace) == {"odd": 2}
    tagged = dataset.manifest["path"].to_numpy()[read_tags(workspace, dataset).find_bearers("odd")]
    assert set(tagged) == {"daisy/daisy_003.jpg", "rose/rose_001.jpg"}
    edits = [(edit.path, edit.action) for edit in list_edits(workspace, DATASET)]
    assert edits == [("daisy/daisy_001.jpg", "exclude")]


def test_the_log_and_its_feedback_are_read(answers: Path, workspace: Workspace) -> None:
    rows = csv.DictReader((answers / "log.csv").read_text(encoding="utf-8").splitlines())
    before = {row["id"]: (row["top"], row["run_id"]) for row in rows}
    table = read_predictions(workspace)
    assert {row.id: (row.top, row.run_id) for row in table.itertuples()} == before
    assert [one.class_name for one in list_feedback(workspace)] == ["daisy"]


@pytest.mark.usefixtures("answers")
def test_the_champion_answers_by_the_threshold_of_its_rule(workspace: Workspace) -> None:
    """Its rule had costs and a set: the threshold and the limit of the distance remain."""
    version = check_version(find_version(workspace, "champion"))
    assert (version.number, version.run_id) == (3, HEAD)
    assert read_head(workspace, version).kernels[0].shape == (2048, 3)
    rule = read_rule(workspace, HEAD)
    assert rule is not None and rule.unlike_limit is not None
    decision = decide(rule, np.array([0.1, 0.8, 0.1]), version.classes, 1.0)
    assert (decision.kind, decision.top[0][0]) == ("answer", "rose")


@pytest.mark.usefixtures("answers")
def test_what_belongs_to_a_removed_feature_is_left_alone(workspace: Workspace) -> None:
    before = digest_left_alone(workspace)
    assert {name.split("/")[0] for name in before} >= {"bin", "selections", "analyses"}
    assert main(["runs", "tag", HEAD, "seen"]) == 0
    open_page("overview")
    sweep_leftovers(workspace)
    assert digest_left_alone(workspace) == before


@pytest.mark.slow
@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize("run", [HEAD, DINO])
def test_every_page_opens(run: str) -> None:
    pages = sorted((ARCHIVE.parents[2] / "pages").glob("*.py"))
    opened = {page.stem: open_page(page.stem, run=run) for page in pages}
    assert not {name: app.exception for name, app in opened.items() if app.exception}
