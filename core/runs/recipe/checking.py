"""The check of a recipe before it is queued."""

from core.errors import RecipeRefused
from core.runs.recipe.recipe import SETTINGS, Recipe, check_network
from core.runs.recipe.settings import refuse
from core.workspace import check_identifier
from data.policy import check_policy
from models.catalogue import ADDED


def validate(recipe: Recipe) -> None:
    """Check that the recipe can be trained, before it is queued.

    Raises:
        RecipeRefused: A value is out of range, or the exact head has augmented photos.
        AugmentationRefused: Its policy is not allowed.
        BadIdentifier: The dataset is not an id.
        NetworkUnsupported: It is of an earlier version and has another network.
    """
    check_identifier(recipe.dataset)
    if not recipe.has_model:
        remedy = "Choose a strategy."
        raise RecipeRefused("Added predictions cannot be trained.", remedy, field="strategy")
    check_network(recipe)
    if recipe.is_added:
        if recipe.weights != ADDED or max(recipe.outputs, default=-1) < 0:
            problem = "The recipe of an added model names no output of it."
            raise RecipeRefused(problem, "Add the model again.", field="outputs")
        return
    check_policy(recipe.augmentation)
    if not (recipe.has_epochs or recipe.augmentation.does_nothing):
        raise RecipeRefused(
            "The exact head cannot use augmentation.",
            "Choose the augmentation “none”, or another strategy.",
            field="augmentation",
        )
    for one in SETTINGS.values():
        value = getattr(recipe, one.name)
        if not one.allows(value):
            raise refuse(one, one.allowed)
        if one.below and one.used(recipe) and value >= getattr(recipe, one.below):
            raise refuse(one, f"fewer than all {SETTINGS[one.below].title}")
