"""The controls of the augmentation page: presets, parts with range and probability, saving."""

from functools import partial

import streamlit as st

from core.datasets.policies import delete_policy, is_preset, save_policy
from core.formats import plain
from core.ui.augmentation.reading import FIRST, AugmentationPage, choose_named, suggest_part
from core.ui.parts import cache
from core.ui.parts.frame import link_page
from core.ui.parts.messages import report_errors, show_told, tell_after_rerun
from core.ui.parts.pickers import pick_named, pick_one
from data.policy import LIMITS, Part

_GROUPS = {
    "Geometry": tuple(LIMITS)[:9],
    "Colour": ("brightness", "contrast", "saturation", "hue"),
    "Detail": ("blur", "noise", "cutout"),
}
_STEPS = {"degrees": 1.0, "times": 0.05, "pixels": 0.1, "grey levels": 1.0, "": 1.0}
"""Unit → step of its slider; shares have 0.01."""
_FORMATS = {"degrees": "%g°", "times": "× %.2f", "pixels": "%.1f px", "grey levels": "%g"}
_MOST_PICKED = 6
_CHANCE_WIDTH = 76


def show_controls(page: AugmentationPage) -> None:
    """Draw the controls of the policy; changes go into the address."""
    show_told()
    _show_named(page)
    policy = page.policy
    counts = {group: sum(n in policy.parts for n in names) for group, names in _GROUPS.items()}
    groups = {name: f"{name} {counts[name]}" if counts[name] else name for name in _GROUPS}
    start = {"default": "Geometry", "key": "augmentation.group", "width": "stretch"}
    group = pick_one("Parts", groups, start)
    st.caption("Range and probability" if policy.pick is None else "Range")
    for name in _GROUPS[group]:
        _show_part(page, name)
    _show_way(page)


def name_part(name: str) -> str:
    """Return the name of a part on screen."""
    return name.replace("_", " ").capitalize()


def write_amount(name: str, amount: float) -> str:
    """Return an amount with its unit: "−20°", "× 1.20", "12 %"."""
    unit = LIMITS[name].unit
    if name.endswith("_flip"):
        return "mirrored"
    if unit.startswith("of the"):
        return f"{100 * amount:.0f} %".replace("-", "−")
    text = _FORMATS[unit] % (round(amount) if unit in ("degrees", "grey levels") else amount)
    return text.replace("-", "−")


def _show_named(page: AugmentationPage) -> None:
    name, changed = page.name, page.is_changed
    st.session_state["augmentation.named"] = name
    st.selectbox(
        "Policy",
        list(page.named),
        key="augmentation.named",
        on_change=lambda: choose_named(st.session_state["augmentation.named"]),
        help="Random changes of each training photo. gentle: small shifts, turns and flips. "
        "strong: more of everything. randaugment: three random parts per draw.",
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if changed:
            _show_saving(page)
            st.button(
                f"Reset to {plain(name, 20)}",
                icon=":material/undo:",
                type="tertiary",
                on_click=choose_named,
                args=(name,),
            )
        else:
            link_page("training", "Use in a recipe", "model_training", policy=name)
        if (
            not changed
            and not is_preset(name)
            and cache.edit_button("Delete", icon=":material/delete:", type="tertiary")
        ):
            _delete(name)
    if changed:
        st.caption("Changed. Save it to use it in a recipe.")


@cache.for_editors
def _show_saving(page: AugmentationPage) -> None:
    name = page.name
    popover = st.popover("Save as", icon=":material/save:")
    with popover, st.form("augmentation.saving", border=False):
        wanted = st.text_input("Name", value="" if is_preset(name) else name, max_chars=40)
        pressed = st.form_submit_button("Save", type="primary")
    if pressed:
        with report_errors():
            saved = save_policy(cache.workspace(), wanted, page.policy)
            choose_named(saved)
            tell_after_rerun(f"Saved as “{plain(saved)}”.")
            st.rerun()


def _delete(name: str) -> None:
    with report_errors():
        delete_policy(cache.workspace(), name)
        choose_named(FIRST)
        tell_after_rerun(f"“{plain(name)}” is deleted. Runs that used it keep it in their recipe.")
        st.rerun()


def _show_part(page: AugmentationPage, name: str) -> None:
    limits, part = LIMITS[name], page.policy.parts.get(name)
    key = f"augmentation.{name}"
    st.session_state[f"{key}.on"] = part is not None
    st.toggle(
        name_part(name),
        key=f"{key}.on",
        help=f"{limits.what.capitalize()}.",
        on_change=partial(_switch, page, name),
    )
    if part is None:
        return
    with st.container(horizontal=True, gap="medium", wrap=False):
        if limits.least < limits.most:
            _show_range(page, name, part)
        if page.policy.pick is None:
            st.session_state[f"{key}.chance"] = round(100 * part.probability)
            st.slider(
                f"Probability of {name_part(name).lower()}",
                1,
                100,
                format="%d %%",
                key=f"{key}.chance",
                on_change=partial(_take, page, name),
                label_visibility="collapsed",
                width=_CHANCE_WIDTH,
            )


def _show_range(page: AugmentationPage, name: str, part: Part) -> None:
    limits, key = LIMITS[name], f"augmentation.{name}"
    share = limits.unit.startswith("of the")
    st.session_state[f"{key}.range"] = (part.low, part.high)
    st.slider(
        f"Range of {name_part(name).lower()}",
        float(limits.least),
        float(limits.most),
        step=0.01 if share else _STEPS[limits.unit],
        format="percent" if share else _FORMATS[limits.unit],
        key=f"{key}.range",
        on_change=partial(_take, page, name),
        label_visibility="collapsed",
    )


def _switch(page: AugmentationPage, name: str) -> None:
    on = st.session_state[f"augmentation.{name}.on"]
    page.change_part(name, suggest_part(name) if on else Part())


def _take(page: AugmentationPage, name: str) -> None:
    """Apply range and probability of a part from its sliders."""
    key, part = f"augmentation.{name}", page.policy.parts.get(name, suggest_part(name))
    low, high = st.session_state.get(f"{key}.range", (part.low, part.high))
    chance = st.session_state.get(f"{key}.chance")
    probability = part.probability if chance is None else chance / 100
    page.change_part(name, Part(low=low, high=high, probability=probability))


def _show_way(page: AugmentationPage) -> None:
    pick = page.policy.pick
    numbers = dict.fromkeys([*range(1, _MOST_PICKED + 1), pick or 1])
    words = {0: "each with its probability"} | {n: f"{n} random parts" for n in numbers}
    st.session_state["augmentation.pick"] = pick or 0
    pick_named(
        "Parts of a draw",
        words,
        key="augmentation.pick",
        on_change=lambda: page.change_pick(st.session_state["augmentation.pick"] or None),
        help="With random parts, each draw picks that number of the parts above (RandAugment).",
    )
