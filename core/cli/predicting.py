"""`predict`: what a run says of photos. A bad photo gives its error and the others go on."""

import argparse
from pathlib import Path
from typing import Any

from core.cli.choosing import RUN_HELP, choose_run
from core.cli.outcome import Outcome, error_document
from core.cli.progress import ProgressLine
from core.cli.tables import format_table
from core.errors import PhotoRefused
from core.prediction.answers import phrase_answer
from core.prediction.predictor import Prediction, Predictor, open_predictor
from core.workspace import Workspace
from data.images import read_photo_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="files to classify")


def run(workspace: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Outcome:
    record = choose_run(workspace, arguments.run)
    predictor = open_predictor(workspace, record.id)
    texts, documents = [], []
    for path in arguments.photos:
        text, document = _classify(predictor, path)
        texts.append(text)
        documents.append({"photo": path, **document})
        if len(arguments.photos) > 1:
            progress.advance("classifying photos", len(documents), len(arguments.photos))
    weights = predictor.weights_label
    texts.append(f"Answered by {record.name} ({record.id}), weights: {weights}.")
    return Outcome(
        text="\n\n".join(texts),
        document={"run": record.id, "weights": weights, "photos": documents},
        exit_code=int(any("error" in document for document in documents)),
    )


def _classify(predictor: Predictor, path: Path) -> tuple[str, dict[str, Any]]:
    try:
        prediction = predictor.predict(read_photo_file(path.expanduser()))
    except PhotoRefused as error:
        return f"{path}\n{error.problem} {error.remedy}", {"error": error_document(error)}
    return f"{path}\n{_describe(prediction)}", {
        "answer": phrase_answer(prediction.top),
        "top": [{"class": name, "score": score} for name, score in prediction.top],
        "width": prediction.facts.width,
        "height": prediction.facts.height,
        "seconds": prediction.seconds,
    }


def _describe(prediction: Prediction) -> str:
    rows = [[f"{100 * score:.1f} %", name] for name, score in prediction.top]
    return f"{phrase_answer(prediction.top)}\n{format_table(('score', 'class'), rows)}"
