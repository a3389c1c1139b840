"""Which cells learn which object. Four cells of 8 x 8 pixels in an image of 16 x 16."""

import torch
from torch import Tensor

from streamdet.training.objectives.simota import CellPredictions, assign

CELLS = torch.tensor([[0.0, 0, 8, 8], [8, 0, 16, 8], [0, 8, 8, 16], [8, 8, 16, 16]])
WHOLE = [0.0, 0, 16, 16]
HALF = [0.0, 0, 16, 8]
NOTHING = [90.0, 90, 99, 99]


def predictions(xyxy: list[list[float]], classes: Tensor | None = None) -> CellPredictions:
    classes = torch.zeros(4, 2) if classes is None else classes
    return CellPredictions(CELLS, torch.tensor(xyxy), torch.zeros(4), classes)


def test_an_object_takes_as_many_cells_as_good_boxes_overlap_it() -> None:
    found = assign(
        predictions([WHOLE, HALF, WHOLE, NOTHING]), torch.tensor([WHOLE]), torch.tensor([0])
    )
    # Overlaps 1, 0.5, 1, 0: their sum 2.5 makes two cells, the cheapest.
    assert found.cells.tolist() == [0, 2]
    assert found.objects.tolist() == [0, 0]
    assert found.iou.tolist() == [1, 1]


def test_an_object_takes_one_cell_at_least() -> None:
    found = assign(
        predictions([NOTHING, NOTHING, HALF, NOTHING]), torch.tensor([WHOLE]), torch.tensor([0])
    )
    assert found.cells.tolist() == [2]
    assert found.iou.tolist() == [0.5]


def test_of_equal_boxes_the_one_of_the_right_class_is_taken() -> None:
    classes = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    found = assign(
        predictions([HALF] * 2 + [NOTHING, NOTHING], classes),
        torch.tensor([WHOLE]),
        torch.tensor([0]),
    )  # the overlaps' sum is 1
    assert found.cells.tolist() == [1]


def test_a_cell_that_two_objects_want_goes_to_the_cheaper() -> None:
    left, right = [0.0, 0, 16, 9], [0.0, 0, 16, 8]
    found = assign(
        predictions([HALF, NOTHING, NOTHING, NOTHING]),
        torch.tensor([left, right]),
        torch.tensor([0, 0]),
    )
    assert found.cells.tolist() == [0]
    assert found.objects.tolist() == [1]


def test_a_cell_outside_the_object_is_taken_only_where_none_is_inside() -> None:
    # The first cell's centre (4, 4) lies in the box, the others lie near its middle.
    small = [3.0, 3, 5, 5]
    found = assign(
        predictions([NOTHING, small, small, small]), torch.tensor([small]), torch.tensor([0])
    )
    assert 0 in found.cells.tolist()
    between = [7.0, 7, 9, 9]
    found = assign(
        predictions([NOTHING, between, NOTHING, NOTHING]),
        torch.tensor([between]),
        torch.tensor([0]),
    )
    assert found.cells.tolist() == [1]


def test_without_objects_or_near_cells_none_is_taken() -> None:
    for xyxy in (torch.zeros(0, 4), torch.tensor([[80.0, 80, 90, 90]])):
        found = assign(predictions([WHOLE] * 4), xyxy, torch.zeros(len(xyxy), dtype=torch.int64))
        assert [len(column) for column in found] == [0, 0, 0]
