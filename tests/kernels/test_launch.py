"""An array that a kernel would misread is refused in a sentence; nothing to do is no launch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from streamdet.kernels.launch import DeviceArray, Launch
from streamdet.kernels.nms import Candidates, Kept, Nms, workspace_bytes
from streamdet.kernels.roi_align_fpn import RoiAlignFpn


def at(dtype: npt.DTypeLike, *shape: int) -> DeviceArray:
    """An array that nobody reads."""
    return DeviceArray(4096, shape, np.dtype(dtype))


def nms(boxes: int, scores: DeviceArray | None = None) -> list[Launch]:
    candidates = Candidates(
        at(np.float32, 2, boxes, 4), scores or at(np.float32, 2, boxes), at(np.int64, 2, boxes)
    )
    kept = Kept(at(np.int64, 2, 5), at(np.int64, 2))
    return Nms(0.5, 0.0).launches(candidates, 8192, kept)


def test_nms_compares_64_boxes_with_64_in_a_block() -> None:
    order, overlaps, keep = nms(130)
    assert (order.grid, order.block) == ((5, 2, 1), (256, 1, 1))  # 32 candidates a block
    assert (overlaps.grid, overlaps.block) == ((3, 3, 2), (64, 1, 1))
    assert (keep.grid, keep.block) == ((2, 1, 1), (256, 1, 1))


def test_the_workspace_of_nms_holds_the_table_of_bits_the_order_and_the_counts() -> None:
    assert workspace_bytes(2, 130) == 2 * (130 * 3 * 8 + 130 * 4 + 4)


def test_without_boxes_nms_still_writes_its_counts() -> None:
    assert [launch.kernel for launch in nms(0)] == ["nms_order", "nms_keep"]


def test_too_many_boxes_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 65536 boxes an image, got 65537"):
        nms(65_537)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (at(np.float64, 2, 9), r"scores must be \(2, 9\) float32, got \(2, 9\) float64"),
        (at(np.float32, 2, 8), r"xyxy must be \(2, 8, 4\) float32, got \(2, 9, 4\) float32"),
    ],
)
def test_scores_of_another_form_are_refused(scores: DeviceArray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nms(9, scores)


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ([], "want 1 to 5 maps, one for each of 1 scales, got 0"),
        ([at(np.float32, 1, 4, 9, 9)] * 2, "want 1 to 5 maps, one for each of 1 scales, got 2"),
        ([at(np.float64, 1, 4, 9, 9)], "maps must be float32 or float16, got float64"),
        ([at(np.float32, 4, 9, 9)], r"a map must be \(4, 9, any, any\) float32, got \(4, 9, 9\)"),
    ],
)
def test_maps_of_another_form_are_refused(maps: list[DeviceArray], message: str) -> None:
    op = RoiAlignFpn(7, 2, 2.0, (0.25,))
    with pytest.raises(ValueError, match=message):
        op.launches(at(np.float32, 3, 5), maps, at(np.float32, 3, 4, 7, 7))
