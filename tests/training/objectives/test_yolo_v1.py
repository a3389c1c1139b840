"""YOLO's loss, equation 3: by hand, and on a small network."""

import math

import pytest
import torch
from torch import Tensor

from streamdet.networks.yolo_v1 import YoloV1Network, YoloV1Options
from streamdet.training.objectives.yolo_v1 import (
    YoloV1Objective,
    YoloV1ObjectiveOptions,
    cell_losses,
    objects_of_cells,
)
from tests.training.objectives.overfitting import CLASSES, HW, fitted, scene, target, untouched

IMAGE = (80, 160)  # two cells by row and by column, 40 high and 80 wide
OBJECT = target([[80, 0, 144, 20]], [1])
# Its centre (112, 10) lies in the first row's second cell: 0.4 and 0.25 cells from the corner;
# it is 0.4 of the image wide and 0.25 high.
CODED = [0.4, 0.25, math.sqrt(0.4), 0.5]


def test_the_cell_of_an_objects_centre_answers_for_it() -> None:
    found = objects_of_cells(OBJECT, 2, IMAGE)
    assert found.cells.tolist() == [1]
    torch.testing.assert_close(found.boxes, torch.tensor([CODED]))


def test_of_two_objects_in_a_cell_the_first_counts() -> None:
    known = target([[80, 0, 144, 20], [90, 0, 130, 30], [0, 0, 20, 20]], [1, 0, 0])
    found = objects_of_cells(known, 2, IMAGE)
    assert found.cells.tolist() == [1, 0]
    assert found.class_ids.tolist() == [1, 0]


def test_an_object_at_the_far_border_is_of_the_last_cell() -> None:
    assert objects_of_cells(target([[159, 79, 161, 81]], [0]), 2, IMAGE).cells.tolist() == [3]


def image(*boxes: list[float], classes: list[float]) -> Tensor:
    """Cells (2, 2, 5 B + C) that are 0 but for the second."""
    cells = torch.zeros(2, 2, 5 * len(boxes) + CLASSES)
    cells[0, 1] = torch.tensor([value for box in boxes for value in box] + classes)
    return cells


def losses(cells: Tensor, known: object = OBJECT) -> dict[str, float]:
    found = cell_losses(cells, known, IMAGE)  # type: ignore[arg-type]
    return {name: value.item() for name, value in found.items()}


def test_a_network_that_is_right_loses_nothing() -> None:
    found = losses(image([*CODED, 1], [0] * 5, classes=[0, 1]))
    assert found == pytest.approx(dict.fromkeys(found, 0.0), abs=1e-6)


def test_the_box_that_overlaps_most_is_responsible() -> None:
    # The second box has half the object's height: it overlaps by 0.5, the first by less.
    second = [0.4, 0.25, math.sqrt(0.4), 0.5 * math.sqrt(0.5), 0.9]
    found = losses(image([0.4, 0.25, 0.1, 0.1, 0.6], second, classes=[0.2, 1]))
    assert found["box"] == pytest.approx(5 * (0.5 - 0.5 * math.sqrt(0.5)) ** 2)
    assert found["confidence"] == pytest.approx((0.9 - 0.5) ** 2, abs=1e-5)
    assert found["no_object"] == pytest.approx(0.5 * 0.6**2)
    assert found["classes"] == pytest.approx(0.2**2)


def test_where_no_box_overlaps_the_nearest_is_responsible() -> None:
    found = losses(image([9.0, 9, 0, 0, 0.5], [2.0, 2, 0, 0, 0.7], classes=[0, 1]))
    assert found["confidence"] == pytest.approx(0.7**2)
    assert found["no_object"] == pytest.approx(0.5 * 0.5**2)


def test_confidence_is_left_alone_in_ignored_regions_and_where_classes_are_missing() -> None:
    cells = torch.ones(2, 2, 5 + CLASSES)
    assert losses(cells, target([], []))["no_object"] == pytest.approx(0.5 * 4)
    crowd = target([], [], ignored=torch.tensor([[0.0, 0, 80, 80]]))
    assert losses(cells, crowd)["no_object"] == pytest.approx(0.5 * 2)
    partial = target([], [], is_labelled=torch.tensor([True, False]))
    assert losses(cells, partial)["no_object"] == 0


def test_a_small_network_learns_two_images_by_heart() -> None:
    torch.manual_seed(0)
    options = YoloV1Options(body="mobilenet_v3_small", grid=3, conv_width=16, fc_width=16)
    network = YoloV1Network(options, CLASSES, HW)
    objective = YoloV1Objective(network, YoloV1ObjectiveOptions())
    images, targets = scene()
    assert untouched(network, objective(images, targets)) == []
    before, after = fitted(network, lambda: objective(images, targets), 40, 3e-3)
    assert after < 0.5 * before
