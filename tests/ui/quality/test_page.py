"""The quality page on photos with planted faults: what it finds, and what its buttons note."""

import json
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from streamlit.testing.v1 import AppTest

from core.datasets.edits.tray import list_edits
from core.datasets.quality.making import make_analysis
from core.datasets.quality.store import list_parameters, read_quality, request_analysis
from core.kept import FACTS, RESULT
from core.runs.jobs import read_job
from core.ui.quality.reading import FINDINGS
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import import_source
from tests.builders import encode_photo, write_class_folders
from tests.faults import write_faults, write_sound
from tests.prepared import lend_sample
from tests.processes import wait_until
from tests.ui.driver import labels, open_page, press, text_of


def open_quality(finding: str, **query: str) -> AppTest:
    """Return the page at a finding, as a cold deep link opens it."""
    return open_page("quality", **{"finding": finding, **query})


@pytest.fixture
def faulty(workspace: Workspace, tmp_path: Path) -> Dataset:
    return import_source(workspace, write_faults(tmp_path / "flowers"))


def read_counts(app: AppTest) -> dict[str, str]:
    """Return title → count as they stand in the row of findings."""
    labels = [option for group in app.button_group for option in group.options]
    counts = {}
    for label in labels:
        if ":" in label:
            title, _, marked = label.partition(" :")
            counts[title] = marked.partition("[")[2].strip("*]")
    return counts


def find_photo(dataset: Dataset, ending: str) -> str:
    (path,) = [path for path in dataset.manifest["path"] if path.endswith(ending)]
    return path


@pytest.mark.parametrize("finding", ["exact", "leak", "unreadable", "dark", "imbalance", "suspect"])
def test_each_finding_has_a_calm_empty_state(
    finding: str, workspace: Workspace, tmp_path: Path
) -> None:
    import_source(workspace, write_sound(tmp_path / "flowers"))
    app = open_quality(finding)
    assert app.subheader[0].value == FINDINGS[finding].title
    assert not app.error
    if FINDINGS[finding].needs_features:
        assert "Analyse with built-in weights" in labels(app)
    elif finding == "imbalance":
        assert "Each class has" in "".join(text.value for text in app.markdown)
    else:
        assert app.success


