"""A report stands alone, says what was measured, and no name in it can become markup."""

import dataclasses
import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from base64 import b64decode
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from core.cli import main
from core.datasets.quality.store import QualityResult
from core.errors import RunUnfinished
from core.evaluation.confusion import most_confused_pairs
from core.evaluation.metrics import evaluate_scores
from core.prediction.deciding import DecisionRule
from core.reporting.contents import RunReport, collect_report
from core.reporting.writing import list_doubts, write_html, write_model_card
from core.runs.store import list_runs, read_openings
from core.workspace import Workspace

EVIL = "<script>alert('a')</script>\"&|`*"


@pytest.fixture(scope="module")
def report(trained_workspace: Workspace) -> RunReport:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETALSCOPE_WORKSPACE", str(trained_workspace.root))
        run = list_runs(trained_workspace)[0]
        return collect_report(trained_workspace, run, "train")


@pytest.fixture(scope="module")
def evil(report: RunReport) -> RunReport:
    """The report as it would be of a run, dataset and classes with a hostile name."""
    classes = tuple(f"{EVIL}{number}" for number in range(len(report.result.classes)))
    photos = report.slices.photos
    scores, labels = report.result.scores[photos], report.result.labels[photos]
    return dataclasses.replace(
        report,
        run=dataclasses.replace(report.run, name=EVIL, device=EVIL),
        dataset=dataclasses.replace(report.dataset, name=EVIL, source=EVIL),
        result=dataclasses.replace(report.result, classes=classes),
        evaluation=evaluate_scores(scores, labels, classes),
        pairs=most_confused_pairs(report.matrix + 1, classes),
        worst=[
            dataclasses.replace(one, path=EVIL, true=EVIL, predicted=EVIL) for one in report.worst
        ],
    )


@pytest.fixture(scope="module")
def written(report: RunReport) -> str:
    return write_html(report)


