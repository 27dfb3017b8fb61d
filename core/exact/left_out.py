"""Leave-one-out accuracy of the exact head beside a run with few validation photos.

Each training photo is answered by the head fitted without it, in closed form. The class shares of
all training photos are kept: else leaving out one of few photos would count against its class.
"""

import numpy as np

from core.errors import FeaturesMissing
from core.evaluation.intervals import Estimate, wilson_interval
from core.exact.head import ExactHead, fit_head, one_hot
from core.formats import interval, percent
from core.runs.result import RunResult, read_run_features
from core.workspace import Workspace

MOST_PHOTOS = 5_000
"""Training photos above which it takes more than about 3 s."""
_WORTH = 1.5
"""Photos that count as one in intervals, because the heads share their photos."""
METHOD = (
    "Each training photo is answered by an exact head (ridge regression on the features of this "
    "run) fitted without it. Copies make the accuracy too high; below 12 photos a class it can be "
    "up to 6 points too low."
)


def leave_out(workspace: Workspace, result: RunResult, *, tuned: bool) -> Estimate | None:
    """Return the leave-one-out accuracy beside a run; None if it would mislead or is impossible.

    Args:
        tuned: Whether stages of the backbone were trained, so that its features know the photos.
    """
    train, n_classes = result.photo_numbers("train"), len(result.classes)
    if tuned or n_classes < 2 or not 1 < len(train) <= MOST_PHOTOS:
        return None
    try:
        features = np.asarray(read_run_features(workspace, result)[train])
    except FeaturesMissing:
        return None
    head = fit_head(features, result.labels[train], np.arange(len(train)), n_classes)
    return judge_left_out(head)


def judge_left_out(head: ExactHead) -> Estimate:
    """Return the leave-one-out accuracy of a head with at least one training photo.

    Source:
        E. B. Wilson (1927) for the intervals. Such photos are worth fewer independent ones
        (S. Bates et al. (2024), JASA 119, 1434-1445).
    """
    labels, n = head.labels[head.train], len(head.train)
    targets, sizes = one_hot(labels, head.n_classes), np.bincount(labels, minlength=head.n_classes)
    shares_back = sizes / n - (sizes - targets) / (n - 1)
    right = (head.left_out + shares_back).argmax(axis=1) == labels
    share, worth = float(right.mean()), max(1, round(n / _WORTH))
    low, high = wilson_interval(share * worth, worth)
    return Estimate(value=share, low=low, high=high, n=n, method="widened Wilson")


def describe_left_out(accuracy: Estimate) -> str:
    """Return the accuracy with its interval, in words."""
    ends = interval(accuracy.low, accuracy.high, accuracy.n)
    said = f"Leave-one-out accuracy of the exact head {percent(accuracy.value, accuracy.n)}"
    return f"{said} ({ends} training photos)"
