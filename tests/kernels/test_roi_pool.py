"""RoiPool takes, bit for bit, the maxima that ops/roi_pool.py takes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.kernels.roi_pool import RoiPool
from tests.kernels.conftest import Device
from tests.kernels.operations import Array, roi_pool_by_kernel, roi_pool_by_reference

EDGES = [0.0, 8.0, 24.0, 40.0, 1e9, -1e9, np.nan, np.inf, -np.inf]


def drawn(seed: int, count: int) -> Array:
    """Regions of any size, some of odd values, in images -1 to 2."""
    rng = np.random.default_rng(seed)
    is_odd = rng.random((count, 4)) < 0.2
    edges = np.where(is_odd, rng.choice(EDGES, (count, 4)), rng.uniform(-60, 700, (count, 4)))
    return np.concatenate([rng.integers(-1, 3, (count, 1)), edges], axis=1).astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(0, 20),
    st.sampled_from([(1, 1), (7, 7), (2, 5)]),
    st.sampled_from([1 / 16, 1.0, 0.3]),
    st.sampled_from([np.float32, np.float16]),
)
def test_the_kernel_takes_what_the_reference_takes(
    device: Device,
    seed: int,
    count: int,
    output_hw: tuple[int, int],
    scale: float,
    dtype: type,
) -> None:
    rois = drawn(seed, count)
    features: Array = np.random.default_rng(0).standard_normal((2, 5, 19, 25)).astype(dtype)
    features[0, 2, 4, 5] = np.nan
    op = RoiPool(output_hw, scale)
    pooled = roi_pool_by_kernel(device("roi_pool"), rois, features, op)
    np.testing.assert_array_equal(pooled, roi_pool_by_reference(rois, features, op))


def test_bins_reach_outwards_and_overlap(device: Device) -> None:
    # 3 cells in 2 bins of 1.5: cells 0, 1 and cells 1, 2; both corners belong to the region.
    row = np.array([5, 9, 1, 7], np.float32).reshape(1, 1, 1, 4)
    rois = np.array([[0, 0, 0, 2, 0]], np.float32)
    pooled = roi_pool_by_kernel(device("roi_pool"), rois, row, RoiPool((1, 2), 1.0))
    assert pooled.flatten().tolist() == [9, 9]


@pytest.mark.parametrize("image", [-1, 2])
def test_padding_regions_are_0(device: Device, image: int) -> None:
    features = np.ones((2, 3, 4, 4), np.float32)
    rois = np.array([[image, 0, 0, 3, 3], [1, 0, 0, 3, 3]], np.float32)
    pooled = roi_pool_by_kernel(device("roi_pool"), rois, features, RoiPool((2, 2), 1.0))
    assert not pooled[0].any()
    assert pooled[1].all()
