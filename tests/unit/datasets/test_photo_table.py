"""What is known of each photo: against scores read plainly, and nothing of what is sealed."""

import csv
import io
import json

import numpy as np
import pytest

from core.cli.command import main
from core.datasets.photo_table import ABSENT, NAMES, describe_answers, describe_photos, write_photos
from core.datasets.query import parse_query
from core.datasets.tags import PhotoTags
from core.runs.result import read_result
from core.runs.store import list_runs, read_openings
from core.workspace import Workspace
from data.manifest import read_dataset

NO_TAGS = PhotoTags((), np.empty((0, 0), dtype=bool))


def test_answers_are_those_of_the_scores_and_sealed_ones_are_unknown(
    trained_workspace: Workspace,
) -> None:
    result = read_result(trained_workspace, list_runs(trained_workspace)[0].id)
    dataset = read_dataset(trained_workspace, result.dataset_id)
    sealed = result.splits == "test"
    table = describe_photos(dataset, None, NO_TAGS).join(describe_answers(result, sealed))
    assert set(table) | set(ABSENT) == set(NAMES)
    for row, (scores, label) in enumerate(zip(result.scores, result.labels, strict=True)):
        one = table.iloc[row]
        assert one["class"] == dataset.classes[label]
        assert one["size"] == max(one["width"], one["height"])
        answers = one[["predicted", "score", "own_score", "loss", "entropy", "margin", "right"]]
        if sealed[row]:
            assert answers.isna().all()
            continue
        scores = scores.astype(np.float64)
        assert one["predicted"] == result.classes[int(scores.argmax())]
        assert one["right"] == (scores.argmax() == label) != one["wrong"]
        first, second = np.sort(scores)[::-1][:2]
        numbers = [first, scores[label], -np.log(scores[label])]
        numbers += [-(scores * np.log(scores)).sum(), first - second]
        assert answers.to_numpy()[1:6].astype(float) == pytest.approx(numbers, abs=1e-5)
    assert (~parse_query("right or not right").find(table)).tolist() == sealed.tolist()


def test_a_cell_that_a_spreadsheet_would_run_is_quoted(trained_workspace: Workspace) -> None:
    result = read_result(trained_workspace, list_runs(trained_workspace)[0].id)
    table = describe_photos(read_dataset(trained_workspace, result.dataset_id), None, NO_TAGS)
    table.loc[table.index[0], "path"] = "=1+1"
    rows = list(csv.DictReader(io.StringIO(write_photos(table))))
    assert rows[0]["path"] == "'=1+1"
    assert [row["photo"] for row in rows] == [str(photo) for photo in range(len(table))]


def test_the_command_lists_what_a_query_means_and_counts_a_look_at_test_photos(
    trained_copy: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (run,) = list_runs(trained_copy)[:1]
    command = ["datasets", "photos", run.recipe.dataset, "--run", run.id, "--where", "score > 0"]
    assert main([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    splits = [row["split"] for row in document["photos"]]
    assert "test" not in splits
    assert read_openings(trained_copy, run.id) == []
    assert main([*command, "--open-test"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == document["of"] > len(splits)
    assert len(read_openings(trained_copy, run.id)) == 1
    assert main([*command[:-1], "scor > 0"]) == 1
    assert "Did you mean “score”" in capsys.readouterr().err
