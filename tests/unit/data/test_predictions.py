"""Predictions from elsewhere: many forms with one meaning, questions instead of guesses."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.errors import PredictionsRefused
from core.prediction.answers import AnsweredPhoto, write_answers
from core.prediction.deciding import Decision
from core.workspace import open_workspace
from data.dataset import Dataset
from data.importing import import_source
from data.prediction_columns import Choices
from data.predictions import Understood, read_predictions
from tests.builders import CLASSES, write_class_folders


def make_dataset(folder: Path, classes: tuple[str, ...] = CLASSES) -> Dataset:
    photos = write_class_folders(folder / "photos", classes, photos_per_class=4)
    return import_source(open_workspace(folder / "workspace"), photos, name="garden")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """daisy 0..3, rose 4..7, tulip 8..11."""
    return make_dataset(tmp_path_factory.mktemp("predictions"))


@pytest.fixture
def scores() -> np.ndarray:
    """(12, 3), all different; most of the right class."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet((1, 1, 1), 12) + np.repeat(np.eye(3), 4, axis=0)
    return (shares / 2).round(6)


@pytest.fixture
def table(dataset: Dataset, scores: np.ndarray) -> pd.DataFrame:
    """Columns filepath, daisy, rose, tulip."""
    frame = pd.DataFrame(scores, columns=CLASSES)
    frame.insert(0, "filepath", dataset.manifest["path"])
    return frame


def write(file: Path, content: str | bytes) -> Path:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def read_text(dataset: Dataset, folder: Path, text: str | bytes, **choices: Any) -> Understood:
    return read_predictions(write(folder / "them.csv", text), dataset, Choices(**choices))


def test_each_format_gives_the_same_predictions(dataset, table, scores, tmp_path):
    excel = table.to_csv(sep=";", decimal=",", index=False)
    records = table.to_dict("records")
    lists = pd.DataFrame({"image": table["filepath"], "scores": table[[*CLASSES]].values.tolist()})
    lines = "\n".join(map(json.dumps, records))
    table.set_index("filepath").to_parquet(tmp_path / "a.parquet")
    lists.to_parquet(tmp_path / "b.parquet")
    made = {
        "a.csv": table.to_csv(index=False),
        "bom.csv": b"\xef\xbb\xbf" + excel.encode(),
        "wide.csv": table.to_csv(sep="\t", index=False).encode("utf-16"),
        "pipe.csv": table.to_csv(sep="|").encode(),
        "a.csv.gz": gzip.compress(table.to_csv(index=False).encode()),
        "lists.csv": lists.to_csv(index=False),
        "numpy.csv": lists.assign(scores=[str(np.array(row)) for row in scores]).to_csv(
            index=False
        ),
        "a.jsonl": lines,
        "nested.jsonl": "\n".join(
            json.dumps({"id": row.pop("filepath"), "scores": row})
            for row in table.to_dict("records")
        ),
        "lists.jsonl": "\n".join(map(json.dumps, lists.to_dict("records"))),
    }
    files = [write(tmp_path / name, content) for name, content in made.items()]
    files += [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    expected = read_predictions(table, dataset)
    np.testing.assert_allclose(expected.scores, scores, atol=1e-6)
    assert expected.matched.all() and expected.scored == "all" and not expected.proposed
    for file in files:
        found = read_predictions(file, dataset)
        np.testing.assert_allclose(found.scores, scores, atol=1e-6, err_msg=file.name)
    assert len({read_predictions(file, dataset).digest for file in (table, *files)}) == 1
    assert expected.sentences[0].endswith("train photos matched.")
    again = read_predictions(table, dataset, expected.choices)
    assert (again.digest, again.choices) == (expected.digest, expected.choices)


@pytest.mark.parametrize(
    ("heads", "every"),
    [
        (["prob_daisy", "prob_rose", "prob_tulip"], "prob_*"),
        (["daisy_score", "rose_score", "tulip_score"], "*_score"),
        (["model 1: daisy", "model 1: rose", "model 1: tulip"], "model 1: *"),
        (["2", "0", "1"], "*"),
        (["p_0", "p_1", "p_2"], "p_*"),
        (["Daisy", "01_rose", "2. Tulip"], "*"),
    ],
)
def test_heads_of_scores_have_many_forms(dataset, table, scores, heads, every):
    found = read_predictions(table.set_axis(["photo", *heads], axis=1), dataset)
    order = [1, 2, 0] if heads[0] == "2" else [0, 1, 2]
    np.testing.assert_allclose(found.scores, scores[:, order], atol=1e-6)
    assert found.choices.score_column == every
    said = "one for each class" if every == "*" else f"“{every}”"
    assert found.words[1] == f"Scores of all classes: 3 columns, {said}."
    named = {"Daisy": "daisy", "01_rose": "rose", "2. Tulip": "tulip"}
    assert found.proposed == (named if heads[0] == "Daisy" else {})
    assert not read_predictions(
        table.set_axis(["photo", *heads], axis=1), dataset, found.choices
    ).proposed


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (lambda scores: 100 * scores, "percent"),
        (lambda scores: np.log(scores) + 3, "logits: softmax"),
        (lambda scores: scores * 0.6, "sigmoid"),
        (lambda scores: scores + 0.001, "probabilities"),
    ],
)
def test_scores_of_any_scale_become_probabilities(dataset, table, scores, form, words):
    table[[*CLASSES]] = form(scores)
    found = read_predictions(table, dataset)
    np.testing.assert_allclose(found.scores, scores, atol=0.003)
    np.testing.assert_allclose(found.scores.sum(axis=1), 1, atol=1e-6)
    assert words in found.words[-1]


