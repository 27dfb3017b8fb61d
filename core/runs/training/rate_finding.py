"""The search for a learning rate, in the worker that has the run: one pass, seconds long.

Keras is imported inside functions.
"""

from typing import TYPE_CHECKING

from core.runs.queue.run_lock import Hold
from core.runs.recipe.fit_plans import plan_head, shape_head
from core.runs.recipe.plans import RatePlan
from core.runs.store import RunRecord
from core.runs.training.reporting import RunReport
from core.runs.training.study_results import RateCurve, read_rates, write_rates
from core.workspace import Workspace
from models.plan import FitWatch

if TYPE_CHECKING:
    from models.fitting import Features


def execute_rate(
    workspace: Workspace,
    run: RunRecord,
    hold: Hold,
    report: RunReport,
    *,
    train: "Features",
    validation: "Features",
    n_classes: int,
) -> bool:
    """Returns False: the curve stands in the run's folder. One that stands is not made again.

    Raises:
        RunStopped: A person ended the search; half a curve says nothing.
    """
    from models.fitting import HeadFit
    from models.rate_finding import find_rates, rising_rates

    assert isinstance(run.plan, RatePlan)
    folder = workspace.run_folder(run.id)
    if read_rates(folder) is not None:
        return False
    job = HeadFit(
        train=train,
        validation=validation,
        shape=shape_head(run.recipe, n_classes),
        plan=plan_head(run.recipe),
        standardise=run.recipe.standardise,
    )
    measured = find_rates(
        job,
        rising_rates(run.plan.lowest, run.plan.highest, run.plan.steps),
        FitWatch(on_step=report.tell_progress, should_stop=hold.should_stop),
    )
    write_rates(
        folder,
        RateCurve(
            rates=measured.rates,
            losses=measured.losses,
            smoothed=measured.smoothed,
            suggestion=measured.suggestion,
            exploded=measured.exploded,
            photos=len(train[1]),
        ),
    )
    return False
