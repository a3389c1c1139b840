from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamdet.sinks.label_places import place_labels

HW = (100, 200)
LABEL = (10, 40)


def test_a_label_stands_above_its_box() -> None:
    assert place_labels([(20, 30, 60, 90)], [LABEL], [0], HW) == [(20, 20)]


def test_a_label_without_room_above_lies_inside_the_top() -> None:
    assert place_labels([(20, 4, 60, 90)], [LABEL], [0], HW) == [(20, 4)]


def test_a_label_is_pushed_in_from_the_right_edge() -> None:
    assert place_labels([(190, 30, 230, 90)], [LABEL], [0], HW) == [(160, 20)]


def test_who_comes_later_moves_inside_then_below_then_to_the_bottom() -> None:
    box = (20, 30, 60, 80)
    places = place_labels([box] * 4, [LABEL] * 4, [3, 2, 1, 0], HW)
    assert places == [(20, 70), (20, 80), (20, 30), (20, 20)]


def test_labels_that_only_touch_stay() -> None:
    assert place_labels([(20, 30, 60, 80), (60, 30, 90, 80)], [LABEL] * 2, [0, 1], HW) == [
        (20, 20),
        (60, 20),
    ]


def test_a_label_that_has_no_free_place_takes_its_first_one() -> None:
    box = (20, 30, 60, 80)
    assert place_labels([box] * 5, [LABEL] * 5, range(5), HW)[4] == (20, 20)


@given(
    st.lists(st.tuples(*[st.integers(-500, 500)] * 2, *[st.integers(0, 300)] * 2), max_size=6),
    st.tuples(st.integers(1, 100), st.integers(1, 200)),
)
def test_every_label_that_fits_lies_in_the_image(
    boxes: list[tuple[int, int, int, int]], label_hw: tuple[int, int]
) -> None:
    edges = [(x, y, x + width, y + height) for x, y, width, height in boxes]
    places = place_labels(edges, [label_hw] * len(edges), range(len(edges)), HW)
    for left, top in places:
        assert 0 <= left <= HW[1] - label_hw[1]
        assert 0 <= top <= HW[0] - label_hw[0]
