"""A GPU draws on NV12 what the CPU draws on I420."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.detections import Detections
from streamdet.kernels import draw
from streamdet.kernels.prepare import Nv12Frame, YuvMatrix
from streamdet.sinks.drawing import Trails, draw_detections, draw_notice
from streamdet.sinks.drawing_list import DrawingList
from streamdet.sinks.yuv_image import Surface, YuvImage
from tests.kernels.conftest import BOTH_ORDERS, Device
from tests.kernels.on_device import OnDevice
from tests.kernels.operations import Array

pytestmark = BOTH_ORDERS

SMOOTH = 6
"""Levels by which soft edges may differ: OpenCV blends them stroke by stroke (4 were met)."""


def grey(hw: tuple[int, int]) -> YuvImage:
    """Grey noise."""
    rng = np.random.default_rng(0)
    return YuvImage.of_i420(rng.integers(90, 110, (hw[0] * 3 // 2, hw[1]), dtype=np.uint8))


def drawn_on_gpu(on: OnDevice, image: YuvImage, listed: DrawingList) -> YuvImage:
    """Draw a list on the image's NV12, whose rows are 32 bytes longer; the image stays."""
    pairs = np.stack([image.u, image.v], axis=2).reshape(len(image.u), -1)
    planes = [on.put(np.pad(plane, ((0, 0), (0, 32)))) for plane in (image.y, pairs)]
    pitch = image.hw[1] + 32
    frame = Nv12Frame(planes[0].pointer, planes[1].pointer, pitch, image.hw, YuvMatrix.of(0.3, 0.1))
    on.run(draw.launches(frame, on.put(listed.operations()), on.put(listed.masks())))
    luma, chroma = (on.get(plane) for plane in planes)
    assert not luma[:, image.hw[1] :].any()
    uv = chroma[:, : image.hw[1]].reshape(*image.u.shape, 2)
    return YuvImage(luma[:, : image.hw[1]], uv[..., 0], uv[..., 1])


def difference(found: YuvImage, wanted: YuvImage) -> Array:
    """Levels, of all planes."""
    pairs = zip((found.y, found.u, found.v), (wanted.y, wanted.u, wanted.v), strict=True)
    parts = [np.abs(a.astype(int) - b.astype(int)).ravel() for a, b in pairs]
    return np.concatenate(parts)


def compared(on: OnDevice, hw: tuple[int, int], paint: Callable[[Surface], None]) -> Array:
    """Paint on both: by how much they differ."""
    image, listed = grey(hw), DrawingList(hw)
    paint(listed)
    found = drawn_on_gpu(on, image, listed)
    paint(image)
    return difference(found, image)


def objects(seed: int, count: int, hw: tuple[int, int], has_tracks: bool) -> Detections:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(-40, max(hw), (count, 2))
    xyxy = np.concatenate([corner, corner + rng.uniform(0, 150, (count, 2))], axis=1)
    scores = rng.uniform(0, 1, count).astype(np.float32)
    tracks = np.arange(1, count + 1) if has_tracks else None
    class_ids = rng.integers(0, 3, count)
    return Detections(xyxy.astype(np.float32), scores, class_ids, track_ids=tracks)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 80), st.sampled_from([(34, 66), (480, 420)]))
def test_boxes_are_drawn_bit_for_bit(
    device: Device, seed: int, count: int, hw: tuple[int, int]
) -> None:
    found = objects(seed, count, hw, has_tracks=False)
    rows = found.xyxy.round().astype(int) // 2 * 2

    def paint(image: Surface) -> None:
        for (x1, y1, x2, y2), class_id in zip(rows.tolist(), found.class_ids.tolist(), strict=True):
            image.fill((x1, y1, x2 + 2, y2 + 2), (40 * class_id, 200, 90))
            image.fill_luma((x1 - 1, y1 + 3, x2 + 2, y1 + 4), (9, 9, 9))

    assert not compared(device("draw"), hw, paint).any()


def test_detections_are_drawn_as_on_the_cpu(device: Device) -> None:
    hw = (480, 640)
    found = objects(1, 12, hw, has_tracks=True)
    labels = [f"class {class_id}" for class_id in found.class_ids]
    trails = Trails()
    for shift in range(5):
        trails.update(replace(found, xyxy=found.xyxy + 4 * shift))
    levels = compared(
        device("draw"), hw, lambda image: draw_detections(image, found, labels, trails)
    )
    assert levels.max() <= SMOOTH
    assert (levels > 0).mean() < 0.02  # at edges of letters and trails only


def test_a_notice_is_drawn_as_on_the_cpu(device: Device) -> None:
    levels = compared(device("draw"), (120, 160), lambda image: draw_notice(image, "no image"))
    assert levels.max() <= SMOOTH


def test_discs_and_masks_are_drawn_as_on_the_cpu(device: Device) -> None:
    mask = np.random.default_rng(2).random((31, 45)) < 0.5

    def paint(image: Surface) -> None:
        image.tint((7, 9), mask, (10, 200, 30), 0.45)
        image.disc((20, 20), 6, (200, 10, 30))
        image.disc((59, 40), 0, (255, 255, 255))

    assert compared(device("draw"), (64, 80), paint).max() <= SMOOTH


def test_the_later_lies_above_the_earlier_over_more_than_one_round(device: Device) -> None:
    # 256 operations are looked at together: 600 fills of one place, the last is seen.
    def paint(image: Surface) -> None:
        for level in range(600):
            image.fill((0, 0, 8, 8), (level % 256,) * 3)

    image, listed = grey((16, 16)), DrawingList((16, 16))
    paint(listed)
    found = drawn_on_gpu(device("draw"), image, listed)
    paint(image)
    assert not difference(found, image).any()
