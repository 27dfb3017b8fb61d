"""`import petalscope as ps`: every example runs; nothing heavy is loaded; names are data."""

import doctest
import inspect
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core import api as ps
from core.api.shown import Bars, Found, show_photos
from core.errors import (
    BadIdentifier,
    ExportRefused,
    FeaturesMissing,
    PetalscopeError,
    PredictionsRefused,
    PromotionRefused,
    RecipeRefused,
)
from core.runs.queue.queue import delete_run
from core.runs.recipe.strategies import SUGGESTED_VIEWS
from core.runs.store import read_openings
from core.workspace import PROJECT_ROOT, Workspace
from tests.builders import draw_photo, encode_photo, write_class_folders
from tests.conftest import open_copy
from tests.other_models import FLOWERS, Weights, make_onnx, write_names


def list_public() -> Iterator[tuple[str, Any]]:
    """Yield the name and the object of each public function, class, method and property."""
    for name in set(ps.__all__) - {"PetalscopeError"}:
        yield name, getattr(ps, name)
        for method, one in (
            vars(getattr(ps, name)).items() if inspect.isclass(getattr(ps, name)) else ()
        ):
            if not method.startswith("_"):
                yield f"{name}.{method}", one


PUBLIC = dict(sorted(list_public()))
PARSED = {
    name: doctest.DocTestParser().get_examples(inspect.getdoc(one) or "")
    for name, one in PUBLIC.items()
}
SLOW = {"Dataset.quality", "Workspace.add_model"}


