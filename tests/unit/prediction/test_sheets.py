"""Sheets: what is drawn, how files are called, and folders that are never overwritten silently."""

import csv
import dataclasses
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import DiskFull, ExportRefused
from core.prediction import sheets as sheet_folder
from core.prediction.explaining import Explainer, open_explainer
from core.prediction.sheets import (
    INDEX,
    MARK,
    SheetStyle,
    draw_sheet,
    encode_sheet,
    name_sheet,
    pack_sheets,
    read_answer,
    write_sheets,
)
from core.runs.store import list_runs
from core.workspace import Workspace

RUN = "0123456789abcdef"
STYLE = SheetStyle()


@pytest.fixture(scope="module")
def explainer(trained_workspace: Workspace) -> Explainer:
    """The explainer of the trained run, whose answers are changed: photos 0 and 1 go wrong."""
    opened = open_explainer(trained_workspace, list_runs(trained_workspace)[-1].id)
    scores = np.full_like(opened.result.scores, 0.05)
    scores[np.arange(len(scores)), opened.result.labels] = 0.9
    scores[:2] = [0.004, 0.992, 0.004]
    assert opened.result.labels[:2].tolist() == [0, 0]
    return dataclasses.replace(opened, result=dataclasses.replace(opened.result, scores=scores))


