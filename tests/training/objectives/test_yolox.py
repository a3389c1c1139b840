"""YOLOX's losses: by hand, and on a small network."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from streamdet.networks.yolox import YoloxNetwork, YoloxOptions
from streamdet.training.objectives.simota import CellPredictions
from streamdet.training.objectives.yolox import (
    YoloxObjective,
    YoloxObjectiveOptions,
    decode_boxes,
    encode_boxes,
    objectness_loss,
)
from tests.training.objectives.overfitting import (
    CLASSES,
    HW,
    fitted,
    scene,
    target,
    untouched,
)

CELL = torch.tensor([[8.0, 16, 16, 24]])
NOTHING = torch.zeros(0, dtype=torch.int64)


def test_a_box_is_told_from_its_cell() -> None:
    # Centre (14, 16): 0.75 and 0 cells from the corner; 8 and 16 wide and high: 1 and 2 cells.
    deltas = encode_boxes(torch.tensor([[10.0, 8, 18, 24]]), CELL)
    torch.testing.assert_close(deltas, torch.tensor([[0.75, 0, 0, math.log(2)]]))


@settings(deadline=None)
@given(st.tuples(*[st.floats(-3, 3)] * 4))
def test_encoding_undoes_decoding(values: tuple[float, ...]) -> None:
    deltas = torch.tensor([values], dtype=torch.float64)
    again = encode_boxes(decode_boxes(deltas, CELL), CELL)
    torch.testing.assert_close(again, deltas, rtol=0, atol=1e-9)


def undecided(cells: Tensor) -> CellPredictions:
    return CellPredictions(cells, cells, torch.zeros(len(cells)), torch.zeros(len(cells), 2))


CELLS = torch.tensor([[0.0, 0, 8, 8], [8, 0, 16, 8], [16, 0, 24, 8]])


def test_every_cell_learns_objectness() -> None:
    loss = objectness_loss(undecided(CELLS), torch.tensor([1]), target([], []))
    assert loss.item() == pytest.approx(3 * math.log(2))


def test_a_cell_in_an_ignored_region_learns_nothing_unless_it_has_an_object() -> None:
    known = target([], [], ignored=torch.tensor([[0.0, 0, 16, 8]]))
    loss = objectness_loss(undecided(CELLS), torch.tensor([1]), known)
    assert loss.item() == pytest.approx(2 * math.log(2))


def test_a_cell_without_an_object_learns_only_that_no_labelled_class_is_there() -> None:
    known = target([], [], is_labelled=torch.tensor([True, False]))
    predictions = undecided(CELLS)
    predictions.classes.requires_grad_()
    loss = objectness_loss(predictions, NOTHING, known)
    assert loss.item() == pytest.approx(3 * -math.log(1 - 0.5 * 0.5))
    [gradient] = torch.autograd.grad(loss, predictions.classes)
    assert (gradient[:, 0] > 0).all()
    assert not gradient[:, 1].any()


def test_sure_and_wrong_scores_lose_finitely() -> None:
    known = target([], [], is_labelled=torch.tensor([True, False]))
    sure = CellPredictions(CELLS, CELLS, torch.full((3,), 90.0), torch.full((3, 2), 90.0))
    loss = objectness_loss(sure, NOTHING, known)
    assert loss.item() == pytest.approx(3 * (90 - math.log(2)))  # 1 - s * s is about 2 exp(-90)


class Says:
    """In place of a network: the same logits for every image."""

    def __init__(self, logits: Tensor) -> None:
        self._logits = logits

    def logits(self, image: Tensor) -> Tensor:
        return self._logits.expand(len(image), -1, -1)


def test_a_network_that_is_right_loses_nothing() -> None:
    # An image of 32 x 32 has 16, 4 and 1 cells; one object fills the coarsest.
    logits = torch.full((21, 5 + CLASSES), -20.0)
    logits[20] = torch.tensor([0.5, 0.5, 0, 0, 20, -20, 20])
    network: Any = Says(logits)
    objective = YoloxObjective(network, YoloxObjectiveOptions(l1_weight=1))
    losses = objective(torch.zeros(1, 3, 32, 32), [target([[0, 0, 32, 32]], [1])])
    assert set(losses) == {"box", "objectness", "classes", "l1"}
    assert all(value.item() == pytest.approx(0, abs=1e-5) for value in losses.values())


def test_losses_are_summed_over_cells_and_divided_by_those_with_an_object() -> None:
    # The coarsest cell's box is 16 of 32 pixels wide: its overlap is 0.5, which its class learns.
    logits = torch.full((21, 5 + CLASSES), -20.0)
    logits[20] = torch.tensor([0.25, 0.5, math.log(0.5), 0, 0, 0, -20])
    network: Any = Says(logits)
    objective = YoloxObjective(network, YoloxObjectiveOptions(l1_weight=1))
    losses = objective(torch.zeros(1, 3, 32, 32), [target([[0, 0, 32, 32]], [0])])
    assert losses["box"].item() == pytest.approx(5 * (1 - 0.5**2))
    assert losses["objectness"].item() == pytest.approx(math.log(2), abs=1e-5)
    assert losses["classes"].item() == pytest.approx(math.log(2), abs=1e-5)
    assert losses["l1"].item() == pytest.approx(0.25 + math.log(2))


def test_an_image_without_objects_teaches_objectness_alone() -> None:
    network: Any = Says(torch.zeros(21, 5 + CLASSES))
    objective = YoloxObjective(network, YoloxObjectiveOptions())
    losses = objective(torch.zeros(1, 3, 32, 32), [target([], [])])
    assert losses["box"].item() == losses["classes"].item() == 0
    assert losses["objectness"].item() == pytest.approx(21 * math.log(2))


def test_a_small_network_learns_two_images_by_heart() -> None:
    torch.manual_seed(0)
    network = YoloxNetwork(YoloxOptions(width=0.125), CLASSES, HW)
    objective = YoloxObjective(network, YoloxObjectiveOptions())
    images, targets = scene()
    assert untouched(network, objective(images, targets)) == []
    before, after = fitted(network, lambda: objective(images, targets), 40, 5e-3)
    assert after < 0.5 * before
