"""The page Predict: models, answers, the log and feedback."""

import re
from hashlib import sha256

import pytest
from streamlit.testing.v1 import AppTest

from core.monitoring import kept_photos
from core.monitoring.feedback import list_feedback
from core.monitoring.kept_photos import read_kept_photo
from core.monitoring.log import delete_predictions, read_predictions
from core.registry.promoting import promote, set_challenger
from core.runs.store import list_runs
from core.workspace import Workspace
from data.manifest import hide_dataset, list_datasets, read_dataset
from tests.builders import draw_photo, encode_photo
from tests.registered import change_row, register_versions, show_evidence
from tests.ui.driver import open_page, press, text_of

PHOTO = encode_photo(draw_photo(0, 77, (300, 260)), quality=90)
pytestmark = pytest.mark.usefixtures("trained_copy")  # the settings point to it


def open_predict(**query: str) -> AppTest:
    return open_page("predict", **query)


def give(app: AppTest, *photos: bytes) -> AppTest:
    """Return the page after photos were uploaded."""
    uploader = app.get("file_uploader")[0]
    for number, photo in enumerate(photos):
        uploader = uploader.upload(f"mine {number}.jpg", photo, "image/jpeg")
    app = uploader.run()
    assert not app.exception
    return app


def test_a_photo_in_the_format_of_phones_is_answered(trained_copy: Workspace) -> None:
    photo = encode_photo(draw_photo(0, 77, (300, 260)), "HEIF")
    uploader = open_predict().get("file_uploader")[0]
    app = uploader.upload("IMG_0001.HEIC", photo, "image/heic").run()
    assert not app.exception and not app.error
    assert read_predictions(trained_copy)["photo"].tolist() == [sha256(photo).hexdigest()]


def test_without_a_version_the_newest_run_answers_and_is_logged_once(
    trained_copy: Workspace,
) -> None:
    app = give(open_predict(), PHOTO)
    assert f"Answered by Run {list_runs(trained_copy)[-1].number}" in text_of(app)
    for _ in range(3):
        app.run()
    (row,) = read_predictions(trained_copy).itertuples()
    assert (row.source, row.photo, row.kind) == ("page", sha256(PHOTO).hexdigest(), "answer")
    assert re.fullmatch("browser [0-9a-f]{8}", row.visitor)  # no address in the log
    assert row.run_id == list_runs(trained_copy)[-1].id


def test_the_champion_answers_unless_the_link_names_another(trained_copy: Workspace) -> None:
    first, second = register_versions(trained_copy, 2)
    promote(trained_copy, second.number, reason="the first")
    run = list_runs(trained_copy)[-1]
    for query, said in (
        ({}, "Answered by Champion · v2"),
        ({"model": first.label}, "Answered by v1"),
        ({"model": second.label}, "Answered by Champion · v2"),
        ({"run": run.id}, f"Answered by Run {run.number}"),
    ):
        app = open_predict(**query)
        assert said in text_of(give(app, PHOTO)), query
    log = read_predictions(trained_copy)
    assert log["version"].fillna(0).tolist() == [2, 1, 2, 0]


def test_the_former_champion_answers_for_a_damaged_one(trained_copy: Workspace) -> None:
    first, second = register_versions(trained_copy, 2)
    promote(trained_copy, first.number, reason="the first")
    promote(trained_copy, second.number, reason="better", evidence=show_evidence(first, second))
    change_row(trained_copy, second, "facts", "{}")
    app = give(open_predict(), PHOTO)
    assert "v2 is refused" in text_of(app)
    assert "Answered by Former champion · v1" in text_of(app)
    assert read_predictions(trained_copy)["version"].tolist() == [1]


def test_two_models_answer_side_by_side(trained_copy: Workspace) -> None:
    first, second = register_versions(trained_copy, 2)
    promote(trained_copy, first.number, reason="the first")
    set_challenger(trained_copy, second.number)
    app = give(open_predict(against="challenger"), PHOTO)
    said = text_of(app)
    assert "Both models agree" in said
    assert said.count("Answered by") == 2
    assert sorted(read_predictions(trained_copy)["version"]) == [1, 2]
    assert len([button for button in app.button if button.label == "Correct"]) == 2


