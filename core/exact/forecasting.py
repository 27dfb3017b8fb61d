"""How many more photos: the learning curve of a dataset's exact head, measured once by a job.

Validation photos judge it; test photos are never looked at.
"""

from core.exact.store import HeadSource, prepare_head
from core.instant.curves import Curve, Forecast, foresee_curve
from core.instant.subsets import measure_curve
from core.kept import read_cached
from core.runs.jobs import Report
from core.workspace import Workspace

KIND = "curve"


def read_forecast(workspace: Workspace, source: HeadSource) -> Forecast | None:
    """Return the forecast of a dataset; None while its curve is not measured."""
    found = read_cached(workspace, source.identify(KIND))
    if found is None:
        return None
    sizes, values = (found.read_array(name) for name in ("sizes", "values"))
    return foresee_curve(Curve(sizes=sizes, values=values, judged=found.rest["judged"]))


def prepare_curve(workspace: Workspace, source: HeadSource, report: Report) -> None:
    """Measure the learning curve, unless it is stored.

    Raises:
        FeaturesMissing: The features were removed or altered.
    """
    if read_cached(workspace, source.identify(KIND)) is not None:
        return
    report("the exact head", 0, 0)
    head, judged = prepare_head(workspace, source), source.dataset.photo_numbers("validation")
    curve = measure_curve(head, judged, lambda done, of: report("fewer photos", done, of))
    arrays = {"sizes": curve.sizes, "values": curve.values}
    source.keep(workspace, KIND, arrays=arrays, judged=curve.judged)
