"""A whole export: every format gives the scores of the page; README and Space do as they say."""

import json
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from core.config import PHOTO_SIZE, Framing
from core.exporting.making import open_subject
from core.exporting.store import FACTS, FORMATS
from core.registry.loading import open_version
from core.registry.store import ModelVersion
from core.workspace import Workspace, digest_file
from data.dataset import Dataset
from data.images import read_packed_photo
from data.manifest import read_dataset
from tests.builders import draw_photo, encode_photo
from tests.exporting import TOLERANCE, check_scores, import_app
from tests.unit.exporting.conftest import RULE, Export

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def contents(registered: tuple[Workspace, ModelVersion]) -> list[bytes]:
    """The files of photos that are unlike the training photos, and of four of these."""
    workspace, version = registered
    dataset: Dataset = read_dataset(workspace, version.dataset_id)
    learnt = dataset.photo_numbers("train")[:4]
    return [dataset.original(n) for n in (*dataset.photo_numbers("validation"), *learnt)]


@pytest.fixture
def app(export: Export) -> ModuleType:
    return import_app(export.folder / "space")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_scores_of_the_page(
    name: str,
    export: Export,
    registered: tuple[Workspace, ModelVersion],
    contents: list[bytes],
) -> None:
    workspace, version = registered
    check_scores(workspace, version.label, export.folder, [name], contents)


def test_the_space_answers_like_the_page(
    app: ModuleType,
    registered: tuple[Workspace, ModelVersion],
    contents: list[bytes],
    tmp_path: Path,
) -> None:
    workspace, version = registered
    predictor = open_version(workspace, version.number)
    allowed = TOLERANCE if predictor.backbone_facts.precision == "f32" else 2e-2
    said = []
    for number, content in enumerate(contents):
        file = tmp_path / f"{number}.jpg"
        file.write_bytes(content)
        sentence, scores = app.classify(str(file))
        decision = predictor.predict(content).decision
        for class_name, score in decision.top:
            assert scores[class_name] == pytest.approx(score, abs=allowed)
        best = max(scores, key=scores.__getitem__)
        assert best in sentence
        assert sentence.startswith("I don't know this") == (decision.kind == "unlike")
        assert sentence.startswith("I don't know") == (decision.kind != "answer")
        said.append(decision.kind)
    assert {"answer", "unlike"} <= set(said)
    app.FACTS |= {"thresholds": [1.01] * 3, "unlike_limit": 1e9}
    assert app.classify(str(file))[0].startswith("I don't know. The best guess is ")


@pytest.mark.parametrize("framing", [Framing(), Framing(how="pad")])
def test_the_space_reads_photos_as_the_program_does(
    framing: Framing, app: ModuleType, tmp_path: Path
) -> None:
    image = draw_photo(1, 2, (500, 330))
    exif = Image.Exif()
    exif[0x0112] = 6
    photos = {
        "plain.jpg": encode_photo(image),
        "turned.jpg": encode_photo(image, exif=exif),
        "large.jpg": encode_photo(image.resize((3000, 2000)), progressive=True),
        "palette.png": encode_photo(image.quantize(16), "PNG"),
        "clear.png": encode_photo(image.convert("RGBA").rotate(30), "PNG"),
        "grey.tiff": encode_photo(image.convert("L"), "TIFF"),
        "ink.jpg": encode_photo(image.convert("CMYK")),
        "small.webp": encode_photo(image.resize((9, 40)), "WEBP", lossless=True),
    }
    app.FACTS |= {"side": PHOTO_SIZE, "framing": framing.how}
    for name, content in photos.items():
        (tmp_path / name).write_bytes(content)
        wanted, _ = read_packed_photo(content, framing)
        np.testing.assert_array_equal(app.read_photo(str(tmp_path / name)), wanted, name)


def test_the_readme_shows_code_that_runs(
    export: Export, contents: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = (export.folder / "README.md").read_text(encoding="utf-8")
    blocks = [
        block.replace("\n    ", "\n").removeprefix("    ")
        for block in re.findall(r"(?:^    .*\n)+", readme, re.M)
    ]
    photo, keras, onnx, litert, space = blocks
    assert "load_model" in keras and "python space/app.py" in space
    monkeypatch.chdir(export.folder)
    Path("photo.jpg").write_bytes(contents[0])
    names: dict[str, np.ndarray] = {}
    exec(photo, names)
    np.testing.assert_array_equal(names["photos"][0], read_packed_photo(contents[0])[0])
    exec(onnx, names)
    exact = names["scores"]
    exec(litert, names)
    np.testing.assert_allclose(names["scores"], exact, atol=TOLERANCE)


def test_the_zip_holds_what_it_says(
    export: Export, registered: tuple[Workspace, ModelVersion]
) -> None:
    workspace, version = registered
    facts = json.loads((export.folder / "model.json").read_text(encoding="utf-8"))
    assert facts["classes"] == list(version.classes)
    assert facts["thresholds"] == [RULE.threshold_of(name) for name in version.classes]
    assert facts["temperature"] == 1.5
    with open_subject(workspace, version.label) as subject:
        assert (facts["side"], facts["framing"]) == (224, subject.backbone.framing.how)
    assert all((export.folder / FACTS[name].path).exists() for name in export.said["formats"])
    space = export.folder / "space"
    assert {"app.py", "README.md", "requirements.txt"} < {file.name for file in space.iterdir()}
    assert len((space / "app.py").read_text(encoding="utf-8").splitlines()) <= 60
    for name in ("model.json", "MODEL_CARD.md", "model.onnx"):
        assert (space / name).read_bytes() == (export.folder / name).read_bytes()
    card = (export.folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "with less than 40 % confidence, it says that it does not know" in card
    assert export.said["sha256"] == digest_file(export.zip)
