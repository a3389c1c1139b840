"""Masks and keypoints on images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamdet.detections import Detections, FrameMasks
from streamdet.frame import Geometry
from streamdet.ops.run_length import decode, encode
from streamdet.sinks.canvas import Canvas
from streamdet.sinks.drawing import Trails, draw_detections
from streamdet.sinks.overlays import SKELETON, draw_keypoints, draw_masks, fit_masks
from streamdet.sinks.yuv_image import YuvImage
from tests.sinks.frames import image, message, one, plain_yuv, shown

RED, BLUE = (0, 0, 255), (255, 0, 0)


def grey(height: int, width: int) -> YuvImage:
    return plain_yuv(100, (height, width))


def changed(canvas: YuvImage) -> np.ndarray:
    """Say which pixels are no longer those of `grey`."""
    return np.asarray((shown(canvas) != shown(grey(*canvas.hw))).any(axis=2))


def block(hw: tuple[int, int], rows: slice, columns: slice) -> bytes:
    mask = np.zeros(hw, bool)
    mask[rows, columns] = True
    return encode(mask)


def person(xyxy: list[float], score: float = 1.0) -> Detections:
    """Someone whose 17 keypoints lie on a diagonal of the box."""
    x1, y1, x2, y2 = xyxy
    share = np.linspace(0.1, 0.9, 17)
    points = np.stack([x1 + share * (x2 - x1), y1 + share * (y2 - y1), 0 * share + score], axis=1)
    return replace(one(xyxy), keypoints=points[None].astype(np.float32))


def test_a_mask_tints_its_pixels_and_no_others() -> None:
    canvas, masks = grey(8, 10), FrameMasks((8, 10), (block((8, 10), slice(2, 4), slice(4, 8)),))
    draw_masks(canvas, replace(one([0, 0, 10, 8]), masks=masks), [RED], [0])
    tinted = shown(canvas)[2:4, 4:8].astype(int)
    assert np.abs(tinted - [55, 55, 170]).max() <= 3  # 0.55 * 100 + 0.45 * color
    rows, columns = np.nonzero(changed(canvas))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 3, 4, 7)


def test_the_last_mask_of_the_order_lies_on_top() -> None:
    text = block((4, 4), slice(0, 4), slice(0, 4))
    two = one([0, 0, 4, 4])[np.array([0, 0])]
    found = replace(two, masks=FrameMasks((4, 4), (text, text)))
    canvas = grey(4, 4)
    draw_masks(canvas, found, [RED, BLUE], [1, 0])
    assert shown(canvas)[0, 0, 2] > shown(canvas)[0, 0, 0]


def test_an_empty_mask_and_no_masks_tint_nothing() -> None:
    canvas, found = grey(4, 4), one([0, 0, 4, 4])
    draw_masks(canvas, found, [RED], [0])
    empty = FrameMasks((4, 4), (block((4, 4), slice(0), slice(0)),))
    draw_masks(canvas, replace(found, masks=empty), [RED], [0])
    assert not changed(canvas).any()


def test_each_seen_keypoint_is_a_white_dot() -> None:
    canvas, found = grey(480, 640), person([100, 100, 300, 400])
    draw_keypoints(canvas, found, [RED], [0])
    assert found.keypoints is not None
    for x, y, _ in found.keypoints[0].round().astype(int).tolist():
        assert shown(canvas)[y, x].min() > 200


def test_a_keypoint_that_is_less_likely_than_not_is_not_drawn() -> None:
    canvas = grey(480, 640)
    draw_keypoints(canvas, person([100, 100, 300, 400], score=-0.1), [RED], [0])
    draw_keypoints(canvas, one([100, 100, 300, 400]), [RED], [0])
    assert not changed(canvas).any()


def test_only_people_have_a_skeleton() -> None:
    canvas, points = grey(480, 640), np.zeros((1, 16, 3), np.float32)
    points[0, :2] = [[100, 100, 1], [300, 100, 1]]
    found = replace(one([100, 100, 300, 400]), keypoints=points)
    draw_keypoints(canvas, found, [RED], [0])
    assert not changed(canvas)[100, 120:280].any()
    draw_keypoints(
        canvas, replace(found, keypoints=np.pad(points, ((0, 0), (0, 1), (0, 0)))), [RED], [0]
    )
    assert np.abs(shown(canvas)[100, 120:280].astype(int) - RED).max() < 60


def test_the_skeleton_is_cocos() -> None:
    published = (
        "16-14 14-12 17-15 15-13 12-13 6-12 7-13 6-7 6-8 7-9 8-10 9-11 2-3 1-2 1-3 2-4 3-5 4-6 5-7"
    )
    joined = {tuple(int(number) - 1 for number in pair.split("-")) for pair in published.split()}
    assert set(SKELETON) == joined


@pytest.mark.parametrize("hw", [(240, 320), (480, 640), (1080, 1920)])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.9])
def test_keypoints_leave_most_of_their_object_to_be_seen(hw: tuple[int, int], share: float) -> None:
    side = hw[0] * share
    canvas = grey(*hw)
    draw_keypoints(canvas, person([10, 10, 10 + side / 2, 10 + side]), [RED], [0])
    covered = (canvas.y != grey(2, 2).y[0, 0]).sum()
    assert 0 < covered < 0.5 * side * side / 2


@pytest.mark.parametrize("xyxy", [[0, 0, 1, 1], [-1e9, -1e9, 1e9, 1e9], [900, 900, 950, 990]])
def test_any_finite_keypoints_can_be_drawn_on_any_image(xyxy: list[float]) -> None:
    for hw in ((2, 2), (2, 300), (48, 64)):
        draw_keypoints(grey(*hw), person(xyxy), [RED], [0])


def test_masks_fit_into_an_image_of_another_size() -> None:
    masks = FrameMasks((2, 3), (encode(np.array([[1, 0, 1], [0, 1, 0]], bool)),))
    fitted = fit_masks(masks, Geometry((2.0, 2.0), (1.0, 0.0)), (4, 8))
    assert decode(fitted.counts[0], (4, 8)).astype(int).tolist() == [
        [0, 1, 1, 0, 0, 1, 1, 0],
        [0, 1, 1, 0, 0, 1, 1, 0],
        [0, 0, 0, 1, 1, 0, 0, 0],
        [0, 0, 0, 1, 1, 0, 0, 0],
    ]


def test_detections_are_drawn_with_masks_and_keypoints() -> None:
    canvas, found = grey(480, 640), person([100, 100, 300, 400])
    masks = FrameMasks((480, 640), (block((480, 640), slice(150, 300), slice(150, 250)),))
    draw_detections(canvas, replace(found, masks=masks), ["person"], Trails())
    assert found.keypoints is not None
    x, y, _ = found.keypoints[0, 16].round().astype(int)
    assert shown(canvas)[y, x].min() > 200
    assert changed(canvas)[290, 160]


@pytest.mark.parametrize("scale", [1, 2])
def test_a_canvas_of_another_size_shows_masks_in_their_place(scale: int) -> None:
    hw = 96 // scale, 128 // scale
    masks = FrameMasks(hw, (block(hw, slice(hw[0] // 2, hw[0]), slice(0, hw[1] // 2)),))
    found = replace(one([0, 0, hw[1], hw[0]]), masks=masks)
    painted, plain = plain_yuv(0, (96, 128)), shown(plain_yuv(90, (96, 128)))
    canvas = Canvas((96, 128), Trails())
    canvas.paint(painted, replace(message(), detections=found), image(90, hw), ("car",))
    differs = (shown(painted) != plain).any(axis=2)
    assert differs[60:90, 10:60].all()
    assert not differs[20:44, 70:120].any()
