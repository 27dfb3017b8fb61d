"""Models of other programs: opened, tried, added as a run; and what is refused."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.errors import ModelRefused
from core.prediction.predictor import open_predictor
from core.runs.adding_models import add_model
from core.runs.output_orders import Share, judge_orders, pick_order
from core.runs.result import read_result
from core.runs.training.executing import execute_run
from core.runs.trying import Proposal, say, try_model
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import import_source
from models import foreign, opening
from models.backbone import BackboneFacts, Preprocessing, read_backbone_facts
from models.graph import to_scores
from models.opening import Opened, collect_files
from tests.other_models import (
    FLOWERS,
    Weights,
    make_keras,
    make_onnx,
    make_teachable_machine,
    write_flowers,
    write_names,
)


@pytest.fixture
def flowers(workspace: Workspace, tmp_path: Path) -> Dataset:
    return import_source(workspace, write_flowers(tmp_path / "flowers"))


def _try(file: Path, dataset: Dataset) -> tuple[Opened, Proposal]:
    folder = file.parent / "opened"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return try_model(file, folder, dataset)


def _add(
    workspace: Workspace, dataset: Dataset, file: Path, **choices: str
) -> tuple[Proposal, BackboneFacts, float, str]:
    """Add a model, and return its proposal, facts, accuracy on all photos, and run."""
    opened, proposal = _try(file, dataset)
    run, is_new, said = add_model(workspace, dataset, opened, proposal.choose(**choices), "mine")  # type: ignore[arg-type]
    assert is_new
    assert said.startswith("Its scores are those of its own program, within 0.00")
    assert execute_run(workspace, run.id).state == "done"
    result = read_result(workspace, run.id)
    right = float((result.scores.argmax(axis=1) == dataset.labels).mean())
    return proposal, read_backbone_facts(workspace, result.backbone_id), right, run.id


@pytest.mark.slow
def test_an_onnx_model_becomes_a_run_and_answers(
    workspace: Workspace, flowers: Dataset, tmp_path: Path
) -> None:
    """Channels first, logits, ImageNet's mean and deviation: all found."""
    proposal, facts, right, run = _add(
        workspace, flowers, make_onnx(Weights("imagenet"), tmp_path / "flowers.onnx")
    )
    assert (proposal.preprocessing, proposal.order) == ("imagenet", "alphabetical")
    assert proposal.colours["imagenet"].accuracy > proposal.colours["unit"].accuracy + 0.2
    assert (facts.width, facts.has_map, facts.rows_are) == (24, True, "features")
    assert facts.parity is not None
    assert facts.parity <= 1e-3
    assert right > 0.8
    photo = (tmp_path / "flowers" / "rose" / "200.png").read_bytes()
    answer = open_predictor(workspace, run).predict(photo)
    number = [*flowers.manifest["path"]].index("rose/200.png")
    scores = read_result(workspace, run).scores[number]
    assert np.abs(answer.scores - scores).max() < 2e-2


@pytest.mark.slow
def test_another_order_than_the_stated_one_is_found(flowers: Dataset, tmp_path: Path) -> None:
    order = (3, 0, 4, 1, 2)  # class → output
    make_onnx(Weights("unit", order), tmp_path / "flowers.onnx")
    write_names(tmp_path, FLOWERS)
    _, proposal = _try(tmp_path / "flowers.onnx", flowers)
    assert (proposal.order, proposal.orders["found"].outputs) == ("found", order)
    said = proposal.explain_order(proposal.choose().outputs, flowers.classes)
    assert said == ("The order found on the photos fits far better than the names in the file.",)
    names = [FLOWERS[order.index(output)] for output in range(5)]
    write_names(tmp_path, names)
    _, proposal = _try(tmp_path / "flowers.onnx", flowers)
    assert (proposal.order, proposal.choose().outputs) == ("names", order)
    assert proposal.explain_order(order, flowers.classes) == ()


@pytest.mark.slow
def test_outputs_without_a_class_are_left_out(
    workspace: Workspace, flowers: Dataset, tmp_path: Path
) -> None:
    make_onnx(Weights("unit", (0, 1, 3, 4, 5), extra=1), tmp_path / "flowers.onnx")
    write_names(tmp_path, ("daisy", "dandelion", "background", "rose", "sunflower", "Tulip"))
    proposal, _, right, _ = _add(workspace, flowers, tmp_path / "flowers.onnx")
    outputs = proposal.choose().outputs
    assert (proposal.order, outputs, right > 0.8) == ("names", (0, 1, 3, 4, 5), True)
    assert proposal.explain_order(outputs, flowers.classes) == ("Unused outputs: “background”.",)


