"""RoI Align reads between cells exactly as it is defined."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.ops.roi_align import fpn_levels, roi_align, roi_align_fpn

GRID = torch.arange(16.0).reshape(1, 1, 4, 4)  # cell (y, x) holds 4 y + x


def rois(*rows: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 5)


def test_a_bin_is_the_value_at_its_middle() -> None:
    # The region is 2 x 2 cells from (1, 1); bins of 1 x 1 have middles at 1.5 and 2.5.
    pooled = roi_align(GRID, rois((0, 1, 1, 3, 3)), (2, 2), sampling_ratio=1)
    assert pooled[0, 0].tolist() == [[7.5, 8.5], [11.5, 12.5]]


def test_aligned_regions_are_shifted_by_half_a_cell() -> None:
    # Cell centres lie at +0.5: the bins of (1, 1, 3, 3) are the cells (1, 1) to (2, 2).
    pooled = roi_align(GRID, rois((0, 1, 1, 3, 3)), (2, 2), sampling_ratio=1, aligned=True)
    assert pooled[0, 0].tolist() == [[5, 6], [9, 10]]


def test_several_samples_are_averaged() -> None:
    # One bin over x 0..3, y 0..1: x at 0.75 and 2.25, y at 0.25 and 0.75; means 1.5 and 0.5.
    pooled = roi_align(GRID, rois((0, 0, 0, 3, 1)), (1, 1), sampling_ratio=2)
    assert pooled.item() == pytest.approx(4 * 0.5 + 1.5)


def test_adaptive_sampling_takes_a_sample_for_each_cell_of_a_bin() -> None:
    squares = (torch.arange(6.0) ** 2).reshape(1, 1, 1, 6)
    # 5 wide in 2 bins of 2.5: 3 samples each, at (i + 0.5) * 2.5 / 3.
    at = [(sample + 0.5) * 2.5 / 3 for sample in range(6)]
    value = [(2 * math.floor(x) + 1) * (x - math.floor(x)) + math.floor(x) ** 2 for x in at]
    pooled = roi_align(squares, rois((0, 0, 0, 5, 1)), (1, 2))
    assert pooled.flatten().tolist() == pytest.approx([sum(value[:3]) / 3, sum(value[3:]) / 3])


def test_coordinates_are_scaled_to_the_map() -> None:
    full = roi_align(GRID, rois((0, 16, 16, 48, 48)), (2, 2), spatial_scale=1 / 16)
    torch.testing.assert_close(full, roi_align(GRID, rois((0, 1, 1, 3, 3)), (2, 2)))


def test_samples_outside_take_the_border_up_to_one_cell_and_0_beyond() -> None:
    ones = torch.ones(1, 1, 4, 4)
    # Bins of 1 cell with middles at x = -1.5, -0.5, 0.5 and at 3.5, 4.5.
    left = roi_align(ones, rois((0, -2, 0, 1, 1)), (1, 3), sampling_ratio=1)
    right = roi_align(ones, rois((0, 3, 0, 5, 1)), (1, 2), sampling_ratio=1)
    assert left.flatten().tolist() == [0, 1, 1]
    assert right.flatten().tolist() == [1, 0]


def test_a_region_outside_the_map_is_0() -> None:
    far = rois((0, 90, 90, 99, 99), (0, -99, -99, -90, -90))
    assert not roi_align(GRID + 1, far, (2, 2)).any()


def test_a_region_without_size_is_one_cell_unless_aligned() -> None:
    empty = rois((0, 1, 1, 1, 1))
    assert roi_align(GRID, empty, (1, 1)).item() == 7.5  # the middle of (1, 1) to (2, 2)
    assert roi_align(GRID, empty, (1, 1), aligned=True).item() == 0
    assert roi_align(GRID, empty, (1, 1), sampling_ratio=1, aligned=True).item() == 2.5


def test_regions_without_numbers_are_0_and_leave_the_others_alone() -> None:
    good = (0.0, 1.0, 1.0, 3.0, 3.0)
    mixed = rois(good, (0, math.nan, 1, 3, 3), (0, 1, 1, math.inf, 3), good)
    for sampling_ratio in (0, 2):
        pooled = roi_align(GRID, mixed, (2, 2), sampling_ratio=sampling_ratio)
        assert pooled[[0, 3]].all()
        assert not pooled[[1, 2], :, :, 1].any()


def test_each_region_reads_its_own_image() -> None:
    pair = torch.cat([GRID, GRID + 100])
    pooled = roi_align(pair, rois((1, 0, 0, 2, 2), (0, 0, 0, 2, 2)), (1, 1))
    assert (pooled[0] - pooled[1]).item() == 100


def test_no_region_gives_nothing() -> None:
    assert roi_align(GRID, rois(), (3, 2)).shape == (0, 1, 3, 2)
    assert roi_align(GRID[:0], rois(), (3, 2)).shape == (0, 1, 3, 2)


def test_a_region_far_larger_than_the_map_is_the_mean_of_a_constant() -> None:
    # 1e5 cells wide: 14,286 samples a bin; the map fills 4 of the 5 that are not 0.
    pooled = roi_align(torch.ones(1, 1, 4, 4), rois((0, 0, 0, 1e5, 1)), (1, 7))
    assert pooled[0, 0, 0, 0].item() == pytest.approx(4 * 7 / 1e5, rel=0.01)
    assert not pooled[0, 0, 0, 1:].any()


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(*[st.floats(-3, 12)] * 4), min_size=1, max_size=5),
    st.integers(0, 3),
    st.booleans(),
)
def test_a_plane_inside_the_map_is_read_at_the_middles_of_bins(
    boxes: list[tuple[float, ...]], sampling_ratio: int, aligned: bool
) -> None:
    side = 20
    plane = torch.arange(float(side)).repeat(side, 1)[None, None].double()  # the value is x
    table = torch.tensor([(0.0, *box) for box in boxes], dtype=torch.float64)
    table[:, 1:] += 4  # every sample stays inside
    table[:, 1:] = torch.cat(
        [table[:, 1:3].minimum(table[:, 3:]), table[:, 1:3].maximum(table[:, 3:]) + 0.1], 1
    )
    pooled = roi_align(plane, table, (2, 3), sampling_ratio=sampling_ratio, aligned=aligned)
    start = table[:, 1] - 0.5 * aligned
    width = table[:, 3] - table[:, 1] if aligned else (table[:, 3] - table[:, 1]).clamp(min=1)
    expected = start[:, None] + (torch.arange(3) + 0.5) * width[:, None] / 3
    torch.testing.assert_close(pooled[:, 0, 1], expected.clamp(max=side - 1))


def test_gradients_flow_to_the_map() -> None:
    features = torch.rand(2, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    regions = rois((0, 0.3, 0.2, 3, 3.5), (1, -1, 1, 2, 9)).double()
    for sampling_ratio in (0, 2):
        assert torch.autograd.gradcheck(
            lambda maps, ratio=sampling_ratio: roi_align(
                maps, regions, (2, 2), sampling_ratio=ratio
            ),
            (features,),
        )


@pytest.mark.parametrize(
    ("features", "regions", "message"),
    [
        (GRID[0], rois(), r"features must be \(B, C, H, W\), got \(1, 4, 4\)"),
        (GRID, torch.zeros(3, 4), r"rois must be \(K, 5\), got \(3, 4\)"),
        (GRID, rois((1, 0, 0, 1, 1)), "index of one of 1 images"),
        (GRID, rois((-1, 0, 0, 1, 1)), "index of one of 1 images"),
    ],
)
def test_misuse_is_refused(features: torch.Tensor, regions: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        roi_align(features, regions, (1, 1))


def test_a_box_of_224_pixels_reads_level_4_and_its_double_level_5() -> None:
    sides = torch.tensor([0.0, 10, 111, 112, 223, 224, 447, 448, 5000])
    xyxy = torch.stack([torch.zeros(9), torch.zeros(9), sides, sides], dim=1)
    assert (fpn_levels(xyxy, [4, 8, 16, 32]) + 2).tolist() == [2, 2, 2, 3, 3, 4, 4, 5, 5]


def test_maps_of_one_stride_leave_the_second_unused() -> None:
    xyxy = torch.tensor([[0.0, 0, 10, 10], [0, 0, 900, 900]])
    assert fpn_levels(xyxy, [32, 32]).tolist() == [0, 0]


def test_a_pyramid_is_read_level_by_level() -> None:
    maps = [torch.rand(2, 3, 64 // stride, 96 // stride) for stride in (4, 8, 16)]
    regions = rois((0, 3, 4, 60, 50), (1, 1, 2, 20, 30), (1, 0, 0, 224, 224), (0, 0, 0, 130, 120))
    pooled = roi_align_fpn(maps, regions, strides=[4, 8, 16], output_side=3)
    for row, level in enumerate(fpn_levels(regions[:, 1:], [4, 8, 16]).tolist()):
        alone = roi_align(
            maps[level], regions[row : row + 1], (3, 3),
            spatial_scale=0.25 / 2**level, sampling_ratio=2,
        )  # fmt: skip
        torch.testing.assert_close(pooled[row : row + 1], alone)


def test_a_pyramid_needs_a_stride_for_each_map() -> None:
    with pytest.raises(ValueError, match="want a stride for each of 1 maps, got 2"):
        roi_align_fpn([GRID], rois(), strides=[4, 8], output_side=1)
