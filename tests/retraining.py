"""Champions and reviewed photos for tests: a registry and an inbox without asking a model."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np

from core.monitoring.feedback import review_feedback
from core.monitoring.retraining import finish_retraining, start_retraining
from core.registry.promoting import promote
from core.registry.registering import register_run
from core.registry.store import ModelVersion
from core.runs.store import list_runs
from core.workspace import Workspace
from models.catalogue import FEATURE_WIDTH
from tests.builders import CLASSES, draw_photo, encode_photo
from tests.predictions import ask_and_tell
from tests.training import train


def let_first_run_answer(workspace: Workspace) -> ModelVersion:
    """Return the champion: the trained workspace's run, registered and promoted."""
    version = register_run(workspace, list_runs(workspace)[-1].id)
    promote(workspace, version.number, reason="the first")
    return version


def draw_new_photos(number: int, first: int = 100) -> list[tuple[str, bytes]]:
    """Return class and bytes of photos that no dataset of the tests has, classes in turn."""
    photos = []
    for turn in range(number):
        kind = turn % len(CLASSES)
        photo = draw_photo(kind, first + turn).rotate(40 + 3 * turn)
        photos.append((CLASSES[kind], encode_photo(photo, quality=90)))
    return photos


def review_photos(
    workspace: Workspace, version: ModelVersion, photos: Iterable[tuple[str, bytes]]
) -> list[int]:
    """Return the numbers of accepted feedback on photos that the version got wrong."""
    numbers = []
    for class_name, content in photos:
        wrong = next(name for name in version.classes if name != class_name)
        said = ask_and_tell(
            workspace,
            0,
            content,
            class_name,
            id=uuid.uuid4().hex,
            time=datetime.now(UTC),
            version=version.number,
            run_id=version.run_id,
            features=np.zeros(FEATURE_WIDTH),
            scores=np.zeros(len(version.classes)),
            top=wrong,
            properties={},
        )
        numbers.append(said.number)
    review_feedback(workspace, numbers, "accept", reviewer="tests")
    return numbers


def make_challenger(workspace: Workspace) -> None:
    """Let the first run answer, and trains its challenger from 6 reviewed photos by a worker."""
    champion = let_first_run_answer(workspace)
    review_photos(workspace, champion, draw_new_photos(6))
    run = train(workspace, start_retraining(workspace, who="tests"))
    assert run.state == "done", (workspace.run_folder(run.id) / "worker.log").read_text()
    finish_retraining(workspace, run.id)
