"""The parent of all errors, and how they travel between processes."""

from typing import ClassVar


class PetalscopeError(Exception):
    """Parent of all errors that are shown to a person."""

    code: ClassVar[str] = "error"

    def __init__(self, problem: str, remedy: str, **facts: object) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.problem, self.remedy, self.facts))


def _rebuild(
    kind: type[PetalscopeError], problem: str, remedy: str, facts: dict[str, object]
) -> PetalscopeError:
    return kind(problem, remedy, **facts)