def read_index(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_wrong_answer_has_two_overlays_and_a_right_one_has_one(explainer: Explainer) -> None:
    wrong = draw_sheet(explainer, read_answer(explainer.result, 0), STYLE)
    right = draw_sheet(explainer, read_answer(explainer.result, 2), STYLE)
    assert (wrong.width + 8) * 2 == (right.width + 8) * 3
    assert wrong.height == right.height
    pixels = np.asarray(wrong)
    photo = Image.fromarray(np.asarray(explainer.dataset.photos[0])).resize(
        (336, 336), Image.Resampling.BICUBIC
    )
    np.testing.assert_array_equal(pixels[:336, :336], np.asarray(photo))
    for left in (0, 344, 688):  # something is written below each picture
        assert pixels[340:, left : left + 336].min() < 100


def test_no_strength_leaves_a_grey_photo_and_colour_can_stay(explainer: Explainer) -> None:
    answer = read_answer(explainer.result, 2)
    grey = np.asarray(draw_sheet(explainer, answer, SheetStyle(strength=0)))[:336, 344:]
    assert np.ptp(grey.astype(int), axis=2).max() == 0
    style = SheetStyle(strength=0, on_colour=True)
    sheet = np.asarray(draw_sheet(explainer, answer, style))
    np.testing.assert_array_equal(sheet[:336, 344:], sheet[:336, :336])


@pytest.mark.parametrize("form", ["webp", "png"])
def test_the_file_is_of_its_form(explainer: Explainer, form: str) -> None:
    sheet = draw_sheet(explainer, read_answer(explainer.result, 2), STYLE)
    with Image.open(io.BytesIO(encode_sheet(sheet, form))) as image:  # type: ignore[arg-type]
        assert (image.format, image.size) == (form.upper(), sheet.size)


def test_names_are_safe_unique_and_say_what_went_wrong(explainer: Explainer) -> None:
    answer = read_answer(explainer.result, 0)
    assert name_sheet(answer, "webp").startswith("000000 daisy as rose daisy_")
    assert name_sheet(read_answer(explainer.result, 2), "png").startswith("000002 daisy right ")
    hostile = dataclasses.replace(
        answer, true="../" * 40 + "a", predicted='<script>:"|?*', path="../../etc/pass\nwd.jpg"
    )
    name = name_sheet(hostile, "webp")
    assert not set(name) & set('/\\<>:"|?*\n')
    assert len(name) < 200
    others = {name_sheet(read_answer(explainer.result, photo), "webp") for photo in range(36)}
    assert len(others) == 36


def test_a_folder_goes_on_where_it_stopped(explainer: Explainer, tmp_path: Path) -> None:
    target = tmp_path / "new" / "sheets"

    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sheets(explainer, RUN, [0, 1, 2, 3], target, STYLE, stop)
    before = {file: file.stat().st_mtime_ns for file in target.glob("*.webp")}
    assert len(before) == 2
    report = write_sheets(explainer, RUN, [0, 1, 2, 3], target, STYLE)
    assert (report.written, report.kept, report.total) == (2, 2, 4)
    assert {file: file.stat().st_mtime_ns for file in before} == before
    report = write_sheets(explainer, RUN, [5], target, STYLE)  # another selection is added
    assert (report.written, report.kept, report.total) == (1, 0, 5)
    index = read_index((target / INDEX).read_text(encoding="utf-8"))
    assert [row["photo"] for row in index] == ["0", "1", "2", "3", "5"]
    assert index[0] | {"file": "", "path": "", "split": ""} == {
        "file": "",
        "photo": "0",
        "path": "",
        "split": "",
        "true": "daisy",
        "true_score": "0.0040",
        "predicted": "rose",
        "predicted_score": "0.9920",
        "right": "False",
    }
    assert {row["file"] for row in index} == {file.name for file in target.glob("*.webp")}
    assert not list(target.glob(".*"))


def test_folders_of_anything_else_are_refused_and_left_alone(
    explainer: Explainer, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(ExportRefused, match="is a file"):
        write_sheets(explainer, RUN, [0], file, STYLE)
    full = tmp_path / "full"
    full.mkdir()
    (full / "holiday.jpg").write_text("mine")
    with pytest.raises(ExportRefused, match="not empty"):
        write_sheets(explainer, RUN, [0], full, STYLE)
    assert [entry.name for entry in full.iterdir()] == ["holiday.jpg"]
    sheets = tmp_path / "sheets"
    write_sheets(explainer, RUN, [0], sheets, STYLE)
    before = sorted(entry.name for entry in sheets.iterdir())
    for run, style in (
        ("fedcba9876543210", STYLE),
        (RUN, SheetStyle(strength=0.3)),
        (RUN, SheetStyle(form="png")),
    ):
        with pytest.raises(ExportRefused, match="another run"):
            write_sheets(explainer, run, [1], sheets, style)
    (sheets / MARK).write_text("{")
    with pytest.raises(ExportRefused, match="another run"):
        write_sheets(explainer, RUN, [1], sheets, STYLE)
    assert sorted(entry.name for entry in sheets.iterdir()) == before


def test_a_full_disk_is_said(
    explainer: Explainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sheet_folder, "encode_sheet", fail)
    with pytest.raises(DiskFull):
        write_sheets(explainer, RUN, [0], tmp_path / "sheets", STYLE)


def test_a_zip_holds_the_sheets_and_their_index(explainer: Explainer) -> None:
    with zipfile.ZipFile(io.BytesIO(pack_sheets(explainer, [2, 0], STYLE))) as packed:
        assert packed.testzip() is None
        *sheets, index = packed.namelist()
        assert index == INDEX
        rows = read_index(packed.read(INDEX).decode())
        assert [row["file"] for row in rows] == sheets
        assert [row["photo"] for row in rows] == ["2", "0"]
        with Image.open(io.BytesIO(packed.read(sheets[0]))) as image:
            assert image.format == "WEBP"


def test_sheets_keep_no_maps(explainer: Explainer, trained_workspace: Workspace) -> None:
    draw_sheet(explainer, read_answer(explainer.result, 30), STYLE)
    assert not list(trained_workspace.maps.rglob("30.map"))


def test_a_name_in_two_lines_is_written_in_one(explainer: Explainer) -> None:
    classes = tuple(f"a\n{name}" for name in explainer.result.classes)
    result = dataclasses.replace(explainer.result, classes=classes)
    named = dataclasses.replace(explainer, result=result)
    assert draw_sheet(named, read_answer(named.result, 0), STYLE).height > 336