class Reader(HTMLParser):
    """Collects elements and attributes as a browser reads them; fails where tags do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in ("meta", "img", "source"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_it_stands_alone(written: str) -> None:
    page = Reader(written)
    assert not {"script", "link", "iframe", "object"} & {name for name, _ in page.elements}
    for _, attributes in page.elements:
        for name in ("src", "srcset", "href"):
            assert attributes.get(name, "#").startswith(("data:", "#"))
        assert not [name for name in attributes if name.startswith("on")]
    anchors = {a["href"][1:] for name, a in page.elements if name == "a"}
    assert anchors == {a["id"] for name, a in page.elements if name == "section"}


def test_it_says_what_was_measured(report: RunReport, written: str) -> None:
    words = " ".join(Reader(written).words)
    n = report.evaluation.n
    assert f"n = {n:,}" in words
    assert f"{100 * report.evaluation.accuracy:.0f} %" in words
    assert report.run.id in words and report.dataset.id in words
    assert report.run.recipe.weights_digest in words
    assert f"python -m core train {report.dataset.id}" in words
    assert "Random weights" in words and "learned from them" in words
    for name in report.result.classes:
        assert name in words


def test_each_picture_is_one_and_each_chart_has_both_themes(
    report: RunReport, written: str
) -> None:
    page = Reader(written)
    pictures = [a for name, a in page.elements if name == "img"]
    assert all(picture["alt"] for picture in pictures)
    kinds = {picture["src"].split(";")[0] for picture in pictures}
    assert "data:image/svg+xml" in kinds
    assert ("data:image/webp" in kinds) == bool(report.worst)
    dark = [a["srcset"] for name, a in page.elements if name == "source"]
    charts = [picture["src"] for picture in pictures if "svg" in picture["src"][:20]]
    assert len(dark) == len(charts) and not set(dark) & set(charts)
    for chart in charts + dark:
        ElementTree.fromstring(b64decode(chart.split(",", 1)[1]))


def test_no_name_becomes_markup(evil: RunReport) -> None:
    page = Reader(write_html(evil))
    assert "script" not in {name for name, _ in page.elements}
    assert EVIL in " ".join(page.words)
    for name, attributes in page.elements:
        for value in (attributes.get("src", ""), attributes.get("srcset", "")):
            if "svg" in value[:20]:
                assert b"<script" not in b64decode(value.split(",", 1)[1]), name


def test_a_model_card_has_front_matter_and_escaped_names(evil: RunReport) -> None:
    card = write_model_card(evil)
    front, body = card.removeprefix("---\n").split("\n---\n", 1)
    named = [line for line in front.splitlines() if "- name:" in line]
    assert json.loads(named[0].split(": ", 1)[1]) == EVIL
    assert "<script>" not in re.sub(r"\\.", "", body)
    for title in ("Intended use", "Data", "Training", "Evaluation", "Limitations"):
        assert f"\n## {title}\n" in body
    assert f"python -m core train {evil.dataset.id}" in body


def test_a_model_card_names_leaks_and_suspects(report: RunReport) -> None:
    assert "Quality was not run" in write_model_card(dataclasses.replace(report, quality=None))
    splits = report.result.splits
    train = np.flatnonzero(splits == "train")
    outside = np.flatnonzero(splits == "validation")
    suspect = np.zeros(len(splits), dtype=bool)
    suspect[outside[:2]] = suspect[train[0]] = True
    pairs = {"a": [train[0], train[1], train[0]], "b": [outside[0], train[2], outside[0]]}
    found = QualityResult(
        id="q",
        weights="random",
        features_label="",
        neighbours=np.empty((0, 0)),
        similarities=np.empty((0, 0)),
        photos=pd.DataFrame({"suspect": suspect}),
        pairs=pd.DataFrame(pairs),
        facts={},
    )
    said = list_doubts(dataclasses.replace(report, quality=found, split="validation"))
    assert said[0].startswith(f"Leaks: 1 of {len(outside)} validation photos")
    assert said[1].startswith(f"Label suspects: 3 of {len(splits)} photos")
    assert said[1].endswith("2 of them in the validation split.")
    card = write_model_card(dataclasses.replace(report, quality=found, split="validation"))
    assert "Leaks: 1 of" in card


def test_a_model_card_says_when_it_answers(report: RunReport) -> None:
    assert report.rule is not None and report.rule.is_default
    without = write_model_card(dataclasses.replace(report, rule=None))
    assert "always names one of its classes" in without
    rule = DecisionRule(threshold=0.7, unlike_limit=1.4, class_thresholds={"rose": 0.8}, n=42)
    card = write_model_card(dataclasses.replace(report, rule=rule))
    assert "always names" not in card
    assert "with less than 70 % confidence, it says that it does not know" in card
    assert "1 class has its own threshold" in card
    assert "unlike all training photos" in card and "42 validation photos" in card


def test_a_run_without_its_backbone_has_a_report(
    trained_copy: Workspace, report: RunReport
) -> None:
    shutil.rmtree(trained_copy.backbones)
    found = collect_report(trained_copy, list_runs(trained_copy)[0], "train")
    assert found.backbone is None
    assert [one.path for one in found.worst] == [one.path for one in report.worst]
    assert not any(one.overlays for one in found.worst)
    html = write_html(found)
    Reader(html)
    assert found.run.recipe.weights_digest in html


def test_a_split_without_photos_is_refused(trained_workspace: Workspace) -> None:
    with pytest.raises(RunUnfinished):
        collect_report(trained_workspace, list_runs(trained_workspace)[0], "holdout")


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        (
            "Oxford 102 Flowers, /home/me/my data/102flowers.tgz",
            "Oxford 102 Flowers, 102flowers.tgz",
        ),
        ("~/photos/garden", "garden"),
        ("flower_photos.tgz", "flower_photos.tgz"),
        ("https://example.org/a/b.tgz", "https://example.org/a/b.tgz"),
    ],
)
def test_the_folders_of_a_machine_stay_on_it(report: RunReport, stated: str, said: str) -> None:
    dataset = dataclasses.replace(report.dataset, source=stated)
    assert dataclasses.replace(report, dataset=dataset).source == said


def test_the_command_writes_both_files_and_counts_the_test_photos(
    trained_copy: Workspace, tmp_path, capsys
) -> None:
    run = list_runs(trained_copy)[0]
    page = tmp_path / "report.html"
    assert main(["report", "latest", "--to", str(page), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["split"] == "validation" and document["n"] == run.val_photos
    assert page.stat().st_size == document["bytes"] < 5_000_000
    assert page.with_suffix(".md").read_text(encoding="utf-8").startswith("---\n")
    assert read_openings(trained_copy, run.id) == []
    written = page.read_bytes()
    assert main(["report", "latest", "--to", str(page)]) == 1  # nothing is overwritten unasked
    assert "already exists" in capsys.readouterr().err
    assert page.read_bytes() == written
    test = tmp_path / "test.html"  # written beside the model card, which is named here
    card = test.with_suffix(".md")
    assert main(["report", "latest", "--split", "test", "--to", str(card)]) == 0
    assert card.read_text(encoding="utf-8").startswith("---\n")
    assert "opened for the first time" in capsys.readouterr().out
    (opening,) = read_openings(trained_copy, run.id)
    assert opening.place == "command line"
    assert "opened 1 time" in test.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["report.pdf", "report"])
@pytest.mark.usefixtures("trained_copy")
def test_a_report_must_be_html_or_a_model_card(name: str, tmp_path, capsys) -> None:
    assert main(["report", "latest", "--to", str(tmp_path / name)]) == 1
    assert "does not end with .html or .htm or .md" in capsys.readouterr().err
