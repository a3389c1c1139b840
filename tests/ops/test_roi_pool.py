"""RoI Pool takes the maxima that its definition names."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.ops.roi_pool import pool_windows, roi_pool

GRID = torch.arange(16.0).reshape(1, 1, 4, 4)  # cell (y, x) holds 4 y + x


def rois(*rows: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 5)


def test_a_region_ends_with_the_cell_of_its_corner() -> None:
    # Cells 0..3 by 0..1 in bins of 2 x 1 cells.
    pooled = roi_pool(GRID, rois((0, 0, 0, 3, 1)), (2, 2))
    assert pooled[0, 0].tolist() == [[1, 3], [5, 7]]


def test_corners_snap_to_the_nearest_cell_and_halves_away_from_0() -> None:
    # 0.5 / 16 rounds to cell 0, 8 / 16 to cell 1, 24 / 16 to cell 2; -8 / 16 to cell -1.
    pooled = roi_pool(GRID, rois((0, 8, 0.5, 24, 0.5)), (1, 1), spatial_scale=1 / 16)
    assert pooled.item() == 2
    outside = roi_pool(GRID + 1, rois((0, -8, 0, -8, 0)), (1, 1), spatial_scale=1 / 16)
    assert outside.item() == 0


def test_bins_overlap_where_they_do_not_divide_the_region() -> None:
    # 3 cells in 2 bins: [0, 2) and [1, 3).
    pooled = roi_pool(-GRID, rois((0, 0, 0, 2, 2)), (2, 2))
    assert pooled[0, 0].tolist() == [[0, -1], [-4, -5]]


def test_a_region_smaller_than_its_bins_repeats_cells() -> None:
    pooled = roi_pool(GRID, rois((0, 2, 1, 2, 1)), (3, 3))
    assert pooled.flatten().tolist() == [6] * 9


def test_bins_outside_the_map_are_0() -> None:
    pooled = roi_pool(GRID - 99, rois((0, -2, 0, 1, 0), (0, 50, 50, 60, 60)), (1, 2))
    assert pooled.flatten().tolist() == [0, -98, 0, 0]


def test_a_region_inside_out_is_one_cell() -> None:
    assert roi_pool(GRID, rois((0, 3, 3, 1, 1)), (1, 1)).item() == 15


def test_regions_without_numbers_and_without_end() -> None:
    endless = (0, -math.inf, -math.inf, math.inf, math.inf)
    pooled = roi_pool(GRID + 1, rois((0, math.nan, 0, 3, 3), endless), (1, 1))
    assert pooled.flatten().tolist() == [0, 16]


def test_each_region_reads_its_own_image() -> None:
    pair = torch.cat([GRID, GRID + 100])
    assert roi_pool(pair, rois((1, 0, 0, 3, 3), (0, 0, 0, 3, 3)), (1, 1)).flatten().tolist() == [
        115,
        15,
    ]


def test_no_region_gives_nothing() -> None:
    assert roi_pool(GRID, rois(), (3, 2)).shape == (0, 1, 3, 2)
    assert roi_pool(GRID[:0], rois(), (3, 2)).shape == (0, 1, 3, 2)


def test_misuse_is_refused() -> None:
    with pytest.raises(ValueError, match=r"features must be \(B, C, H, W\), got \(4, 4\)"):
        roi_pool(GRID[0, 0], rois(), (1, 1))
    with pytest.raises(ValueError, match="index of one of 1 images"):
        roi_pool(GRID, rois((1, 0, 0, 1, 1)), (1, 1))


edge = st.integers(-4, 14)
window = st.tuples(st.integers(0, 1), edge, edge, st.integers(1, 15), st.integers(1, 15)).map(
    lambda w: (w[0], w[1], w[2], w[1] + w[3], w[2] + w[4])
)


@settings(deadline=None, max_examples=60)
@given(st.lists(window, min_size=1, max_size=20), st.integers(1, 4), st.integers(1, 4))
def test_every_bin_is_the_maximum_of_its_cells(
    windows: list[tuple[int, ...]], bins_down: int, bins_across: int
) -> None:
    features = torch.rand(2, 3, 9, 11, dtype=torch.float64) - 0.5
    pooled = pool_windows(features, torch.tensor(windows), (bins_down, bins_across))
    for row, (image, x1, y1, x2, y2) in enumerate(windows):
        for i in range(bins_down):
            for j in range(bins_across):
                top, bottom = (y2 - y1) * i // bins_down, -(-(y2 - y1) * (i + 1) // bins_down)
                left, right = (x2 - x1) * j // bins_across, -(-(x2 - x1) * (j + 1) // bins_across)
                cells = features[
                    image, :, max(y1 + top, 0) : max(y1 + bottom, 0),
                    max(x1 + left, 0) : max(x1 + right, 0),
                ].flatten(1)  # fmt: skip
                expected = cells.amax(dim=1) if cells.numel() else torch.zeros(3).double()
                assert torch.equal(pooled[row, :, i, j], expected)


def test_the_gradient_goes_to_the_maximum() -> None:
    features = GRID.clone().requires_grad_()
    roi_pool(features, rois((0, 0, 0, 3, 2), (0, 0, 0, 1, 1)), (1, 1)).sum().backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None
    assert features.grad.nonzero()[:, 2:].tolist() == [[1, 1], [2, 3]]
    assert features.grad.sum() == 2