def test_a_scale_that_is_not_clear_is_asked(dataset, table, scores):
    table[[*CLASSES]] = np.log(scores) + 20
    with pytest.raises(PredictionsRefused, match="not clear") as caught:
        read_predictions(table, dataset)
    assert caught.value.facts == {"question": "scale", "options": ("logits", "percent")}
    found = read_predictions(table, dataset, Choices(scale="logits"))
    np.testing.assert_allclose(found.scores, scores, atol=1e-6)
    table[[*CLASSES]] = np.log(scores)
    with pytest.raises(PredictionsRefused, match="cannot be sigmoid"):
        read_predictions(table, dataset, Choices(scale="sigmoid"))
    table[[*CLASSES]] = 3 * scores
    found = read_predictions(table, dataset, Choices(scale="sigmoid"))
    assert found.words[-1] == "Taken as sigmoid, as chosen: divided by their sum."
    np.testing.assert_allclose(found.scores, scores, atol=1e-6)


def test_a_predicted_class_with_its_score_shares_the_rest(dataset, tmp_path):
    text = "filename,label,prediction,confidence\n{},rose,daisy,{}\n{},rose,tulip,{}\n"
    files = "daisy_000.jpg", "rose_001.jpg"
    found = read_text(dataset, tmp_path, text.format(files[0], 0.8, files[1], 0.5))
    assert found.scored == "predicted"
    np.testing.assert_allclose(found.scores[[0, 5]], [[0.8, 0.1, 0.1], [0.25, 0.25, 0.5]])
    assert found.matched.sum() == 2 and not found.scores[1].any()
    same = read_text(dataset, tmp_path, text.format(files[0], 80, files[1], "50"))
    assert same.digest == found.digest and "100 %" in same.words[2]
    low = read_text(dataset, tmp_path, text.format(files[0], 0.8, files[1], 0.2))
    assert low.scored == "none" and low.scores[5].tolist() == [0, 0, 1]
    assert "in 1 row it is above 1, or not above 1/3" in " ".join(low.words)
    plain = read_text(dataset, tmp_path, f"id,label\n{files[0][:-4]},daisy\n{files[1][:-4]},rose\n")
    assert plain.scored == "none" and "column of true classes" in plain.words[-1]


@pytest.mark.parametrize("heads", ["{}", "label,{}"])
def test_one_score_for_two_classes_is_asked_which_it_scores(tmp_path, heads):
    dataset = make_dataset(tmp_path, ("cat", "dog"))
    cells = "dog," if "label" in heads else ""
    text = f"path,{heads.format('score')}\ncat_000.jpg,{cells}0.2\ndog_001.jpg,{cells}0.9\n"
    with pytest.raises(PredictionsRefused, match="one score for two classes") as caught:
        read_text(dataset, tmp_path, text)
    assert caught.value.facts == {"question": "names", "options": ("score",)}
    found = read_text(dataset, tmp_path, text, names={"score": "dog"})
    np.testing.assert_allclose(found.scores[[0, 5]], [[0.8, 0.2], [0.1, 0.9]], rtol=1e-6)
    assert found.scored == "all" and not found.proposed
    assert read_predictions(tmp_path / "them.csv", dataset, found.choices).digest == found.digest
    sure = text.replace("0.2", "0.8").replace("score", "confidence")
    if cells:
        assert read_text(dataset, tmp_path, sure).scored == "predicted"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["0", "2"], [0, 2]),
        (["1", "3"], [0, 2]),
        (["Rose", "1 tulip"], [1, 2]),
        (["2.0", "0.0"], [2, 0]),
    ],
)
def test_class_numbers_and_spellings(dataset, tmp_path, values, expected):
    text = "path,pred\ndaisy/daisy_000.jpg,{}\ndaisy/daisy_001.jpg,{}\n".format(*values)
    assert read_text(dataset, tmp_path, text).scores[:2].argmax(axis=1).tolist() == expected


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        (["daisy\\daisy_000.jpg", ".\\rose\\rose_000.jpg"], [0, 4]),
        (["/content/flowers/val/daisy/daisy_001.jpg", "C:\\f\\rose\\rose_002.jpg"], [1, 6]),
        (["x/daisy_001.jpg", "gone.jpg"], [1]),
        (["=daisy_001.jpg", "'=2.jpg", "tulip_003"], [11]),
        (["a/daisy_001.jpg", "b/daisy_001.jpg", "rose_000.jpg"], [4]),
    ],
)
def test_photos_are_matched_by_path_then_by_its_end(dataset, tmp_path, names, rows):
    found = read_text(dataset, tmp_path, "\n".join(["image,pred", *(f"{n},rose" for n in names)]))
    assert np.flatnonzero(found.matched).tolist() == rows
    assert found.rows == len(names) and found.unknown_rows == len(names) - len(rows)
    assert ("same file name" in " ".join(found.words)) is False


