"""The program's own code that goes with an export does what it does in the program."""

import hashlib
import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.config import Framing
from core.evaluation.calibration import temper_scores
from core.exporting.space import read_shipped, write_deciding_module, write_photo_module
from core.prediction.answers import phrase_decision
from core.prediction.deciding import DecisionRule, decide, rule_to_facts
from core.prediction.unlike import fit_unlike
from data.images import read_packed_photo
from tests.builders import draw_photo, encode_photo
from tests.exporting import run_python


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sources")
    (made / "photo.py").write_text(write_photo_module(), encoding="utf-8")
    (made / "deciding.py").write_text(write_deciding_module(), encoding="utf-8")
    return made


def write_odd_photos(folder: Path) -> list[Path]:
    """Return photos of every kind that is decoded in a way of its own."""
    image = draw_photo(1, 2, (500, 330))
    exif = Image.Exif()
    exif[0x0112] = 6
    contents = {
        "plain.jpg": encode_photo(image),
        "turned.jpg": encode_photo(image, exif=exif),
        "large.jpg": encode_photo(image.resize((3000, 2000)), progressive=True),
        "palette.png": encode_photo(image.quantize(16), "PNG"),
        "clear.png": encode_photo(image.convert("RGBA").rotate(30), "PNG"),
        "grey.tiff": encode_photo(image.convert("L"), "TIFF"),
        "ink.jpg": encode_photo(image.convert("CMYK")),
        "small.webp": encode_photo(image.resize((9, 40)), "WEBP", lossless=True),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


@pytest.mark.parametrize(
    "framing", [Framing(), Framing(how="pad"), Framing(side=160), Framing(how="pad", side=448)]
)
def test_photos_are_packed_to_the_same_pixels(framing: Framing, tmp_path: Path) -> None:
    files = write_odd_photos(tmp_path)
    (tmp_path / "photo.py").write_text(write_photo_module(framing), encoding="utf-8")
    script = (
        "import hashlib, sys\nfrom pathlib import Path\nfrom photo import read_packed_photo\n"
        "for name in sys.argv[1:]:\n"
        "    photo, facts = read_packed_photo(Path(name).read_bytes())\n"
        "    print(hashlib.sha256(photo.tobytes()).hexdigest(), facts.width, facts.height)\n"
    )
    done = run_python(tmp_path, "-c", script, *map(str, files))
    assert done.returncode == 0, done.stderr
    seen = [read_packed_photo(file.read_bytes(), framing) for file in files]
    wanted = [
        f"{hashlib.sha256(photo.tobytes()).hexdigest()} {facts.width} {facts.height}"
        for photo, facts in seen
    ]
    assert done.stdout.splitlines() == wanted
    assert len(set(wanted)) == len(files)


def test_what_is_no_photo_is_refused(folder: Path) -> None:
    script = (
        "from photo import PhotoRefused, PhotoTooLarge, PhotoUnreadable, read_packed_photo\n"
        "for content, kind in ((b'', PhotoUnreadable), (b'x' * 26_000_000, PhotoTooLarge)):\n"
        "    try:\n        read_packed_photo(content)\n"
        "    except PhotoRefused as error:\n"
        "        assert type(error) is kind and error.problem and error.remedy\n"
        "        print(error.problem)\n"
    )
    done = run_python(folder, "-c", script)
    assert len(done.stdout.splitlines()) == 2, done.stderr


def test_answers_are_the_same_words(folder: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    features = rng.normal(size=(60, 32)).astype(np.float32)
    unlike = fit_unlike(features[:40], np.arange(40) % 3)
    scores = temper_scores(rng.dirichlet([0.4] * 3, 60).astype(np.float32), 1.0)
    limit = float(np.median(unlike.measure(features)))
    rule = DecisionRule(
        temperature=1.7,
        threshold=0.6,
        class_thresholds={"rose": 0.9},
        unlike_limit=limit,
        n=9,
    )
    classes = ("daisy", "rose", "tulip")
    facts = {"classes": classes, "looks_for_unlike": True}
    facts["rule"] = rule_to_facts(rule) | {"made": rule.made.isoformat()}
    (tmp_path / "model.json").write_text(json.dumps(facts), encoding="utf-8")
    kept = {field.name: getattr(unlike, field.name) for field in fields(unlike)}
    np.savez(tmp_path / "unlike.npz", **kept)
    np.savez(tmp_path / "seen.npz", scores=scores, features=features)
    (folder / "answering.py").write_text(read_shipped("answering.py"), encoding="utf-8")
    script = (
        "import sys\nfrom pathlib import Path\nimport numpy as np\n"
        "from answering import Answerer\n"
        "place = Path(sys.argv[1])\nanswerer, seen = Answerer(place), np.load(place / 'seen.npz')\n"
        "for row in zip(seen['scores'], seen['features']):\n"
        "    print(answerer.answer(*row).sentence)\n"
    )
    done = run_python(folder, "-c", script, str(tmp_path))
    assert done.returncode == 0, done.stderr
    distances = unlike.measure(features)
    decisions = [
        decide(rule, own, classes, float(far)) for own, far in zip(scores, distances, strict=True)
    ]
    assert done.stdout.splitlines() == [phrase_decision(decision) for decision in decisions]
    assert {decision.kind for decision in decisions} == {"answer", "unsure", "unlike"}


def test_nothing_of_ours_is_imported() -> None:
    texts = [write_photo_module(), write_deciding_module()]
    texts += [read_shipped(name) for name in ("check.py", "answering.py", "app.py")]
    for text in texts:
        assert not [
            line
            for line in text.splitlines()
            if line.startswith(("from core.", "import core", "from data.", "from models"))
        ]
        assert "type: ignore" not in text
