"""`predict`: what a run says of photos. A bad photo gives its error and the others go on."""

import argparse
from pathlib import Path
from typing import Any

from core.cli.choosing import RUN_HELP, choose_run
from core.cli.outcome import Outcome, error_document
from core.cli.progress import ProgressLine
from core.cli.tables import format_table
from core.errors import PhotoRefused
from core.prediction.answers import phrase_answer, phrase_decision, phrase_reason
from core.prediction.deciding import Decision
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
    if predictor.is_blind:
        texts.append(
            "Whether a photo is like anything in training cannot be told: the features behind this "
            "run are gone."
        )
    texts.append(f"Answered by {record.name} ({record.id}), weights: {weights}.")
    return Outcome(
        text="\n\n".join(texts),
        document={
            "run": record.id,
            "weights": weights,
            "is_blind": predictor.is_blind,
            "photos": documents,
        },
        exit_code=int(any("error" in document for document in documents)),
    )


def _classify(predictor: Predictor, path: Path) -> tuple[str, dict[str, Any]]:
    try:
        prediction = predictor.predict(read_photo_file(path.expanduser()))
    except PhotoRefused as error:
        return f"{path}\n{error.problem} {error.remedy}", {"error": error_document(error)}
    return f"{path}\n{_describe(prediction)}", {
        "answer": _phrase(prediction),
        "decision": _document(prediction.decision),
        "top": [{"class": name, "score": score} for name, score in prediction.top],
        "width": prediction.facts.width,
        "height": prediction.facts.height,
        "seconds": prediction.seconds,
    }


def _describe(prediction: Prediction) -> str:
    decision = prediction.decision
    top, heading = (decision.top, "calibrated") if decision else (prediction.top, "score")
    rows = [[f"{100 * score:.1f} %", name] for name, score in top]
    reason = f"{phrase_reason(decision)}\n" if decision and decision.kind != "answer" else ""
    return f"{_phrase(prediction)}\n{reason}{format_table((heading, 'class'), rows)}"


def _phrase(prediction: Prediction) -> str:
    decision = prediction.decision
    return phrase_decision(decision) if decision else phrase_answer(prediction.top)


def _document(decision: Decision | None) -> dict[str, Any] | None:
    """Returns what the rule of the run makes of the photo; None where it has no rule."""
    if decision is None:
        return None
    return {
        "kind": decision.kind,
        "class": decision.top[0][0],
        "calibrated_score": decision.top[0][1],
        "threshold": decision.threshold,
        "distance": decision.distance,
        "limit": decision.limit,
    }
