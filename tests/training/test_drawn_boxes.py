"""Regions drawn by chance."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.training.drawn_boxes import drawn_boxes
from streamdet.training.overlaps import iou

OBJECTS = torch.tensor([[10.0, 10, 50, 60]])


@settings(deadline=None)
@given(st.integers(16, 400), st.integers(16, 400), st.integers(0, 99))
def test_boxes_lie_within_the_image_and_have_an_area(height: int, width: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    boxes = drawn_boxes(OBJECTS, (height, width), (20, 20), generator)
    assert (boxes >= 0).all()
    assert (boxes[:, 2:] <= torch.tensor([width, height])).all()
    assert (boxes[:, 2:] - boxes[:, :2] >= 4).all()


def test_some_boxes_around_an_object_hold_it_and_some_do_not() -> None:
    boxes = drawn_boxes(OBJECTS, (100, 100), (200, 0), torch.Generator().manual_seed(0))
    overlaps = iou(boxes, OBJECTS[0])
    assert 20 < int((overlaps > 0.5).sum()) < 180
    assert 5 < int((overlaps < 0.3).sum()) < 180


def test_without_objects_boxes_are_drawn_all_over() -> None:
    boxes = drawn_boxes(OBJECTS[:0], (96, 128), (9, 200), torch.Generator().manual_seed(0))
    assert len(boxes) > 150
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    assert areas.min() < 100
    assert areas.max() > 5000