@pytest.fixture(scope="module")
def known(
    compared_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """What the examples name: a workspace, its dataset, two runs, a photo, a folder of photos."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("HOME", str(home))
        with open_copy(compared_workspace, home / "workspace", patch):
            write_class_folders(home / "flowers", ("daisy", "rose"), 12)
            ws = ps.open()
            flowers = ws.dataset("three flowers")
            photo = int(flowers.files.photo_numbers("validation", "tulip")[0])
            Path("tulip.jpg").write_bytes(flowers.files.original(photo))
            make_onnx(Weights("unit"), Path("model.onnx"))
            write_names(Path(), FLOWERS)
            runs = {"run": ws.run("again"), "other": ws.run("hardly")}
            yield {"ps": ps, "ws": ws, "flowers": flowers, **runs}


def test_each_public_method_has_an_example() -> None:
    classes = {name for name, one in PUBLIC.items() if inspect.isclass(one)}
    assert [name for name, examples in PARSED.items() if not examples and name not in classes] == []


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
        for name, examples in PARSED.items()
        if examples
    ],
)
def test_the_example_runs(known: dict[str, Any], name: str) -> None:
    said: list[str] = []
    test = doctest.DocTest(PARSED[name], dict(known), name, None, None, None)
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    assert not said, "".join(said)


@pytest.mark.parametrize(
    ("before", "said"),
    [("sys", "True"), ("models", "Another package called “models” is imported already")],
)
def test_the_package_is_found_beside_others_of_the_same_names(
    tmp_path: Path, before: str, said: str
) -> None:
    app = tmp_path / "petalscope" / "_app"  # as in the wheel
    app.mkdir(parents=True)
    shutil.copy(PROJECT_ROOT / "core/cli/launching.py", app.parent / "__init__.py")
    for package in ("core", "data", "models"):
        (app / package).symlink_to(PROJECT_ROOT / package)
    (tmp_path / "models.py").touch()  # of a person
    script = f"import {before}, petalscope as ps; print('open' in dir(ps) and callable(ps.open))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("settings", "remedy"),
    [
        ({"epoch": 3}, "Did you mean “epochs”"),
        ({"weights_digest": "0"}, "A recipe has no “weights_digest”"),
        ({"epochs": "20"}, "Allowed: 1 to 1,000"),
        ({"hidden": "256, 128"}, "Allowed: at most 4 layers"),
        ({"strategy": ["head"]}, "Allowed: .*“head”"),
        ({"standardise": "no"}, "Allowed: True or False"),
    ],
)
def test_a_wrong_setting_is_refused(
    known: dict[str, Any], settings: dict[str, Any], remedy: str
) -> None:
    with pytest.raises(RecipeRefused, match=remedy):
        known["ws"].train(known["flowers"], weights="random", **settings)


def test_a_name_that_is_not_possible_is_refused_with_the_others(known: dict[str, Any]) -> None:
    run = known["run"]
    for ask, others in (
        (lambda: run.metrics("valid"), "train, validation, test"),
        (lambda: run.mistakes(ranking="worst"), "highest-loss, confidently-wrong"),
        (lambda: run.explain("tulip.jpg", "lily"), "daisy, rose, tulip"),
    ):
        with pytest.raises(BadIdentifier, match=f"Choose from: {others}"):
            ask()
    with pytest.raises(ExportRefused, match="Create it first"):
        run.export("onnx", "nowhere/model.zip")


def test_one_hidden_layer_is_a_number(known: dict[str, Any], monkeypatch: Any) -> None:
    monkeypatch.setattr(ps.Run, "wait", lambda run: run)
    monkeypatch.setattr("core.api.ensure_scheduler", lambda _: None)
    settings = {"weights": "random", "hidden": np.int64(16), "augmentation": "gentle", "epochs": 3}
    run = known["ws"].train(known["flowers"], "small", **settings)
    recipe = run.record.recipe
    delete_run(run.folder, run.id)
    assert (recipe.hidden, recipe.views, recipe.epochs) == ((16,), SUGGESTED_VIEWS, 3)


def test_waiting_ends_with_the_run_or_its_error(
    known: dict[str, Any], monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = known["run"]

    def follow(error: type[BaseException] | None, **changes: Any) -> Any:
        def follow(*_: Any) -> Any:
            if error:
                raise error
            return replace(run.record, **changes)

        monkeypatch.setattr("core.api.runs.RunFollower.follow", follow)
        return run.wait()

    assert follow(KeyboardInterrupt) is run
    assert "again is still running" in capsys.readouterr().out
    failure = {"error_code": "disk_full", "problem": "The disk is full.", "remedy": "Free some."}
    with pytest.raises(PetalscopeError, match=r"The disk is full\. Free some\.") as raised:
        follow(None, state="failed", **failure)
    assert raised.value.code == "disk_full"


def test_a_photo_is_found_by_number_path_and_file(known: dict[str, Any]) -> None:
    flowers = known["flowers"]
    number = flowers.find("tulip.jpg")
    assert flowers.tag("tulip.jpg", "one") == 1
    assert flowers.find(np.int64(number)) == number == flowers.find(flowers.photos.path[number])
    for unknown in (-1, 36, encode_photo(draw_photo(7, 7), quality=90)):
        with pytest.raises(BadIdentifier, match="is not in “three flowers”"):
            flowers.find(unknown)


def test_test_photos_are_sealed_until_they_are_opened_once(known: dict[str, Any]) -> None:
    ws, test = known["ws"], known["run"]._result.splits == "test"
    run = ws.run("again")
    before = len(read_openings(ws.folder, run.id))
    assert run.scores[test].isna().all(axis=None)
    assert run.scores[~test].notna().all(axis=None)
    assert "Test photos of this run: opened" in repr(run.metrics("test"))
    run.mistakes("test")
    assert run.scores.notna().all(axis=None)
    assert len(read_openings(ws.folder, run.id)) == before + 1
    ws.run("again").why(int(np.flatnonzero(test)[0]))
    assert len(read_openings(ws.folder, run.id)) == before + 2


def test_the_figures_are_those_of_the_pages(known: dict[str, Any]) -> None:
    run, other = known["run"], known["other"]
    assert run.metrics().accuracy == run.record.best_val_accuracy
    changed = ps.compare(run, other)
    gained, lost = len(changed["gained"]), len(changed["lost"])
    difference = other.metrics().accuracy - run.metrics().accuracy
    assert changed.difference == pytest.approx((gained - lost) / 6) == pytest.approx(difference)
    wrong = other.mistakes("train")
    assert len(wrong) == round(24 * (1 - other.metrics("train").accuracy)) > 0
    assert (wrong.table["class"].astype(str) != wrong.table["predicted"].astype(str)).all()
    nothing = known["flowers"].whatif()
    assert (len(nothing["gained"]), len(nothing["lost"])) == (0, 0)


def test_added_predictions_have_answers_and_no_model(known: dict[str, Any]) -> None:
    ws, flowers = known["ws"], known["flowers"]
    frame = flowers.photos[["path"]].assign(label=flowers.photos["class"].astype(str))
    frame["label"] = "01_" + frame["label"]
    with pytest.raises(PredictionsRefused, match=r"“01_rose” is “rose”.* add names={'01_"):
        ws.add_predictions(frame, flowers)
    with pytest.raises(PredictionsRefused, match="class \\(“class_column”\\)"):
        ws.add_predictions(frame[["path"]], flowers)
    names = {f"01_{name}": name for name in flowers.classes}
    without = int(flowers.files.photo_numbers("train")[0])
    added = ws.add_predictions(frame.drop(index=without), flowers, "mine", names=names)
    found = added.metrics("train")
    assert (found.accuracy, found.n) == (1.0, 23)
    assert np.isnan(found.loss)
    assert added.scores.loc[without].isna().all()
    assert ps.compare(added, known["other"]).n == 6
    for ask in (added.register, lambda: added.why(without), lambda: added.predict(without)):
        with pytest.raises(FeaturesMissing, match="no model"):
            ask()


def test_a_later_champion_needs_evidence(compared: Workspace) -> None:
    ws = ps.open(compared.root)
    ws.run("again").register().promote()
    with pytest.raises(PromotionRefused):
        ws.run("hardly").register().promote()
    assert str(ws.run("hardly").register().promote("I want it", override=True)) == "v2 · hardly"


def test_names_are_escaped_in_pictures_and_tables(known: dict[str, Any]) -> None:
    name = '<script>alert("1")</script>'
    table = pd.DataFrame({"class": [name], "score": [0.5]}, index=[3])
    photos = show_photos(known["flowers"].files, name, table)
    picture = np.zeros((8, 8, 3), np.uint8)
    found = Found((name,), table, {name: photos}, pictures={name: picture})
    html = found._repr_html_()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 5
    assert html.count('src="data:image/') == 2
    assert known["run"].confusion()._repr_html_().count('src="data:image/png') == 1
    for one in (
        known["ws"],
        known["flowers"],
        known["run"],
        show_photos(known["flowers"].files, name, table[:0]),
    ):
        assert one._repr_html_().startswith("<p>")


@pytest.mark.slow
def test_the_worst_photos_come_first(known: dict[str, Any]) -> None:
    found = known["flowers"].quality(weights="random")
    assert found["suspect"].table.columns.tolist() == ["class", "suggested", "label_score", "path"]
    assert found["suspect"].table["label_score"].is_monotonic_increasing
    assert found["outlier"].table["outlier_score"].is_monotonic_decreasing
    assert found.weights == "random"
    assert found.__dir__().count("weights") == 1


def test_a_bar_for_each_phase(capfd: pytest.CaptureFixture[str]) -> None:
    with Bars() as bars:
        bars.advance("reading photos", 0, 0)
        bars.advance("reading photos", 1, 4)
        bars.advance("reading photos", 4, 4, "9 photos/s")
        bars.note("epoch 1/2")
        bars.note("epoch 2/2")
    shown = capfd.readouterr().err
    assert "reading photos: 100%" in shown
    assert "epoch 2/2" in shown
