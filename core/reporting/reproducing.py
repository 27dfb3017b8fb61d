"""How to get the same run again: commands, weights, versions of what it was made with."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from platform import python_version

from core.installed import COMMAND
from core.reporting.contents import RunReport
from core.runs.recipe.words import has_own_policy, write_command

_PACKAGES = ("keras", "tensorflow-cpu", "tensorflow", "torch", "jax", "openvino", "numpy")


def list_commands(report: RunReport) -> list[str]:
    """Returns the commands that train, evaluate and report on the same run."""
    return [
        write_command(report.run.recipe),
        f"{COMMAND} evaluate {report.run.id} --split {report.split}",
        f"{COMMAND} report {report.run.id} --split {report.split}",
    ]


def list_conditions(report: RunReport) -> list[str]:
    """Returns what must be the same for the same result."""
    recipe = report.run.recipe
    precision = report.backbone.precision if report.backbone else "unknown precision"
    said = [
        f"The dataset {report.dataset.id} ({report.source}): the id is the digest of its "
        "photos, classes and splits. The same import gives the same id.",
        "Random weights: they are drawn from a fixed seed."
        if recipe.weights == "random"
        else f"The weights with SHA-256 {recipe.weights_digest} (in PETALSCOPE_WEIGHTS).",
        f"The recipe: its digest is the id of the run, {report.run.id}. It lies in "
        f"runs/{report.run.id}/recipe.json.",
        f"The same machine gives the same curve bit for bit; features were computed in "
        f"{precision}, trained on {report.run.device}.",
    ]
    if has_own_policy(recipe):
        said.append(
            "The augmentation is no preset: save it under a name first (page augmentation, opened "
            "from this run) and give that name as POLICY."
        )
    return said


def list_versions(packages: Sequence[str] = _PACKAGES) -> dict[str, str]:
    """Returns the versions of what computes here; packages that are not installed are left out."""
    found = {"python": python_version()}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