def test_digests_and_the_tables_of_this_program(dataset, tmp_path):
    manifest = dataset.manifest
    text = f"sha256,pred\n{manifest['sha256'][3].upper()},rose\n"
    assert read_text(dataset, tmp_path, text).scores[3].tolist() == [0, 1, 0]
    kinds = [("answer", 0.9), ("unsure", 0.4)]
    answers = [
        AnsweredPhoto(
            name=f"/home/me/{manifest['path'][n]}",
            sha256=manifest["sha256"][n],
            answers=(Decision(kind=kind, top=[("rose", p), ("tulip", 0.05)]),),
        )
        for n, (kind, p) in enumerate(kinds)
    ]
    found = read_text(dataset, tmp_path, write_answers(answers, ["champion"]))
    assert found.scored == "predicted" and found.matched.sum() == 2
    np.testing.assert_allclose(found.scores[:2], [[0.05, 0.9, 0.05], [0.3, 0.4, 0.3]])


@pytest.mark.parametrize(
    ("text", "question", "options"),
    [
        ("path,file,pred\ndaisy_000.jpg,rose_001.jpg,rose\n", "photo_column", ("path", "file")),
        ("path,pred,yhat\ndaisy_000.jpg,rose,rose\n", "class_column", ("pred", "yhat")),
        ("path,pred,prob,score\ndaisy_000.jpg,rose,0.9,0.8\n", "score_column", ("prob", "score")),
        ("id,p_rose,p_daisy,q_rose,q_daisy\ndaisy_000,1,0,1,0\n", "score_column", ("p_*", "q_*")),
        ("path,pred\ndaisy_000.jpg,cat\nrose_000.jpg,rose\n", "names", ("cat",)),
        ("path,daisy,rose,tulip,cat\ndaisy_000.jpg,.4,.1,.3,.2\n", "names", ("cat",)),
        ("path,pred\ndaisy_000.jpg,1\n", "names", ("1",)),
        ("path,loss\ndaisy_000.jpg,.2\n", "class_column", ()),
        ("name,pred\nx.jpg,rose\n", "photo_column", ("name", "pred")),
    ],
)  # fmt: skip
def test_a_reading_that_is_not_clear_is_asked(dataset, tmp_path, text, question, options):
    with pytest.raises(PredictionsRefused) as caught:
        read_text(dataset, tmp_path, text)
    assert caught.value.facts == {"question": question, "options": options}


def test_answers_to_questions_are_followed(dataset, tmp_path):
    two = (
        "path,file,pred,yhat\ndaisy_000.jpg,daisy_001.jpg,rose,tulip\nx,daisy_000.jpg,rose,daisy\n"
    )
    found = read_text(dataset, tmp_path, two, photo_column="file", class_column="yhat")
    assert found.scores[:2].tolist() == [[1, 0, 0], [0, 0, 1]]
    cats = "path,daisy,rose,tulip,cat\ndaisy_000.jpg,.4,.1,.3,.2\n"
    np.testing.assert_allclose(
        read_text(dataset, tmp_path, cats, names={"cat": ""}).scores[0], [0.5, 0.125, 0.375]
    )
    np.testing.assert_allclose(
        read_text(dataset, tmp_path, cats, names={"cat": "rose"}).scores[0], [0.4, 0.3, 0.3]
    )
    with pytest.raises(PredictionsRefused, match="no class “dog”"):
        read_text(dataset, tmp_path, cats, names={"cat": "dog"})
    with pytest.raises(PredictionsRefused, match="No row of “pred” has a class of this dataset"):
        read_text(dataset, tmp_path, "path,pred\ndaisy_000.jpg,\n")
    with pytest.raises(PredictionsRefused, match="All scores were left out"):
        read_text(dataset, tmp_path, cats, names=dict.fromkeys((*CLASSES, "cat"), ""))
    for field in ("photo_column", "class_column", "score_column"):
        with pytest.raises(PredictionsRefused, match="no column “x”"):
            read_text(dataset, tmp_path, cats, **{field: "x"})
    most = "id,p_daisy,p_rose,p_tulip,p_max\ndaisy_000,.2,.3,.5,.5\n"
    found = read_text(dataset, tmp_path, most, names={"max": ""})
    np.testing.assert_allclose(found.scores[0], [0.2, 0.3, 0.5], atol=1e-6)
    assert found.choices.scale == "probabilities" and "left out: “max”" in " ".join(found.words)


