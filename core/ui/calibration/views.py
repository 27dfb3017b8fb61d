"""The three questions of the calibration page; which one is open lives in the URL."""

from core.prediction.deciding import DecisionRule
from core.runs.store import RunRecord
from core.ui.calibration.coverage import show_coverage, show_photos
from core.ui.calibration.picks import pick_one
from core.ui.calibration.scores import show_bin_photos, show_scores
from core.ui.calibration.unlike import show_most_unlike, show_unlike

_VIEWS = {
    "scores": ":material/straighten: Scores",
    "answers": ":material/rule: Answers",
    "unlike": ":material/visibility_off: Unlike photos",
}


def pick_view() -> str:
    """Returns the question that is open."""
    return pick_one("question", "Question", _VIEWS, "scores")


def show_view(view: str, run: RunRecord, split: str, rule: DecisionRule) -> None:
    """Draws what the split of a run says to the question.

    Args:
        rule: As the controls stand, kept or not.
    """
    if view == "answers":
        show_coverage(run, split, rule)
    elif view == "unlike":
        show_unlike(run, split, rule)
    else:
        show_scores(run, split, rule)


def show_view_photos(view: str, run: RunRecord, split: str, rule: DecisionRule) -> None:
    """Draws the photos behind what `show_view` says."""
    if view == "answers":
        show_photos(run, split, rule)
    elif view == "unlike":
        show_most_unlike(run, split)
    else:
        show_bin_photos(run, split, rule)
