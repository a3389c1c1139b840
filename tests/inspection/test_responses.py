"""Responses: which are the strongest, what moved them, where that lies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from streamdet.inspection.responses import (
    Response,
    Way,
    gradients,
    receptive_field,
    strongest,
)
from streamdet.ops import receptive_field as windows


def test_the_strongest_come_first_and_neighbours_of_a_peak_do_not_count() -> None:
    values = torch.tensor([[0.0, 1, 0, 0], [0, 0, 0, 0], [5, 4, 0, 3]])
    found = strongest(values, 7, 9)
    assert found == [
        Response(7, (2, 0), 5.0),
        Response(7, (2, 3), 3.0),
        Response(7, (0, 1), 1.0),
    ]
    assert strongest(values, 7, 2) == found[:2]


def test_a_silent_channel_has_no_strongest_response() -> None:
    assert strongest(torch.zeros(3, 4), 0, 9) == []


@pytest.mark.parametrize(("way", "red"), [("gradient", 2.0), ("guided", 0.0), ("deconv", 1.0)])
def test_the_three_ways_differ_in_what_a_rectifier_lets_back(way: Way, red: float) -> None:
    # red = -2 makes (-2, 2), rectified (0, 2), weighted 1 and -2: the response is -4. Its gradient
    # by the rectifier's outputs is (1, -2), of which the rectifier passes back
    #   (0, -2), that of the input that was positive: red 0 * 1 + -2 * -1 = 2
    #   (0, 0), what is positive too: red 0
    #   (1, 0), what is positive, whatever the input was: red 1
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Conv2d(2, 1, 1)).requires_grad_(False)
    weights = ([[1.0, 0, 0], [-1, 0, 0]], [[1.0, -2]])
    for layer, weight in zip((network[0], network[2]), weights, strict=True):
        assert isinstance(layer, nn.Conv2d)
        assert layer.bias is not None
        layer.weight.copy_(torch.tensor(weight)[..., None, None])
        layer.bias.zero_()
    image = torch.full((1, 3, 1, 1), -2.0)
    [gradient] = gradients(network, "2", image, [Response(0, (0, 0), -4.0)], way)
    assert gradient.ravel().tolist() == [red, 0.0, 0.0]


def test_rectifiers_are_themselves_again_afterwards() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU())
    gradients(network, "1", torch.ones(1, 3, 2, 2), [Response(0, (0, 0), 0.0)], "deconv")
    assert not any(module._forward_hooks for module in network.modules())


def test_all_of_the_gradient_of_convolutions_is_the_window_of_ops_receptive_field() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Conv2d(4, 4, 5, padding=2))
    [gradient] = gradients(
        network, "1", torch.zeros(1, 3, 32, 40), [Response(1, (6, 9), 0.0)], "gradient"
    )
    layers = [windows.Layer(3, 2, 1), windows.Layer(5, 1, 2)]
    field = windows.receptive_field(layers)
    (y1, y2), (x1, x2) = field.seen(6), field.seen(9)
    assert receptive_field(gradient, share=1.0) == (x1, y1, x2, y2)


def test_a_share_leaves_out_as_much_at_both_ends() -> None:
    gradient = np.zeros((3, 1, 6), np.float32)
    gradient[0, 0, 1:5] = (1, 9, 9, 1)
    assert receptive_field(gradient, share=1.0) == (1, 0, 5, 1)
    assert receptive_field(gradient, share=0.85) == (2, 0, 4, 1)  # 7.5 % of 20 is 1.5: over one 1


def test_what_moves_nothing_has_no_field() -> None:
    assert receptive_field(np.zeros((3, 4, 4), np.float32)) is None


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 1.0))
def test_a_field_lies_in_the_image_and_in_that_of_a_larger_share(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    gradient = rng.normal(size=(3, 5, 8)).astype(np.float32) ** 5
    inner, outer = receptive_field(gradient, share), receptive_field(gradient, 1.0)
    assert inner is not None
    assert outer == (0, 0, 8, 5)
    assert 0 <= inner[0] < inner[2] <= 8
    assert 0 <= inner[1] < inner[3] <= 5
