"""A folder of storage on the predict page: asked for, watched, found again, and by whom."""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.registry.answering import read_answering
from core.runs.jobs import is_to_stop
from core.runs.locks import hold_lock
from core.runs.run_files import append_event
from core.workspace import Workspace, write_json
from tests.builders import draw_photo, encode_photo
from tests.object_storage import SECRET, fill, run_object_storage
from tests.processes import wait_until
from tests.ui.driver import labels, open_page, press, run, text_of

PHOTOS = {f"{n}.jpg": encode_photo(draw_photo(n % 3, n, (90, 80))) for n in range(4)}
PHOTOS["torn.jpg"] = PHOTOS["1.jpg"][:200]
ASK = "Answer all by Run 1"
ANSWERS = "s3://photos/in-answers.parquet"


@pytest.fixture
def bucket() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, run_object_storage(patch):
        fill("s3://photos/in", PHOTOS)
        yield


def name_folder(app: AppTest, address: str) -> AppTest:
    app.text_input(key="predict.stored_photos").set_value(address)
    return run(app)


def wait_for_answers(workspace: Workspace, app: AppTest) -> str:
    """Return the id of the work that the address of the page names, when it has ended."""
    value = app.query_params["stored"]
    identifier = value if isinstance(value, str) else value[0]

    def has_ended() -> bool:
        job = read_answering(workspace, identifier)
        return job is not None and job.state != "going"

    wait_until(has_ended, "the folder is answered")
    return identifier


@pytest.mark.usefixtures("bucket")
def test_a_folder_is_answered_in_the_background_and_found_again(trained_copy: Workspace) -> None:
    app = name_folder(open_page("predict"), "s3://photos/in/")
    assert app.text_input(key="predict.stored_answers").value == ANSWERS
    app = press(app, ASK)
    identifier = wait_for_answers(trained_copy, app)
    for page in (run(app), open_page("predict", stored=identifier)):  # a reload is a new session
        assert "4 photos answered" in text_of(page) and "1 photo not read" in text_of(page)
        said, problems = (frame.value for frame in page.dataframe)
        assert said["Photos"].sum() == 4 and problems["Photos"].tolist() == [1]
        assert ANSWERS in [code.value for code in page.code]
        assert "by Run 1" in text_of(page).replace("\\", "")
    app = press(name_folder(open_page("predict"), "s3://photos/in"), ASK)
    assert "4 photos answered" in text_of(app)  # at once
    assert "No photo yet" in text_of(press(app, "Close"))


def test_how_far_it_is_is_drawn_until_it_is_stopped_or_killed(trained_copy: Workspace) -> None:
    folder = trained_copy.analysis_folder("0123abcd")
    asked = {"photos": "s3://photos/in", "answers": ANSWERS, "model": "v1", "by": "v1"}
    write_json(folder / "job.json", asked)
    reached = {"phase": "classifying photos", "done": 30, "total": 40, "seconds_left": 12}
    append_event(folder, {"event": "progress", **reached})
    with hold_lock(folder / "job.lock"):
        app = open_page("predict", stored="0123abcd")
        assert "30 of 40, 12 s left" in app.get("progress")[0].proto.text
        assert "it goes on" in text_of(app) and not is_to_stop(folder)
        press(app, "Stop")
        assert is_to_stop(folder)
    assert "ended from outside" in run(app).error[0].value and "Go on" in labels(app)


@pytest.mark.usefixtures("bucket")
def test_what_is_wrong_is_said_with_what_to_do(trained_copy: Workspace) -> None:
    app = name_folder(open_page("predict"), f"s3://key:{SECRET}@photos/in")
    assert not app.text_input(key="predict.stored_answers").value
    for answers, said in (("s3://photos/a.csv", "Parquet"), (ANSWERS, "names no bucket")):
        app.text_input(key="predict.stored_answers").set_value(answers)
        app = press(app, ASK)
        assert said in app.error[0].value and SECRET not in app.error[0].value
    app = press(name_folder(app, "s3://gone"), ASK)
    assert app.text_input(key="predict.stored_answers").value == "s3://gone/answers.parquet"
    wait_for_answers(trained_copy, app)
    assert "could not be listed" in run(app).error[0].value and "Go on" in labels(app)
