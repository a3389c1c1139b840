"""One check of each operation that its whole code takes part in: what a mutant must not pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from streamdet.kernels.nms import Nms
from streamdet.kernels.prepare import Prepare, Resize, YuvMatrix
from streamdet.kernels.roi_align_fpn import RoiAlignFpn
from streamdet.kernels.roi_pool import RoiPool
from streamdet.kernels.yolox import YoloxTop
from streamdet.sinks.drawing import draw_notice
from streamdet.sinks.yuv_image import Surface
from tests.kernels import test_draw, test_nms, test_nv12, test_prepare, test_yolox
from tests.kernels.on_device import OnDevice
from tests.kernels.operations import (
    Boxes,
    nms_by_kernel,
    nms_by_reference,
    roi_align_by_kernel,
    roi_align_by_reference,
    roi_pool_by_kernel,
    roi_pool_by_reference,
)
from tests.kernels.test_roi_align_fpn import STRIDES, maps_of, rois_of


def check_nms(on: OnDevice) -> None:
    """Two images of 700 candidates: several tiles, and ranks over several rounds."""
    crowd, rng = test_nms.drawn(3, 2, 700), np.random.default_rng(4)
    spread = rng.uniform(0, 300, (*crowd.xyxy.shape[:2], 2)).astype(np.float32)
    crowd.xyxy[:, 100:, :2] = spread[:, 100:]
    crowd.xyxy[:, 100:, 2:] = spread[:, 100:] + rng.uniform(1, 60, (2, 600, 2)).astype(np.float32)
    for boxes, most in [(crowd, 700), (crowd, 40), (test_nms.drawn(5, 1, 0), 0)]:
        for op in (Nms(0.5, 0.25), Nms(0.0, -0.5)):
            indices, counts = nms_by_kernel(on, boxes, op, most)
            wanted_indices, wanted_counts = nms_by_reference(boxes, op, most)
            np.testing.assert_array_equal(counts, wanted_counts)
            np.testing.assert_array_equal(indices, wanted_indices)
            test_nms.assert_taken(on, boxes, indices, counts)
    apart = Boxes.of_one_image([[9 * x, 0, 9 * x + 5, 5] for x in range(70)], [0.5] * 70)
    assert nms_by_kernel(on, apart, Nms(0.5, 0.1), 65)[1].tolist() == [65]  # a tile and one
    edges = Boxes.of_one_image([[0, 0, 2, 1], [0, 0, 1, 1]], [0.9, 0.8])  # IoU 1/2
    assert nms_by_kernel(on, edges, Nms(0.5, 0.1), 2)[1].tolist() == [2]


def check_roi_align_fpn(on: OnDevice) -> None:
    """Regions inside, at the edges, outside, empty; each level; padding."""
    rows = [(0, 3, 4, 90, 70), (1, 0, 0, 30, 20), (1, -9, -9, 40, 300), (0, 120, 80, 90, 90),
            (0, 20, 20, 224, 224), (1, 50, 50, 0, 0), (2, 0, 0, 9, 9), (-1, 0, 0, 9, 9),
            (0, 500, 9, 9, 9), (1, 60, 60, -3, 5)]  # fmt: skip
    for channels, side, sampling_ratio in [(11, 3, 0), (32, 8, 2)]:  # the second: a whole block
        rois, maps = rois_of(rows), maps_of(1, channels, 3)
        op = RoiAlignFpn.of_strides(STRIDES, side, sampling_ratio)
        pooled = roi_align_by_kernel(on, rois, maps, op)
        wanted = roi_align_by_reference(rois, maps, STRIDES, op)
        np.testing.assert_allclose(pooled, wanted, rtol=1e-5, atol=1e-5)
    far = roi_align_by_kernel(
        on, rois_of([(0, 0, 0, 1e6, 1e6)]), [np.ones((1, 1, 4, 4), np.float32)],
        RoiAlignFpn(1, 0, 0.0, (1.0,)),
    )  # fmt: skip
    np.testing.assert_allclose(far, 1.6e-11, rtol=1e-3)  # 4 x 4 of 1e12 samples


def check_roi_pool(on: OnDevice) -> None:
    """Regions inside, at the edges, outside, inside out; halves; padding."""
    rows = [(0, 8, 24, 40, 72), (1, 3, 7, 200, 301), (0, -50, -50, 60, 60), (1, 900, 0, 990, 9),
            (0, 90, 90, 20, 20), (2, 0, 0, 9, 9), (-1, 0, 0, 9, 9),
            (1, np.nan, 0, 9, 9)]  # fmt: skip
    rois = np.array(rows, np.float32)
    features = np.random.default_rng(1).standard_normal((2, 8, 19, 25)).astype(np.float32)
    features[1, 2, 3, 3] = np.nan
    op = RoiPool((8, 4), 1 / 16)  # with 8 channels, 256 bins: a whole block
    pooled = roi_pool_by_kernel(on, rois, features, op)
    np.testing.assert_array_equal(pooled, roi_pool_by_reference(rois, features, op))


def check_prepare(on: OnDevice) -> None:
    """A BGR frame that is enlarged and one that shrinks, placed off the middle; an NV12 frame."""
    for hw, out_hw in [((31, 47), (50, 56)), ((90, 70), (33, 56))]:
        pixels, op = (
            test_prepare.noise((*hw, 3)),
            Prepare(
                out_hw,
                (2, 5),
                True,
                test_prepare.IMAGENET_MEAN,
                test_prepare.IMAGENET_STD,
                (1, 2, 3),
            ),
        )
        canvas = np.empty((out_hw[0] + 9, out_hw[1] + 8, 3), np.uint8)
        canvas[:] = (1, 2, 3)
        canvas[2:-7, 5:-3] = cv2.resize(pixels, out_hw[::-1])
        frame = test_prepare.bgr_frame(on, pixels)
        found = test_prepare.prepared(on, frame, op, canvas.shape[:2], np.float32)
        np.testing.assert_array_equal(found, test_prepare.network_input(canvas, op))
        resized = on.empty(canvas.shape, np.uint8)
        resize = Resize(out_hw, (2, 5), (1, 2, 3))
        on.run(resize.launches(frame, resized.pointer, canvas.shape[:2]))
        np.testing.assert_array_equal(on.get(resized), canvas)
    # Red beside blue, by ITU-R BT.601: y u v are 81 90 240 and 41 240 110.
    luma, u, v = (
        np.repeat(np.array([values], np.uint8), 32 // step, axis=1).repeat(12 // step, axis=0)
        for values, step in [((81, 41), 1), ((90, 240), 2), ((240, 110), 2)]
    )
    nv12 = test_prepare.nv12_frame(on, luma, u, v, YuvMatrix.of(0.299, 0.114), 80)
    found = test_prepare.prepared(on, nv12, Prepare((12, 64)), (12, 64), np.float32)
    for half, bgr in [(found[:, :, :32], (0, 0, 254)), (found[:, :, 32:], (255, 0, 0))]:
        assert np.abs(half - np.array(bgr).reshape(3, 1, 1)).max() <= 2


def check_yolox(on: OnDevice) -> None:
    """Ties, classes that are not wanted, NaN; more rows than candidates, and fewer."""
    is_wanted = np.array([1, 0, 1], np.uint8)
    for score_thresh, most in [(0.25, 30), (0.9, 400)]:
        output = test_yolox.drawn(7, 3, np.float32, cells=504)  # two blocks
        op = YoloxTop((128, 192), score_thresh)
        found = test_yolox.by_kernel(on, output, is_wanted, op, most)
        wanted = test_yolox.by_reference(output, is_wanted, op, most)
        np.testing.assert_array_equal(found.scores, wanted.scores)
        np.testing.assert_array_equal(found.class_ids, wanted.class_ids)
        np.testing.assert_allclose(found.xyxy, wanted.xyxy, rtol=1e-5, atol=1e-4)


def check_draw(on: OnDevice) -> None:
    """Fills in several rounds of operations, the later above the earlier, and letters."""
    rng = np.random.default_rng(3)
    places = rng.integers(-4, 60, (600, 2)) * 2

    def paint(image: Surface) -> None:
        for level, (x, y) in enumerate(places.tolist()):
            image.fill((x, y, x + 12, y + 8), (level % 256, 3, 200))
            image.fill_luma((x + 1, y, x + 12, y + 1), (9, 9, 9))

    assert not test_draw.compared(on, (80, 134), paint).any()
    notice = test_draw.compared(on, (80, 134), lambda image: draw_notice(image, "abc"))
    assert notice.max() <= test_draw.SMOOTH


def check_nv12(on: OnDevice) -> None:
    """An image of odd sides that fills two blocks' columns to the last thread."""
    pixels = test_prepare.noise((33, 127, 3))
    np.testing.assert_array_equal(test_nv12.by_kernel(on, pixels), test_nv12.by_opencv(pixels))


CHECKS: Final[dict[str, Callable[[OnDevice], None]]] = {
    "nms": check_nms,
    "roi_align_fpn": check_roi_align_fpn,
    "roi_pool": check_roi_pool,
    "prepare": check_prepare,
    "yolox": check_yolox,
    "draw": check_draw,
    "nv12": check_nv12,
}
