"""PicoDet's losses: by hand, and on a small network."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from streamdet.networks.picodet import BINS, PicoDetNetwork, PicoDetOptions
from streamdet.training.objectives.picodet import (
    PicoDetObjective,
    PicoDetObjectiveOptions,
    decode_boxes,
    distribution_focal_loss,
    encode_boxes,
    varifocal_loss,
)
from tests.training.objectives.overfitting import CLASSES, HW, fitted, scene, target, untouched

CELL = torch.tensor([[8.0, 16, 16, 24]])
CELLS = 16 + 4 + 1 + 1
"""Of an image of 32 x 32: the cell of 32 pixels is the 21st, that of 64 the last."""


def test_a_box_is_told_by_its_sides_distances_from_the_cell_s_centre() -> None:
    # From (12, 20): 2, 12, 6 and 4 pixels, of a cell of 8.
    distances = encode_boxes(torch.tensor([[10.0, 8, 18, 24]]), CELL)
    torch.testing.assert_close(distances, torch.tensor([[0.25, 1.5, 0.75, 0.5]]))


@settings(deadline=None)
@given(st.tuples(*[st.integers(0, BINS - 2)] * 4))
def test_encoding_undoes_decoding(values: tuple[int, ...]) -> None:
    sides = torch.full((1, 4, BINS), -90.0)
    sides[0, torch.arange(4), torch.tensor(values)] = 90
    again = encode_boxes(decode_boxes(sides, CELL), CELL)
    torch.testing.assert_close(again, torch.tensor([values], dtype=torch.float32))


def test_a_distance_between_two_bins_wants_both() -> None:
    # 1.25: three quarters of bin 1, one of bin 2. All four sides alike.
    sides = torch.tensor([0.0, 1, 2, 0]).expand(1, 4, 4)
    logs = torch.tensor([0.0, 1, 2, 0]).log_softmax(0)
    wanted = -(0.75 * logs[1] + 0.25 * logs[2])
    found = distribution_focal_loss(sides, torch.full((1, 4), 1.25))
    torch.testing.assert_close(found, wanted[None])


def test_an_undecided_score_without_an_object_counts_little() -> None:
    found = varifocal_loss(torch.zeros(2), torch.tensor([0.0, 0.8]))
    # 0.75 x 0.5 ** 2 of log 2, and 0.8 of it: the cross-entropy of 0.5 is log 2 whatever is wanted.
    torch.testing.assert_close(found, torch.tensor([0.1875, 0.8]) * math.log(2))


class Says:
    """In place of a network: the same logits for every image."""

    def __init__(self, classes: Tensor, sides: Tensor) -> None:
        self._outputs = classes, sides

    def logits(self, image: Tensor) -> tuple[Tensor, Tensor]:
        classes, sides = self._outputs
        return classes.expand(len(image), -1, -1), sides.expand(len(image), -1, -1, -1)


def losses_of(classes: Tensor, sides: Tensor, known: Any) -> dict[str, float]:
    network: Any = Says(classes, sides)
    objective = PicoDetObjective(network, PicoDetObjectiveOptions())
    found = objective(torch.zeros(1, 3, 32, 32), [known])
    return {name: value.item() for name, value in found.items()}


def silent() -> tuple[Tensor, Tensor]:
    """No scores, and boxes without an area."""
    sides = torch.full((CELLS, 4, BINS), -20.0)
    sides[..., 0] = 20
    return torch.full((CELLS, CLASSES), -20.0), sides


def test_a_network_that_is_right_loses_nothing_but_a_split_side() -> None:
    # One object fills the cell of 32 pixels: half a cell to each side, bins 0 and 1 alike.
    classes, sides = silent()
    classes[20] = torch.tensor([-20, 20])
    sides[20] = torch.tensor([20.0, 20] + [-20] * (BINS - 2))
    found = losses_of(classes, sides, target([[0, 0, 32, 32]], [1]))
    assert found["classes"] == pytest.approx(0, abs=1e-5)
    assert found["box"] == pytest.approx(0, abs=1e-5)
    assert found["sides"] == pytest.approx(0.25 * math.log(2))


def test_the_box_that_is_too_large_loses_by_its_giou() -> None:
    # One cell to each side, not half of one: an overlap of a quarter, and nothing else around.
    classes, sides = silent()
    classes[20] = torch.tensor([-20, 0])
    sides[20] = torch.tensor([-20.0, 20] + [-20] * (BINS - 2))
    found = losses_of(classes, sides, target([[0, 0, 32, 32]], [1]))
    assert found["box"] == pytest.approx(2 * (1 - 0.25))
    assert found["classes"] == pytest.approx(0.25 * math.log(2), rel=1e-4)


def test_an_image_without_objects_teaches_scores_alone() -> None:
    found = losses_of(torch.zeros(CELLS, CLASSES), silent()[1], target([], []))
    assert found["box"] == found["sides"] == 0
    assert found["classes"] == pytest.approx(CELLS * CLASSES * 0.1875 * math.log(2))


def test_ignored_cells_and_unlabelled_classes_learn_nothing() -> None:
    known = target(
        [],
        [],
        ignored=torch.tensor([[0.0, 0, 16, 16]]),  # centres of 4 cells of 8 and 1 of 16
        is_labelled=torch.tensor([True, False]),
    )
    found = losses_of(torch.zeros(CELLS, CLASSES), silent()[1], known)
    assert found["classes"] == pytest.approx((CELLS - 5) * 0.1875 * math.log(2))


def test_a_small_network_learns_two_images_by_heart() -> None:
    torch.manual_seed(0)
    options = PicoDetOptions(width=0.25, neck_channels=24)
    network = PicoDetNetwork(options, CLASSES, HW)
    objective = PicoDetObjective(network, PicoDetObjectiveOptions())
    images, targets = scene()
    assert untouched(network, objective(images, targets)) == []
    before, after = fitted(network, lambda: objective(images, targets), 40, 5e-3)
    assert after < 0.5 * before
