"""An answer in plain words: sure only as far as the scores are, and never certain."""

from collections.abc import Sequence

from core.prediction.deciding import Decision

_CLEAR = 0.8
_LIKELY = 0.5
_WORTH_SAYING = 0.05


def phrase_answer(top: Sequence[tuple[str, float]]) -> str:
    """Returns one or two sentences for the best classes of a photo.

    Args:
        top: Class names and scores in [0, 1], best first; at least one.
    """
    (best, score), *rest = top
    others = [_name(*other) for other in rest if other[1] >= _WORTH_SAYING]
    if score >= _CLEAR:
        beside = f"; possibly {others[0]}" if others else ""
        return f"Most likely {_name(best, score)}{beside}."
    if score >= _LIKELY:
        beside = f", but it may be {_join(others[:2])}" if others else ""
        return f"Probably {_name(best, score)}{beside}."
    return f"I am not sure. It looks most like {_join([_name(best, score), *others[:2]])}."


def phrase_decision(decision: Decision) -> str:
    """Returns what a run with a rule says of a photo: an answer, or that it does not know.

    The scores in it are calibrated.
    """
    (best, score), *rest = decision.top
    others = [_name(*other) for other in rest if other[1] >= _WORTH_SAYING]
    if decision.kind == "unlike":
        return "I don't know this: it does not look like anything I was trained on."
    if decision.kind == "unsure":
        return f"I don't know. It looks most like {_join([_name(best, score), *others[:2]])}."
    if score >= _CLEAR:
        return phrase_answer(decision.top)
    beside = f", but it may be {_join(others[:2])}" if others else ""
    return f"{'Probably' if score >= _LIKELY else 'Perhaps'} {_name(best, score)}{beside}."


def phrase_reason(decision: Decision) -> str:
    """Returns why a run with a rule gives no answer and what helps, in plain words; "" for one."""
    if decision.kind == "unlike":
        return (
            "Such a photo lies far from all that it has learnt from. Nearest of what it knows: "
            f"{_name(*decision.top[0])}, which may mean nothing."
        )
    if decision.kind == "unsure":
        return (
            f"It answers from {_percent(decision.threshold)} on. Try another photo: nearer, "
            "brighter, one thing in it; or ask somebody who knows."
        )
    return ""


def _name(class_name: str, score: float) -> str:
    return f"{_add_article(class_name)} ({_percent(score)})"


def _percent(score: float) -> str:
    if score >= 0.995:
        return "more than 99 %"
    return "less than 1 %" if score < 0.005 else f"{100 * score:.0f} %"


def _add_article(name: str) -> str:
    """Returns the name with "a" or "an" where it reads as one lower-case English thing."""
    words = name.replace("-", " ").replace("_", " ").split()
    plural = name.endswith("s") and not name.endswith(("ss", "us", "is"))
    if plural or not words or not all(word.isalpha() or "'" in word for word in words):
        return name
    if not name[0].islower():
        return name
    return f"an {name}" if name[0] in "aeio" and not name.startswith("eu") else f"a {name}"


def _join(names: Sequence[str]) -> str:
    return " or ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} or {names[-1]}"