def test_what_is_odd_is_noted(dataset, table):
    table["pred"], table["epoch"], table["cat"] = "rose", 3, 0.0
    table = pd.concat([table, table.iloc[:1], table.iloc[:1].assign(filepath="x.jpg")])
    notes = " ".join(read_predictions(table.drop(columns="tulip"), dataset).words)
    for part in (
        "In 6 rows the class with the highest score is not the class in “pred”.",
        "1 row repeated",
        "not used: “cat”, “epoch”",
        "without a column is 0: “tulip”",
    ):
        assert part in notes
    table.iloc[-2, 1:3] = 0.1, 0.8
    with pytest.raises(PredictionsRefused, match="Rows 1 and 13 give a photo different"):
        read_predictions(table, dataset)


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (["nan", "0.5", "0.5"], "1 row with a score that is empty or no number, first: row 2 "),
        (["", "0.5", "0.5"], "empty or no number"),
        (["inf", "0.5", "0.5"], "empty or no number"),
        (["0", "0", "0"], "0 for all classes"),
    ],
)
def test_scores_that_are_no_scores_are_refused(dataset, tmp_path, cells, sentence):
    text = f"path,daisy,rose,tulip\ndaisy_000.jpg,0.2,0.3,0.5\nrose_000.jpg,{','.join(cells)}\n"
    with pytest.raises(PredictionsRefused, match=sentence):
        read_text(dataset, tmp_path, text)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"", "could not be read as a table: Empty CSV"),
        ("a.csv", b"path,pred\n", "lists no predictions"),
        ("a.csv", b"path,pred\na,b,c\n", "Row #2: Expected 2 columns, got 3"),
        ("a.csv", b"path,pred\na,b\na,b,c\n", "Row #3: Expected 2 columns, got 3"),
        ("a.csv", b'path,pred\n"a,b\n', "Row #2: Expected 2 columns, got 1"),
        ("a.csv", bytes(range(256)) * 40, "is not a text file"),
        ("a.csv", b"a," * 10_001, "more than 10,000 columns"),
        ("a.csv", b"path,path \na,b\n", "two columns “path”"),
        ("a.csv.gz", b"no gzip", "could not be read"),
        ("a.csv.gz", gzip.compress(b"path,pred\n" * 9, mtime=0)[:-9], "could not be read"),
        ("a.parquet", b"PAR1 is not all", "could not be read"),
        ("a.jsonl", b'{"path": "a", "pred": "b"}\n{"path": "a"', "could not be read"),
        ("a.jsonl", b'{"path": "a", "pred": "b"}\n{"path": 3}\n', "could not be read"),
        ("a.jsonl", b"[1, 2]\n", "could not be read"),
    ],
)  # fmt: skip
def test_files_that_are_no_tables_get_a_sentence(dataset, tmp_path, name, content, sentence):
    with pytest.raises(PredictionsRefused, match=sentence):
        read_predictions(write(tmp_path / name, content), dataset)
    with pytest.raises(PredictionsRefused, match="There is no file"):
        read_predictions(tmp_path / "gone.csv", dataset)


def test_quoted_line_breaks_and_other_letters(dataset, tmp_path):
    text = 'path,"a\n note",pred\ndaisy_000.jpg,"b\n\nc",rose\r\ndaisy_001.jpg,ä,tulip\r\n'
    found = read_text(dataset, tmp_path, text.encode("cp1252"))
    assert found.scores[:2].argmax(axis=1).tolist() == [1, 2]


def test_large_tables_are_refused_unread(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr("data.prediction_tables.ROW_LIMIT", 2)
    text = "path,pred\n" + "daisy_000.jpg,rose\n" * 3
    with pytest.raises(PredictionsRefused, match="is too large: 2 rows"):
        read_text(dataset, tmp_path, text)
    monkeypatch.setattr("data.prediction_tables._LARGEST_BYTES", 20)
    packed = write(tmp_path / "a.csv.gz", gzip.compress(b"path,pred\n" * 99))
    for file in (packed, write(tmp_path / "a.csv", text)):
        with pytest.raises(PredictionsRefused, match="is too large"):
            read_predictions(file, dataset)
