"""Boxes at an image's border, and boxes too small to keep."""

import torch

from streamdet.ops.boxes import clip_boxes, is_large_enough


def test_edges_outside_move_onto_the_border() -> None:
    xyxy = torch.tensor([[-5.0, 2.0, 30.0, 40.0], [3.0, 4.0, 5.0, 6.0]])
    assert clip_boxes(xyxy, (10, 20)).tolist() == [[0, 2, 20, 10], [3, 4, 5, 6]]


def test_a_box_outside_becomes_empty() -> None:
    clipped = clip_boxes(torch.tensor([[25.0, -9.0, 30.0, -4.0]]), (10, 20))
    assert clipped.tolist() == [[20, 0, 20, 0]]
    assert not is_large_enough(clipped, 1e-3).any()


def test_images_of_a_batch_have_sizes_of_their_own() -> None:
    xyxy = torch.tensor([[[0.0, 0.0, 99.0, 99.0]]]).repeat(2, 1, 1)
    height, width = torch.tensor([10.0, 30.0]), torch.tensor([20.0, 40.0])
    clipped = clip_boxes(xyxy, (height[:, None, None], width[:, None, None]))
    assert clipped[:, 0, 2:].tolist() == [[20, 10], [40, 30]]


def test_both_sides_must_reach_the_least_side() -> None:
    xyxy = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 1.9], [0, 0, 1.9, 2], [5, 5, 0, 0]])
    assert is_large_enough(xyxy, 2).tolist() == [True, False, False, False]


def test_a_nan_box_is_too_small() -> None:
    assert not is_large_enough(torch.tensor([[0.0, 0.0, torch.nan, 5.0]]), 1).any()


def test_no_box_stays_no_box() -> None:
    none = torch.zeros(0, 4)
    assert clip_boxes(none, (5, 5)).shape == (0, 4)
    assert is_large_enough(none, 1).shape == (0,)
