"""`bench`: our figures beside bare OpenVINO and plain Keras, measured in the same run."""

import argparse
from dataclasses import asdict

from core.bench.measuring import Figure, Report
from core.cli.choosing import DATASET_HELP, RUN_HELP, choose_dataset, choose_run
from core.cli.entry import add_json_option
from core.cli.outcome import Outcome
from core.cli.progress import ProgressLine
from core.cli.recipes import add_backbone_options
from core.cli.tables import format_table
from core.workspace import Workspace
from data.manifest import SPLITS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for name, what in (
        ("extract", "features from packed photos: photos per second and memory"),
        (
            "train",
            "a head and the last stage, beside the recipe of tutorials: seconds and accuracy",
        ),
        ("predict", "one photo, from its bytes to the answer"),
        ("page", "each page, until it can be used"),
        ("dataset", "each interaction of the dataset page, also with 100,000 photos"),
        ("evaluate", "each evaluation page with a run: first visit, later visits, reruns"),
        ("serve", "the prediction API with 50 clients, beside the bare model"),
        ("fuzz", "malformed uploads and odd requests to the prediction API: none may crash it"),
        ("drift", "how often changed and unchanged photos are told to have changed"),
    ):
        kind = kinds.add_parser(
            name,
            help=what,
            description=f"Measures {what}.",
            epilog=f"example: python -m core bench {name} --json",
        )
        add_json_option(kind)
        _add_photo_options(kind, name)
        _add_subject_options(kind, name)
        _add_serving_options(kind, name)


def _add_photo_options(kind: argparse.ArgumentParser, name: str) -> None:
    """Adds how many photos are measured, and for how long they are trained."""
    if name == "train":
        kind.add_argument(
            "--photos",
            type=int,
            default=600,
            help="only so many of the dataset, drawn by chance (default: %(default)s)",
        )
        kind.add_argument(
            "--epochs", type=int, default=10, help="of each head (default: %(default)s)"
        )
    if name == "extract":
        kind.add_argument(
            "--keras-photos",
            type=int,
            default=128,
            help="photos that plain Keras is measured on (default: %(default)s)",
        )
        kind.add_argument("--photos", type=int, help="only the first so many of the dataset")
    if name in ("dataset", "drift"):
        whose = "of the made-up dataset" if name == "dataset" else "of each of the 100 draws"
        kind.add_argument(
            "--photos",
            type=int,
            default=100_000 if name == "dataset" else 200,
            help=f"photos {whose} (default: %(default)s)",
        )


def _add_subject_options(kind: argparse.ArgumentParser, name: str) -> None:
    """Adds what is measured, and how often."""
    if name in ("extract", "train", "dataset"):
        kind.add_argument(
            "dataset", nargs="?", default="latest", metavar="DATASET", help=DATASET_HELP
        )
    if name in ("extract", "train"):
        add_backbone_options(kind)
    if name in ("predict", "evaluate", "drift"):
        kind.add_argument("run", nargs="?", default="latest", metavar="RUN", help=RUN_HELP)
    if name == "evaluate":
        kind.add_argument(
            "--split",
            choices=SPLITS,
            default="validation",
            help="photos of the pages; test counts as one opening (default: %(default)s)",
        )
    if name == "page":
        kind.add_argument("pages", nargs="*", metavar="PAGE", help="only these pages")
    if name in ("predict", "page", "dataset", "evaluate"):
        kind.add_argument(
            "--repeats", type=int, default=20, help="how often each is measured (default: 20)"
        )


def _add_serving_options(kind: argparse.ArgumentParser, name: str) -> None:
    """Adds how the API is loaded."""
    if name == "serve":
        kind.add_argument("--clients", type=int, default=50, help="(default: %(default)s)")
        kind.add_argument(
            "--seconds", type=float, default=8.0, help="of each round (default: %(default)s)"
        )
        kind.add_argument("--rounds", type=int, default=5, help="(default: %(default)s)")
    if name == "fuzz":
        kind.add_argument("--uploads", type=int, default=1000, help="(default: %(default)s)")
        kind.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")


def run(workspace: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Outcome:
    report = _MEASUREMENTS[arguments.kind](workspace, arguments, progress)
    return Outcome(text=_describe(report), document=asdict(report))


# Each measurement is imported when it is wanted: some bring OpenVINO or Keras along.


def _extract(ws: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Report:
    from core.bench.extract import measure_extraction

    return measure_extraction(
        ws,
        choose_dataset(ws, arguments.dataset),
        weights_kind=arguments.weights,
        preprocessing=arguments.preprocessing,
        photos=arguments.photos,
        keras_photos=arguments.keras_photos,
        on_step=progress.note,
    )


def _train(ws: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Report:
    from core.bench.train import measure_training

    return measure_training(
        ws,
        choose_dataset(ws, arguments.dataset),
        weights_kind=arguments.weights,
        preprocessing=arguments.preprocessing,
        photos=arguments.photos,
        epochs=arguments.epochs,
        on_step=progress.note,
    )


def _predict(ws: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Report:
    from core.bench.predict import measure_prediction

    record = choose_run(ws, arguments.run)
    return measure_prediction(ws, record, repeats=arguments.repeats, on_step=progress.note)


def _page(ws: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Report:
    from core.bench.page import measure_pages

    return measure_pages(
        ws,
        arguments.pages,
        repeats=arguments.repeats,
        on_page=lambda done, total: progress.advance("measuring pages", done, total),
    )


def _dataset(ws: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Report:
    from core.bench.dataset import measure_dataset_page

    return measure_dataset_page(
        ws,
        choose_dataset(ws, arguments.dataset),
        photos=arguments.photos,
        repeats=arguments.repeats,
        on_step=progress.note,
    )


def _evaluate(ws: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Report:
    from core.bench.evaluate import measure_evaluation

    return measure_evaluation(
        ws,
        choose_run(ws, arguments.run),
        split=arguments.split,
        repeats=arguments.repeats,
        on_page=lambda done, total: progress.advance("measuring pages", done, total),
    )


def _serve(ws: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Report:
    from core.bench.serve import measure_serving

    return measure_serving(
        ws,
        clients=arguments.clients,
        seconds=arguments.seconds,
        rounds=arguments.rounds,
        on_step=progress.note,
    )


def _fuzz(ws: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Report:
    from core.bench.fuzz import measure_fuzz

    return measure_fuzz(ws, uploads=arguments.uploads, seed=arguments.seed, on_step=progress.note)


def _drift(ws: Workspace, arguments: argparse.Namespace, progress: ProgressLine) -> Report:
    from core.bench.drift import measure_drift

    record = choose_run(ws, arguments.run)
    return measure_drift(ws, record, photos=arguments.photos, on_step=progress.note)


_MEASUREMENTS = {
    "extract": _extract,
    "train": _train,
    "predict": _predict,
    "page": _page,
    "dataset": _dataset,
    "evaluate": _evaluate,
    "serve": _serve,
    "fuzz": _fuzz,
    "drift": _drift,
}


def _describe(report: Report) -> str:
    rows = [
        [figure.name, _round(figure.value), figure.unit, _speed(figure), figure.note]
        for figure in report.figures
    ]
    any_reference = any(figure.our_speed is not None for figure in report.figures)
    facts = [f"{name}: {value}" for name, value in report.circumstances.items()]
    table = format_table(("", "measured", "", "ours is" if any_reference else "", ""), rows)
    return "\n\n".join([report.title, table, "\n".join(facts)])


def _round(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _speed(figure: Figure) -> str:
    return "" if figure.our_speed is None else f"{_round(figure.our_speed)} × as fast"
