"""The champion's rule taken over to its challenger, which would answer every photo without one."""

from dataclasses import replace

from core.prediction.calibrating import suggest_rule
from core.prediction.deciding import read_rule, save_rule
from core.prediction.run_distances import read_distances
from core.registry.store import ModelVersion
from core.runs.result import read_result
from core.workspace import Workspace


def carry_rule(workspace: Workspace, champion: ModelVersion, run_id: str) -> bool:
    """Returns whether the run has a rule like the champion's now; one of its own stays.

    The thresholds stay what a person chose; the temperature and the distance, where the champion
    looks at them, are chosen anew on the validation photos of the run.

    Args:
        workspace: Holds the run.
        champion: Whose rule it is.
        run_id: Of a finished run.

    Raises:
        ResultDamaged: The result of the run was cut short or altered.
        FeaturesMissing: The features behind its scores were removed or altered.
    """
    kept = champion.facts.get("rule")
    if not kept or read_rule(workspace, run_id) is not None:
        return False
    result = read_result(workspace, run_id)
    if not len(result.photo_numbers("validation")):
        return False
    looks = kept["unlike_limit"] is not None
    distances = read_distances(workspace, run_id, result).distances if looks else None
    rule = suggest_rule(result, distances)
    own = {name: at for name, at in kept["class_thresholds"].items() if name in result.classes}
    rule = replace(rule, threshold=kept["threshold"], class_thresholds=own)
    save_rule(workspace, run_id, rule if kept["temperature"] != 1 else replace(rule, temperature=1))
    return True
