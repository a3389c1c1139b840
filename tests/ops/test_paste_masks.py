"""Masks pasted into the frame, as torchvision's `paste_masks_in_image` pastes them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.ops.paste_masks import paste_masks
from streamdet.ops.run_length import area, decode

Floats = npt.NDArray[np.float32]

HW = (40, 60)
EDGES = st.integers(-200, 320).map(lambda quarters: quarters / 4)
SIDES = st.integers(1, 400).map(lambda quarters: quarters / 4)


def expected_probs(probs: Floats, box: Floats, hw: tuple[int, int]) -> Floats:
    """How torchvision pastes one mask, step by step, over the whole frame."""
    side = len(probs)
    rimmed = torch.nn.functional.pad(torch.from_numpy(probs), (1, 1, 1, 1))
    x1, y1, x2, y2 = torch.from_numpy(box)
    half_w, half_h = (x2 - x1) * 0.5 * (side + 2) / side, (y2 - y1) * 0.5 * (side + 2) / side
    x, y = (x1 + x2) * 0.5, (y1 + y2) * 0.5
    grown = torch.stack([x - half_w, y - half_h, x + half_w, y + half_h]).to(torch.int64).tolist()
    size_hw = max(grown[3] - grown[1] + 1, 1), max(grown[2] - grown[0] + 1, 1)
    large = torch.nn.functional.interpolate(
        rimmed[None, None], size_hw, mode="bilinear", align_corners=False
    )[0, 0].numpy()
    frame = np.zeros(hw, np.float32)
    left, right = max(grown[0], 0), min(grown[2] + 1, hw[1])
    top, bottom = max(grown[1], 0), min(grown[3] + 1, hw[0])
    if left < right and top < bottom:
        frame[top:bottom, left:right] = large[
            top - grown[1] : bottom - grown[1], left - grown[0] : right - grown[0]
        ]
    return frame


def pasted(probs: Floats, box: list[float], hw: tuple[int, int] = HW) -> npt.NDArray[np.bool_]:
    (text,) = paste_masks(probs[None], np.array([box], np.float32), hw)
    return decode(text, hw)


@settings(max_examples=60, deadline=None)
@given(
    side=st.sampled_from([1, 7, 28]), seed=st.integers(0, 99), x=EDGES, y=EDGES, w=SIDES, h=SIDES
)
def test_masks_are_pasted_as_torch_does(
    side: int, seed: int, x: float, y: float, w: float, h: float
) -> None:
    probs = np.random.default_rng(seed).random((side, side), np.float32)
    box = [x, y, x + w, y + h]
    expected = expected_probs(probs, np.array(box, np.float32), HW)
    is_clear = np.abs(expected - 0.5) > 1e-5
    mask = pasted(probs, box)
    np.testing.assert_array_equal(mask[is_clear], (expected > 0.5)[is_clear])
    assert is_clear.mean() > 0.95


def test_a_sure_mask_fills_its_box_and_the_pixel_that_the_last_edge_names() -> None:
    mask = pasted(np.ones((28, 28), np.float32), [10, 5, 38, 33])
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (5, 33, 10, 38)
    assert mask[5:34, 10:39].all()


def test_half_a_mask_is_half_a_box() -> None:
    probs = np.zeros((28, 28), np.float32)
    probs[:, 14:] = 1
    mask = pasted(probs, [10, 5, 38, 33])
    assert not mask[:, :24].any()
    assert mask[6:32, 25:37].all()


def test_a_box_beyond_the_frame_keeps_the_part_inside() -> None:
    assert pasted(np.ones((28, 28), np.float32), [-100, -100, 200, 200]).all()


@pytest.mark.parametrize("box", [[70, 5, 90, 30], [-50, 5, -20, 30], [5, 45, 9, 99]])
def test_a_box_outside_the_frame_has_an_empty_mask(box: list[float]) -> None:
    assert not pasted(np.ones((28, 28), np.float32), box).any()


def test_each_object_has_its_own_mask() -> None:
    probs = np.stack([np.ones((28, 28), np.float32), np.zeros((28, 28), np.float32)])
    boxes = np.array([[0, 0, 20, 20], [0, 0, 20, 20]], np.float32)
    full, none = paste_masks(probs, boxes, HW)
    assert (area(full) > 350, area(none)) == (True, 0)
    assert paste_masks(np.zeros((0, 28, 28), np.float32), np.zeros((0, 4), np.float32), HW) == ()
