"""Words of the field that explain themselves, in the languages of lessons; see words.yaml."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml


def explain(word: str, language: str = "en") -> str | None:
    """Return what a word means, or a setting of a recipe; None where it is not known."""
    return _read_forms(language).get(word.casefold())


def list_words(text: str, language: str) -> dict[str, str]:
    """Return the words that occur in a text, in its order → what they mean.

    Longer forms win: "learning rate" is not "rate". Of several forms the one that occurs is named.
    """
    forms = _read_forms(language)
    longest = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    found = re.findall(rf"(?<!\w)({longest})(?!\w)", text.casefold()) if forms else []
    meanings = {forms[form]: form for form in reversed(found)}
    return {form: meaning for meaning, form in reversed(meanings.items())}


@cache
def _read_forms(language: str) -> Mapping[str, str]:
    content = Path(__file__).with_name("words.yaml").read_text(encoding="utf-8")
    words = yaml.safe_load(content).get(language, {})
    return {
        form.strip().casefold(): meaning
        for named, meaning in words.items()
        for form in named.split(",")
    }
