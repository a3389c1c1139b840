"""A pyramid has as many values for every size of map."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from streamdet.ops.receptive_field import ReceptiveField, project_box
from streamdet.ops.spatial_pyramid import project_rois, spatial_pyramid


def test_levels_of_2_and_1_give_the_quarters_and_the_whole() -> None:
    grid = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert spatial_pyramid(grid, (2, 1)).tolist() == [[5, 7, 13, 15, 15]]


def test_all_channels_of_a_bin_stand_together() -> None:
    pair = torch.stack([torch.arange(4.0).reshape(2, 2), -torch.arange(4.0).reshape(2, 2)])[None]
    assert spatial_pyramid(pair, (2,)).tolist() == [[0, 0, 1, -1, 2, -2, 3, -3]]


@pytest.mark.parametrize("map_hw", [(13, 13), (1, 1), (3, 2), (10, 31)])
def test_every_map_gives_21_bins(map_hw: tuple[int, int]) -> None:
    assert spatial_pyramid(torch.rand(2, 5, *map_hw), (4, 2, 1)).shape == (2, 21 * 5)


@pytest.mark.parametrize("bins", [6, 4, 3, 2, 1])
def test_bins_are_the_papers_sliding_windows_at_13_cells(bins: int) -> None:
    features = torch.rand(1, 3, 13, 13)
    slid = functional.max_pool2d(features, kernel_size=-(-13 // bins), stride=13 // bins)
    assert torch.equal(spatial_pyramid(features, (bins,)), slid.permute(0, 2, 3, 1).flatten(1))


edge = st.integers(-60, 400).map(float)


@settings(deadline=None)
@given(
    st.lists(st.tuples(edge, edge, edge, edge), min_size=1, max_size=8),
    st.sampled_from([1, 8, 16]),
    st.sampled_from([0.0, 15.0, 7.5]),
)
def test_many_regions_are_projected_as_one_box_is(
    boxes: list[tuple[float, float, float, float]], stride: int, centre: float
) -> None:
    rois = torch.tensor([(0.0, *box) for box in boxes])
    field = ReceptiveField(1, stride, centre)
    expected = [[0, *project_box(box, field, (9, 11))] for box in boxes]
    assert project_rois(rois, (9, 11), stride=stride, centre=centre).tolist() == expected