@pytest.mark.parametrize("finding", ["near", "leak"])
def test_copies_among_very_many_photos_wait_for_the_analysis(
    finding: str, faulty: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.ui.quality.reading.MOST_COMPARED", len(faulty) - 1)
    app = open_quality(finding)
    assert not app.success, "nothing is said to be absent"
    assert "Analyse with built-in weights" in labels(app)
    counts = read_counts(app)
    assert counts["Near-duplicates"] == "–" and counts["Too small"] != "–"


def test_merging_keeps_the_photo_in_train(workspace: Workspace, faulty: Dataset) -> None:
    app = press(open_quality("leak"), "Merge these copies")
    (edit,) = list_edits(workspace, faulty.id)
    assert (edit.action, edit.path) == ("exclude", find_photo(faulty, "test/daisy/twin.jpg"))
    assert "Merge these copies" not in labels(app)
    assert any("1 resolved in the tray" in text.value for text in app.markdown)


def test_the_test_copy_is_moved_to_train(workspace: Workspace, faulty: Dataset) -> None:
    press(open_quality("leak"), "Move the test copy to train")
    (edit,) = list_edits(workspace, faulty.id)
    assert (edit.action, edit.value) == ("move", "train")
    assert edit.path == find_photo(faulty, "test/daisy/twin.jpg")


def test_a_photo_in_two_classes_waits_for_a_decision(workspace: Workspace, faulty: Dataset) -> None:
    app = open_quality("across")
    assert "Merge these copies" not in labels(app)
    press(app, "Keep only the rose")
    (edit,) = list_edits(workspace, faulty.id)
    assert (edit.action, edit.path) == ("exclude", find_photo(faulty, "rose_again.jpg"))


def test_a_threshold_in_the_link_is_used_and_goes_back(
    workspace: Workspace, faulty: Dataset
) -> None:
    app = open_quality("dark", dark="0.5")
    wide = int(read_counts(app)["Dark"])
    assert wide > 1
    assert app.slider[0].value == 0.5
    press(app, "Reset to")
    assert read_counts(app)["Dark"] == "1"
    assert len(list_edits(workspace, faulty.id)) == 0  # looking changes nothing


@pytest.mark.slow
def test_an_analysis_fills_in_what_needs_features(
    prepared: Path, trained_copy: Workspace, tmp_path: Path
) -> None:
    lend_sample(prepared, trained_copy, ["backbones"])
    photos = write_class_folders(tmp_path / "flowers", photos_per_class=14)
    (photos / "rose/rose_003.jpg").rename(photos / "tulip/wrong.jpg")
    dataset = import_source(trained_copy, photos)
    app = open_quality("suspect", dataset=dataset.id)
    press(app, "Analyse with built-in weights")
    identifier = request_analysis(trained_copy, dataset.id, "starter")  # the one that goes
    wait_until(
        lambda: read_job(trained_copy.analysis_folder(identifier)).state != "running", "it is done"
    )  # type: ignore[union-attr]
    app = open_quality("suspect", dataset=dataset.id)
    result = read_quality(trained_copy, dataset.id)
    assert result is not None
    counts = read_counts(app)
    assert counts["Label suspects"] == str(int(result.photos["suspect"].sum()))
    assert counts["Outliers"] == str(int(result.photos["outlier"].sum()))
    assert r"“Built\-in”" in "".join(caption.value for caption in app.caption)
    suspects = int(counts["Label suspects"])
    assert suspects >= 1  # the rose among the tulips
    press(app, "Label is correct")
    assert read_counts(app)["Label suspects"] == str(suspects - 1)
    press(app, "Show again")
    assert read_counts(app)["Label suspects"] == str(suspects)


@pytest.mark.slow
def test_splits_that_differ_show_both_walls_and_patches_their_photos(
    trained_copy: Workspace, tmp_path: Path
) -> None:
    """Planted: the roses of test are dark, all roses have a square. Older analyses know neither."""
    for split, first in (("train", 0), ("valid", 20), ("test", 30)):
        write_class_folders(tmp_path / "flowers" / split, ("daisy", "rose"), 14, first)
    for file in (tmp_path / "flowers").glob("*/rose/*"):
        light = 0.38 if "test" in file.parts else 1
        photo = Image.open(file).point([int(light * value) for value in range(256)] * 3)
        ImageDraw.Draw(photo).rectangle((20, 2, 39, 21), fill="white")
        file.write_bytes(encode_photo(photo, quality=95))
    dataset = import_source(trained_copy, tmp_path / "flowers")
    asked = {"dataset": dataset.id, "finding": "splits"}
    assert "Analyse with built-in weights" in labels(open_quality(**asked))
    parameters = list_parameters(trained_copy, dataset.id, "random")
    analysis = str(make_analysis(trained_copy, parameters, lambda *_: None)["analysis"])
    app = open_quality(**asked)
    assert "differ: rose, brightness in test and" in text_of(app).replace("\\", "")
    assert int(read_counts(app)["Splits differ"]) >= 1
    assert [table.value["Class"].iloc[0] for table in app.dataframe] == ["rose"]
    assert "**rose in train**" in text_of(app) and "**rose in test**" in text_of(app)
    linked = open_quality(**asked, differs="validation.features.daisy")
    assert "**daisy in validation**" in text_of(linked)
    wrong = open_quality(**asked, differs="validation.gone.daisy")
    assert "This link cannot be shown" in text_of(wrong)
    asked["finding"] = "patches"
    app = open_quality(**asked)
    assert read_counts(app)["Shortcuts in the photos"] == "1"
    said = text_of(app).replace("\\", "")
    assert "1 patch in photos of rose" in said and "rose: in 42 of 42 photos, 100 %" in said
    assert "painted over" in said and "n = 28." in said
    assert "This link cannot be shown" in text_of(open_quality(**asked, patch="1"))
    facts = trained_copy.analysis_folder(analysis) / RESULT / FACTS
    older = json.loads(facts.read_text())
    del older["digests"]["patches.parquet"]
    facts.write_text(json.dumps(older))
    trained_copy.analysis_folder(analysis).touch()
    app = open_quality(**asked)
    assert read_counts(app)["Splits differ"] == read_counts(app)["Shortcuts in the photos"] == "–"
    assert read_counts(app)["Outliers"] != "–"
    assert "Analyse with built-in weights" in labels(app)
