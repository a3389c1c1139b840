"""RoiAlignFpn reads what ops/roi_align.py reads, to 1e-5."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from streamdet.kernels.roi_align_fpn import RoiAlignFpn
from tests.kernels.conftest import Device
from tests.kernels.operations import Array, roi_align_by_kernel, roi_align_by_reference

STRIDES = [4, 8, 16]
CORNERS = [0.0, 111.0, 1e6, -1e6, -3.7]
SIDES = [0.0, 1.0, 112.0, 448.0, -5.0, 0.4]


def drawn(seed: int, count: int) -> npt.NDArray[np.float32]:
    """Regions of any size, half of them of odd values, in images -1 to 2."""
    rng = np.random.default_rng(seed)
    table = np.empty((count, 5))
    table[:, 0] = rng.integers(-1, 3, count)
    is_odd = rng.random((count, 2)) < 0.25
    table[:, 1:3] = np.where(
        is_odd, rng.choice(CORNERS, (count, 2)), rng.uniform(-60, 200, (count, 2))
    )
    table[:, 3:] = np.where(is_odd, rng.choice(SIDES, (count, 2)), rng.uniform(0, 300, (count, 2)))
    return rois_of(table.tolist())


def rois_of(rows: Sequence[Sequence[float]]) -> npt.NDArray[np.float32]:
    """Image, x, y, width, height -> image, xyxy."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    table[:, 3:] += table[:, 1:3]
    return table


def maps_of(seed: int, channels: int, levels: int, dtype: type = np.float32) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [
        rng.standard_normal((2, channels, 100 // stride + 1, 140 // stride)).astype(dtype)
        for stride in STRIDES[:levels]
    ]


def assume_levels_are_certain(rois: Array) -> None:
    """log2 may differ in its last digit: a region just between two levels has either."""
    wh = np.maximum(rois[:, 3:] - rois[:, 1:3], 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.log2(np.sqrt(wh[:, 0].astype(np.float64) * wh[:, 1]) / 224)
        off = np.abs(level - np.round(level))
    assume(not ((off > 0) & (off < 1e-5)).any())


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(0, 20),
    st.integers(1, 3),
    st.sampled_from([1, 5, 8, 11]),
    st.tuples(st.sampled_from([1, 2, 7]), st.sampled_from([0, 1, 2, 3])),
)
def test_the_kernel_reads_what_the_reference_reads(
    device: Device,
    seed: int,
    count: int,
    levels: int,
    channels: int,
    side_and_ratio: tuple[int, int],
) -> None:
    rois, maps = drawn(seed, count), maps_of(seed, channels, levels)
    assume_levels_are_certain(rois)
    op = RoiAlignFpn.of_strides(STRIDES[:levels], *side_and_ratio)
    pooled = roi_align_by_kernel(device("roi_align_fpn"), rois, maps, op)
    wanted = roi_align_by_reference(rois, maps, STRIDES[:levels], op)
    np.testing.assert_allclose(pooled, wanted, rtol=1e-5, atol=1e-5)


def test_float16_maps_are_read_in_float32_and_rounded_once(device: Device) -> None:
    rois, maps = rois_of([(0, 3, 4, 90, 70), (1, 0, 0, 30, 20)]), maps_of(1, 9, 3, np.float16)
    op = RoiAlignFpn.of_strides(STRIDES, 7)
    pooled = roi_align_by_kernel(device("roi_align_fpn"), rois, maps, op)
    wanted = roi_align_by_reference(rois, maps, STRIDES, op)
    np.testing.assert_allclose(pooled, wanted, rtol=2**-11 + 1e-5, atol=1e-6)


def test_a_bin_is_the_value_at_its_middle(device: Device) -> None:
    # Cell (y, x) holds 4 y + x; the region is 2 x 2 cells from (1, 1), its middles 1.5 and 2.5.
    grid = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    op = RoiAlignFpn(2, 1, 0.0, (1.0,))
    pooled = roi_align_by_kernel(device("roi_align_fpn"), rois_of([(0, 1, 1, 2, 2)]), [grid], op)
    assert pooled[0, 0].tolist() == [[7.5, 8.5], [11.5, 12.5]]


@pytest.mark.parametrize(
    ("side", "level"), [(0, 0), (111, 0), (112, 1), (223, 1), (224, 2), (448, 2), (5000, 2)]
)
def test_a_region_reads_the_level_that_suits_its_size(
    device: Device, side: float, level: int
) -> None:
    # FPN, equation 1: 224 pixels read level 4, which is stride 16; each map holds its number.
    maps = [np.full((1, 1, 400, 400), n, np.float32) for n in range(3)]
    op = RoiAlignFpn.of_strides(STRIDES, 1, 1)
    rois = rois_of([(0, 0, 0, side, side)])
    assert roi_align_by_kernel(device("roi_align_fpn"), rois, maps, op).item() == level


def test_padding_regions_and_those_without_numbers_are_0(device: Device) -> None:
    maps = [np.ones((2, 3, 9, 9), np.float32)]
    rois = np.array(
        [[-1, 0, 0, 8, 8], [2, 0, 0, 8, 8], [math.nan, 0, 0, 8, 8], [0, math.nan, 0, 8, 8],
         [0, 0, 0, math.inf, 8], [0, 0, -math.inf, 8, 8], [1, 0, 0, 8, 8]],
        np.float32,
    )  # fmt: skip
    for sampling_ratio in (0, 2):
        op = RoiAlignFpn(2, sampling_ratio, 0.0, (1.0,))
        pooled = roi_align_by_kernel(device("roi_align_fpn"), rois, maps, op)
        assert not pooled[:-1].any()
        assert pooled[-1].all()


def test_a_region_far_larger_than_its_map_ends_soon(device: Device) -> None:
    # 1e9 cells a side, a sample for each: the map is all in the first bin, and one in 1e18 samples.
    op = RoiAlignFpn(1, 0, 0.0, (1.0,))
    ones = [np.ones((1, 1, 4, 4), np.float32)]
    pooled = roi_align_by_kernel(device("roi_align_fpn"), rois_of([(0, 0, 0, 1e9, 1e9)]), ones, op)
    assert 0 <= pooled.item() < 1e-15


def test_no_region_is_no_launch() -> None:
    from streamdet.kernels.launch import DeviceArray

    float32 = np.dtype(np.float32)
    op = RoiAlignFpn(7, 2, 2.0, (0.25,))
    rois = DeviceArray(0, (0, 5), float32)
    maps = [DeviceArray(1, (1, 4, 5, 6), float32)]
    assert op.launches(rois, maps, DeviceArray(0, (0, 4, 7, 7), float32)) == []