@pytest.mark.slow
def test_outputs_without_names_that_fit_nothing_are_refused(
    flowers: Dataset, tmp_path: Path
) -> None:
    weights = Weights("unit", extra=3)
    weights.kernel = np.zeros_like(weights.kernel)  # the same answer for every photo
    with pytest.raises(ModelRefused, match=r"8 outputs without names, the dataset 5 classes"):
        _try(make_onnx(weights, tmp_path / "flowers.onnx"), flowers)


def _draw_scores(
    rng: np.random.Generator, accuracy: float, order: tuple[int, ...], photos: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores of a model of this accuracy, with its outputs in this order, and the labels."""
    labels = np.tile(np.arange(len(order)), photos)[:photos]
    guessed = rng.integers(0, len(order), photos)
    answers = np.where(rng.random(photos) < accuracy, labels, guessed)
    logits = rng.normal(0, 0.5, (photos, len(order)))
    logits[np.arange(photos), np.array(order)[answers]] += 3
    return to_scores(logits, "none"), labels


@pytest.mark.parametrize("photos", [60, 300])
@pytest.mark.parametrize("classes", [2, 5, 20])
def test_a_right_order_is_not_questioned_and_a_wrong_one_is(classes: int, photos: int) -> None:
    """The order that fits best is judged on other photos than it was found on."""
    rng, stated = np.random.default_rng(classes), tuple(range(classes))
    for accuracy in (0.3, 0.6, 0.9):
        for _ in range(30):
            drawn = _draw_scores(rng, accuracy, stated, photos)
            assert pick_order(judge_orders(*drawn, {"names": stated}, classes))[0] == "names"
    for _ in range(30):
        order = (*stated[1:], 0)
        drawn = _draw_scores(rng, 0.9, order, photos)
        origin, found = pick_order(judge_orders(*drawn, {"names": stated}, classes))
        assert origin == "found"
        assert np.mean(np.array(found.outputs) == order) >= 0.7


@pytest.mark.slow
def test_a_batch_of_one_is_refused_or_widened(flowers: Dataset, tmp_path: Path) -> None:
    _, proposal = _try(make_onnx(Weights("unit"), tmp_path / "one.onnx", batch=1), flowers)
    assert proposal.preprocessing == "unit"


@pytest.mark.parametrize("place", ["../secret.data", "/etc/hostname"])
def test_data_outside_of_the_folder_is_refused(
    flowers: Dataset, tmp_path: Path, place: str
) -> None:
    weights = Weights("unit")
    (tmp_path / "secret.data").write_bytes(weights.filters.tobytes())
    (tmp_path / "in").mkdir()
    file = make_onnx(weights, tmp_path / "in" / "flowers.onnx", data=place)
    with pytest.raises(ModelRefused, match="ONNX file cannot be opened"):
        _try(file, flowers)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("model.pkl", "pickle is code"),
        ("model.pt", "PyTorch file"),
        ("model.pth", "PyTorch file"),
        ("model.joblib", "pickle is code"),
        ("saved_model.pb", "SavedModel"),
        ("model.tflite", "not supported"),
        ("model.txt", "is not a model"),
    ],
)
def test_other_kinds_are_refused_with_what_to_do(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "into").mkdir()
    (tmp_path / "from" / name).write_bytes(b"x")
    for place in (tmp_path / "from" / name, tmp_path / "from"):
        with pytest.raises(ModelRefused, match=said):
            collect_files(place, tmp_path / "into")
    assert not [*(tmp_path / "into").iterdir()]


def test_a_zip_is_measured_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_MOST_BYTES", 2_000_000)
    (tmp_path / "into").mkdir()
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.h5", bytes(2_100_000))
        archive.writestr("../../labels.txt", "daisy")
    with pytest.raises(ModelRefused, match=r"takes 2,100,\d+ bytes; the limit is 2,000,000"):
        collect_files(tmp_path / "bomb.zip", tmp_path / "into")
    (tmp_path / "cut.zip").write_bytes((tmp_path / "bomb.zip").read_bytes()[:-30])
    with pytest.raises(ModelRefused, match="truncated or damaged"):
        collect_files(tmp_path / "cut.zip", tmp_path / "into")
    assert not [*(tmp_path / "into").iterdir()]


def test_a_keras_file_is_measured_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "_MOST_UNPACKED", 1_000)
    with zipfile.ZipFile(tmp_path / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.15.1"}')
        archive.writestr("config.json", bytes(2_000))
    with pytest.raises(ModelRefused, match="truncated, damaged or not a Keras model"):
        foreign.open_file(tmp_path / "bomb.keras", tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.txt", "1 rose\n0 daisy\n"),
        ("classes.txt", "daisy\r\nrose\r\n"),
        ("class_names.json", '["daisy", "rose"]'),
        ("class_indices.json", '{"rose": 1, "daisy": 0}'),
        ("labels.json", '{"1": "rose", "0": "daisy"}'),
    ],
)
def test_names_beside_a_model_are_read(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "into").mkdir()
    (tmp_path / "model.h5").write_bytes(b"x")
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    file, names = collect_files(tmp_path / "model.h5", tmp_path / "into")
    assert (file.name, names) == ("model.h5", ("daisy", "rose"))


_SAVES = pytest.mark.filterwarnings("ignore:__array__", "ignore:You are saving")


@pytest.mark.slow
@_SAVES
@pytest.mark.parametrize(
    ("convention", "ending", "inside", "file"),
    [
        ("signed", "softmax", "inside", "inside.keras"),
        ("resnet", "softmax", "", "outside.keras"),
        ("unit", "softmax", "", "unit.h5"),
        ("unit", "sigmoid", "", "sigmoid.keras"),
    ],
)
def test_keras_models_are_right_at_once(
    flowers: Dataset,
    workspace: Workspace,
    tmp_path: Path,
    convention: Preprocessing,
    ending: str,
    inside: str,
    file: str,
) -> None:
    path = make_keras(Weights(convention), tmp_path / file, ending, inside)
    proposal, facts, right, _ = _add(workspace, flowers, path)
    assert proposal.preprocessing == ("plain" if inside else convention)
    assert right > 0.8
    assert facts.parity is not None
    assert facts.parity <= 1e-3
    assert (facts.rows_are == "features") == (ending == "softmax")


@pytest.mark.slow
@_SAVES
def test_teachable_machine_is_opened(
    workspace: Workspace, flowers: Dataset, tmp_path: Path
) -> None:
    """The filters stand behind a depthwise layer of ones, so photos are what they were."""
    path = make_teachable_machine(Weights("signed"), tmp_path)
    proposal, facts, right, _ = _add(workspace, flowers, path)
    assert (proposal.preprocessing, proposal.order, proposal.names) == ("signed", "names", FLOWERS)
    assert (facts.width, facts.has_map, right > 0.8) == (24, True, True)


@pytest.mark.slow
@_SAVES
def test_a_lambda_is_not_run(flowers: Dataset, tmp_path: Path) -> None:
    import keras

    photos = keras.Input((224, 224, 3))
    values = keras.layers.GlobalAveragePooling2D()(keras.layers.Lambda(lambda x: x)(photos))
    model = keras.Model(photos, keras.layers.Dense(5)(values))
    for name in ("lambda.keras", "lambda.h5"):
        model.save(tmp_path / name)
        with pytest.raises(ModelRefused, match="code that would run"):
            _try(tmp_path / name, flowers)


@pytest.mark.slow
@_SAVES
def test_damaged_models_and_weights_alone_are_refused(flowers: Dataset, tmp_path: Path) -> None:
    whole = make_keras(Weights("unit"), tmp_path / "whole.keras").read_bytes()
    (tmp_path / "cut.keras").write_bytes(whole[:-400])
    (tmp_path / "noise.h5").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "noise.onnx").write_bytes(bytes(range(256)) * 40)
    for name in ("cut.keras", "noise.h5", "noise.onnx"):
        with pytest.raises(ModelRefused, match=r"damaged|cannot be opened"):
            _try(tmp_path / name, flowers)


def test_accuracy_is_said_with_its_photos() -> None:
    assert say(Share(88, 100)) == "88 %"
