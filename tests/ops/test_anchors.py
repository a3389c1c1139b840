"""Anchors have the values that published weights were trained with."""

import pytest
import torch

from streamdet.ops.anchors import cell_anchors, grid_anchors, level_anchors


def test_the_ratio_is_height_by_width_at_the_same_area() -> None:
    # 32 * sqrt(2) = 45.25, 32 / sqrt(2) = 22.63; half of them round to 23 and 11.
    assert cell_anchors([32], [0.5, 1, 2]).tolist() == [
        [-23, -11, 23, 11],
        [-16, -16, 16, 16],
        [-11, -23, 11, 23],
    ]


def test_all_scales_of_a_ratio_come_before_the_next_ratio() -> None:
    sides = cell_anchors([2, 4], [1, 4])[:, 2:].tolist()
    assert sides == [[1, 1], [2, 2], [0, 2], [1, 4]]  # 0.5 rounds to even


def test_locations_follow_row_by_row_and_keep_their_anchors_together() -> None:
    cell = torch.tensor([[-1.0, -1, 1, 1], [-2.0, -2, 2, 2]])
    anchors = grid_anchors(cell, (2, 3), (8, 16))
    assert anchors.shape == (12, 4)
    assert anchors[:4].tolist() == [
        [-1, -1, 1, 1], [-2, -2, 2, 2], [15, -1, 17, 1], [14, -2, 18, 2],
    ]  # fmt: skip
    assert anchors[-1].tolist() == [30, 6, 34, 10]


def test_a_stride_is_the_image_side_by_the_map_side_rounded_down() -> None:
    fine, coarse = level_anchors((64, 100), [(8, 13), (4, 7)], [[8], [16, 32]], [1])
    assert fine.shape == (8 * 13, 4)
    assert coarse.shape == (4 * 7 * 2, 4)
    assert fine[1].tolist() == [3, -4, 11, 4]  # 100 // 13 = 7
    assert coarse[2].tolist() == [6, -8, 22, 8]  # 100 // 7 = 14


def test_scales_must_be_given_for_each_map() -> None:
    with pytest.raises(ValueError, match="want scales for each of 1 maps, got 2"):
        level_anchors((8, 8), [(1, 1)], [[8], [8]], [1])


def test_a_map_larger_than_its_image_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be larger"):
        level_anchors((8, 8), [(9, 8)], [[8]], [1])
