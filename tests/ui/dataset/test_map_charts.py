"""The map: every photo is drawn once, areas find their photos, names are shown as they are."""

import numpy as np
import pytest

from core.ui.dataset.map_charts import (
    MOST_POINTS,
    Group,
    draw_groups,
    draw_scores,
    find_inside,
    group_by_class,
    thin_photos,
)

RNG = np.random.default_rng(0)


def name_photos(photos: np.ndarray) -> list[str]:
    return ["photo.jpg"] * len(photos)


CLASSES = [f"class {number:03d}" for number in range(102)]


@pytest.mark.parametrize("dark", [False, True])
def test_102_classes_are_told_apart(dark: bool) -> None:
    labels = RNG.integers(0, 102, 8189)
    groups = group_by_class(labels, CLASSES, (), False, dark)
    assert sorted(np.concatenate([group.photos for group in groups])) == list(range(8189))
    first = {(group.colour, group.symbol) for group in groups[:40]}
    assert len(first) == 40
    figure = draw_groups(RNG.normal(size=(8189, 2)), groups, name_photos, np.ones(8189, bool), dark)
    assert sum(len(trace.x) for trace in figure.data) == 8189
    assert {trace.type for trace in figure.data} == {"scattergl"}
    assert not figure.layout.annotations


def test_classes_are_brought_out_and_the_rest_hidden() -> None:
    labels = np.array([0, 1, 2, 2, 1])
    names = ["daisy", "rose", "tulip"]
    groups = group_by_class(labels, names, ("tulip",), False, False)
    assert [group.name for group in groups] == ["other classes", "tulip"]
    assert groups[0].quiet and groups[0].photos.tolist() == [0, 1, 4]
    alone = group_by_class(labels, names, ("tulip",), True, False)
    assert [group.photos.tolist() for group in alone] == [[2, 3]]


def test_names_are_not_taken_for_markup() -> None:
    group = Group(name="<b>rose</b>", photos=np.arange(2), colour="#000000")
    hover = np.array(["<i>a</i>.jpg", "b&c.jpg"])
    figure = draw_groups(np.zeros((2, 2)), [group], hover.__getitem__, np.ones(2, bool))
    assert figure.data[0].name == "&lt;b&gt;rose&lt;/b&gt;"
    assert list(figure.data[0].text) == ["&lt;i&gt;a&lt;/i&gt;.jpg", "b&amp;c.jpg"]


def test_names_stand_on_the_map_where_there_is_room() -> None:
    labels = np.repeat([0, 1], 10)
    groups = group_by_class(labels, ["daisy", "rose"], (), False, False)
    apart = np.column_stack([labels * 10.0 + RNG.normal(size=20), np.zeros(20)])
    all_drawn = np.ones(20, bool)
    figure = draw_groups(apart, groups, name_photos, all_drawn)
    texts = [label.text for label in figure.layout.annotations]
    assert texts == ["daisy", "rose"]
    mixed = RNG.normal(size=(20, 2)) * 0.01 + RNG.integers(0, 2, 20)[:, None] * 0
    mixed[0] = 100
    assert not draw_groups(mixed, groups, name_photos, all_drawn).layout.annotations


def test_low_scores_are_drawn_last() -> None:
    scores = np.array([0.1, 0.9, 0.5])
    names = np.array(["a", "b", "c"])
    figure = draw_scores(np.zeros((3, 2)), scores, names.__getitem__, np.ones(3, bool))
    assert (figure.data[0].marker.cmin, figure.data[0].marker.cmax) == (0, 1)
    assert list(figure.data[0].marker.color) == [0.9, 0.5, 0.1]
    assert list(figure.data[0].text) == ["b", "c", "a"]


def test_very_many_photos_are_thinned_for_drawing_only() -> None:
    assert thin_photos(np.arange(8189) < 10).all()
    everywhere = thin_photos(np.ones(100_000, bool))
    assert everywhere.sum() == MOST_POINTS
    assert np.array_equal(everywhere, thin_photos(np.ones(100_000, bool)))


def test_more_is_drawn_of_what_is_looked_at() -> None:
    """Who zooms in, or filters, sees all of a small part, and the map keeps its shape."""
    small, everywhere = np.arange(100_000) < 4_000, thin_photos(np.ones(100_000, bool))
    closer = thin_photos(small)
    assert closer[small].all()
    assert closer[~small].sum() == MOST_POINTS // 4
    half = thin_photos(np.arange(100_000) < 50_000)
    assert half[:50_000].sum() == MOST_POINTS
    assert half[:50_000][everywhere[:50_000]].all(), "what was drawn stays"


def test_areas_find_what_lies_in_them() -> None:
    positions = np.array([[0.5, 0.5], [1.5, 0.5], [0.2, 0.9], [3.0, 3.0]])
    triangle = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    box = np.array([[1.0, 0.0], [2.0, 0.0], [2.0, 1.0], [1.0, 1.0]])
    assert find_inside(positions, [np.add(triangle, (0.0, -0.1))]).tolist() == [False] * 4
    assert find_inside(positions, [np.add(triangle, (0.0, 0.1))]).tolist() == [
        True,
        False,
        False,
        False,
    ]
    assert find_inside(positions, [box]).tolist() == [False, True, False, False]
    both = find_inside(positions, [box, np.add(triangle, (0.0, 0.1))])
    assert both.tolist() == [True, True, False, False]
    assert not find_inside(positions, []).any()
