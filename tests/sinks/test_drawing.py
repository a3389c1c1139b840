from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from streamdet.detections import Detections
from streamdet.sinks.drawing import (
    MAX_COORDINATE,
    PALETTE,
    TRAIL_LENGTH,
    Trails,
    draw_detections,
    draw_notice,
    label_texts,
    track_color,
)
from streamdet.sinks.yuv_image import YuvImage
from tests.sinks.frames import one, plain_yuv, shown, tracked


def black(height: int, width: int) -> YuvImage:
    return plain_yuv(0, (height, width))


def trails_of(*frames: Detections) -> Trails:
    trails = Trails()
    for found in frames:
        trails.update(found)
    return trails


def test_a_box_covers_the_first_and_the_last_pixel_inside_its_edges() -> None:
    image = black(120, 160)
    draw_detections(image, one([20, 30, 60, 90]), ["car"], Trails())
    rows, columns = np.nonzero(shown(image).any(axis=2))
    assert (rows.min(), columns.min(), rows.max(), columns.max()) == (30, 20, 89, 59)


@pytest.mark.parametrize("hw", [(120, 160), (480, 640), (2160, 3840)])
def test_label_and_line_grow_with_the_image(hw: tuple[int, int]) -> None:
    height, width = hw
    image = black(height, width)
    x1, y1, x2, y2 = width * 0.3, height * 0.5, width * 0.7, height * 0.9
    draw_detections(image, one([x1, y1, x2, y2], track_id=1), ["car"], Trails())
    seen = shown(image)
    label_rows = seen[: int(y1)].any(axis=(1, 2)).sum()
    line_rows = seen[int(height * 0.6) :, width // 2].any(axis=1).sum()
    assert 0.01 * height < label_rows < 0.15 * height
    assert 1 <= line_rows < 0.02 * height


def test_a_label_that_has_no_room_above_or_beside_lies_inside_the_image() -> None:
    image = black(480, 640)
    draw_detections(image, one([620, -5, 700, 300], track_id=3), ["car"], Trails())
    columns = np.flatnonzero(shown(image)[:14].any(axis=(0, 2)))
    assert (columns.min() < 590, columns.max()) == (True, 639)


@pytest.mark.parametrize("hw", [(2, 2), (16, 16), (2, 300)])
@pytest.mark.parametrize(
    "xyxy", [[0, 0, 1, 1], [5, 5, 5, 5], [-1e9, -1e9, 1e9, 1e9], [900, 900, 950, 990]]
)
def test_any_finite_box_can_be_drawn_on_any_image(hw: tuple[int, int], xyxy: list[float]) -> None:
    found = one(xyxy, track_id=1)
    draw_detections(black(*hw), found, ["car"], trails_of(found))


def test_nothing_is_drawn_where_nothing_was_found() -> None:
    image = black(48, 64)
    draw_detections(image, Detections.empty(), [], Trails())
    assert not shown(image).any()


def test_objects_without_tracks_have_the_colour_of_their_class() -> None:
    image = black(120, 160)
    draw_detections(image, one([20, 30, 60, 90]), ["car"], Trails())
    assert np.abs(shown(image)[60, 20].astype(int) - track_color(0)).max() < 3


def test_neighbouring_track_ids_have_different_colours() -> None:
    colors = [track_color(i) for i in range(-1, 100)]
    assert all(a != b for a, b in pairwise(colors))
    assert len(set(colors)) == len(PALETTE)


@pytest.mark.parametrize("hw", [(120, 160), (240, 320), (480, 640), (1080, 1920)])
def test_boxes_keep_their_colour_in_video_of_one_colour_for_four_pixels(
    hw: tuple[int, int],
) -> None:
    image = black(*hw)
    draw_detections(image, one([21, 31, 60.4, 90], track_id=1), ["car"], Trails())
    seen = shown(image)
    for y, x in [(70, 20), (70, 21), (70, 58), (70, 59), (88, 40), (89, 40)]:
        assert np.abs(seen[y, x].astype(int) - track_color(1)).max() < 3, (y, x)


@pytest.mark.parametrize(
    ("hw", "text"), [((120, 160), "7"), ((240, 320), "7 car"), ((480, 640), "7 car 0.50")]
)
def test_labels_say_as_much_as_there_is_room_for(hw: tuple[int, int], text: str) -> None:
    (written,) = label_texts(hw, one([20, 30, 60, 90], track_id=7), ["car"])
    assert written == text


def test_a_trail_joins_the_middles_of_the_lower_edges() -> None:
    boxes = [one([x, 30, x + 20, 60], track_id=1) for x in (10, 50, 90)]
    trails = trails_of(*boxes)
    assert trails.points(1).tolist() == [[20, 60], [60, 60], [100, 60]]
    image = black(120, 160)
    draw_detections(image, boxes[-1], ["car"], trails)
    assert shown(image)[60, 20:101].any(axis=1).all()


def test_a_trail_keeps_the_last_positions_only() -> None:
    trails = trails_of(*(tracked(1, shift) for shift in range(TRAIL_LENGTH + 5)))
    assert trails.points(1)[:, 0].tolist() == [5 + 3 + i for i in range(TRAIL_LENGTH)]


def test_a_track_that_stays_away_is_forgotten() -> None:
    trails = trails_of(tracked(1), *[Detections.empty()] * TRAIL_LENGTH)
    assert len(trails.points(1)) == 1
    trails.update(Detections.empty())
    assert (len(trails.points(1)), trails.state()) == (0, [])


def test_trails_go_on_from_their_state_as_they_would_have() -> None:
    unbroken = trails_of(tracked(3), tracked(1, 4))
    restored = Trails(unbroken.state())
    for trails in (unbroken, restored):
        trails.update(tracked(2, 8))
    assert restored.state() == unbroken.state()


def test_positions_beyond_any_image_are_clipped() -> None:
    trails = trails_of(one([1e9, -1e9, 1e9, -1e9], track_id=1))
    assert trails.points(1).tolist() == [[MAX_COORDINATE, -MAX_COORDINATE]]


@pytest.mark.parametrize("hw", [(2, 2), (48, 64), (1080, 1920)])
def test_a_notice_is_written_at_the_bottom(hw: tuple[int, int]) -> None:
    image = black(*hw)
    draw_notice(image, "dropped: pixels lost")
    assert shown(image).any() == (hw[0] > 2)
    assert not shown(image)[: hw[0] // 2].any()


def test_what_was_found_in_an_object_has_its_colour_and_a_thin_box() -> None:
    outer = one([20, 20, 120, 100], track_id=4)
    both = outer.with_others(one([50, 40, 90, 80], track_id=0))
    both = replace(both, class_ids=np.array([0, 3]), parents=np.array([-1, 0]))
    plain, drawn = black(480, 640), black(480, 640)
    draw_detections(plain, outer, [""], Trails())
    draw_detections(drawn, both, ["", ""], Trails())
    side_of_parent, side_of_child = shown(plain)[60, 20], shown(drawn)[60, 50]
    np.testing.assert_allclose(side_of_child, side_of_parent, atol=2)
    row = shown(drawn)[60].any(axis=1)
    assert row[50:54].tolist() == [True, True, False, False]
    assert row[20:24].tolist() == [True, True, True, False]