def test_feedback_goes_to_review_with_the_photo_and_can_be_changed(trained_copy: Workspace) -> None:
    app = press(give(open_predict(), PHOTO), "Correct")
    (said,) = list_feedback(trained_copy)
    assert said.was_right
    assert read_kept_photo(trained_copy, said.photo) == PHOTO
    assert "Your feedback waits for review" in text_of(app)
    app = press(app, "Change")
    really = next(box for box in app.selectbox if box.label.startswith("No, it is"))
    assert said.class_name not in really.options
    other = really.options[0]
    app = press(really.set_value(other).run(), f"Send: it is {other}")
    (again,) = list_feedback(trained_copy)
    assert (again.class_name, again.was_right) == (other, False)


def test_a_photo_that_cannot_be_stored_says_so(
    trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = give(open_predict(), PHOTO)
    monkeypatch.setattr(kept_photos, "sweep_when_due", lambda *_: False)
    app = press(app, "Correct")
    assert "Your feedback waits for review" in text_of(app)
    assert "The photo could not be stored" in text_of(app)
    assert not trained_copy.kept_photos.exists()


def test_deleted_answers_are_not_logged_again(trained_copy: Workspace) -> None:
    app = give(open_predict(), PHOTO)
    visitor = read_predictions(trained_copy)["visitor"][0]
    assert delete_predictions(trained_copy, visitor=visitor) == 1
    app.run()
    assert "No photo yet" in text_of(app)
    assert read_predictions(trained_copy).empty
    assert "Answered by" in text_of(give(app, PHOTO))  # given again, it is logged again
    assert len(read_predictions(trained_copy)) == 1


def test_a_version_outlives_the_photos_it_was_trained_with(trained_copy: Workspace) -> None:
    (version,) = register_versions(trained_copy, 1)
    promote(trained_copy, version.number, reason="the first")
    dataset = list_datasets(trained_copy)[0].id
    learnt = read_dataset(trained_copy, dataset)
    photo = learnt.original(int((learnt.manifest["split"] == "train").argmax()))
    app = give(open_predict(), photo)
    assert "one of the training photos" in text_of(app)
    hide_dataset(trained_copy, dataset)
    app.run()
    assert not app.exception
    assert "Not available:" in text_of(app)
    assert "Answered by Champion" in text_of(app)


def test_several_photos_become_a_table_and_are_logged_once(trained_copy: Workspace) -> None:
    photos = [encode_photo(draw_photo(number % 3, 300 + number)) for number in range(6)]
    app = give(open_predict(), *photos, photos[0], b"no photo")
    assert "7 photos answered" in text_of(app)
    assert len(read_predictions(trained_copy)) == 6  # one came twice
    (frame,) = app.dataframe
    table = frame.value
    assert len(table) == 8
    assert table["Photo"].str.startswith("data:image/webp").sum() == 7
    assert table["Answer"].tolist()[-1] == "could not be read"
    assert table["File"].tolist()[:2] == ["mine 0.jpg", "mine 1.jpg"]
    app = give(app, *photos[2:])  # others of them, which are known
    assert "4 photos answered" in text_of(app)
    assert "Answered by" in text_of(app)  # the last one is opened
    assert len(read_predictions(trained_copy)) == 6
    app = press(app, "Start over")
    assert "No photo yet" in text_of(app)


def test_two_models_answer_several_photos(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[-1]
    register_versions(trained_copy, 1)
    app = open_predict(model="v1", against=run.id)
    app = give(app, PHOTO, encode_photo(draw_photo(1, 5)))
    table = app.dataframe[0].value
    assert {"v1: Answer", f"Run {run.number}: Score"} <= set(table.columns)
    assert text_of(app).count("Answered by") == 2
    assert len(read_predictions(trained_copy)) == 4


def test_more_than_20_photos_are_refused(trained_copy: Workspace) -> None:
    app = give(open_predict(), *(encode_photo(draw_photo(0, n)) for n in range(21)))
    (error,) = app.error
    assert "21 photos; this page answers up to 20" in error.value
    assert "predict MODEL --dir FOLDER" in error.value.replace("\\", "")
    assert read_predictions(trained_copy).empty and not app.dataframe


def test_a_file_that_is_not_a_photo_is_refused() -> None:
    app = give(open_predict(), b"no photo")
    assert len(app.error) == 1
    assert "Unsupported file format" in app.error[0].value
