"""Responses look where the layers' arithmetic says, and boxes find them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.ops.receptive_field import (
    Layer,
    ReceptiveField,
    project_box,
    receptive_field,
    responses,
)

ALEXNET_TO_CONV5 = [
    Layer(11, 4, 2), Layer(3, 2), Layer(5, 1, 2), Layer(3, 2),
    Layer(3, 1, 1), Layer(3, 1, 1), Layer(3, 1, 1),
]  # fmt: skip


def test_vgg_sees_a_little_more_with_each_layer() -> None:
    block = [Layer(3, 1, 1), Layer(3, 1, 1), Layer(2, 2)]
    assert receptive_field(block[:2]) == ReceptiveField(5, 1, 0.0)
    # Pooling of 2 has no middle pixel: (2 - 1) / 2 of a pixel to the right.
    assert receptive_field(block) == ReceptiveField(6, 2, 0.5)


def test_conv5_of_alexnet_has_stride_16_and_sees_163_pixels() -> None:
    # Sizes 11, 19, 51, 67, 99, 131, 163; centres 3, 7, 7, 15, 15, 15, 15.
    assert receptive_field(ALEXNET_TO_CONV5) == ReceptiveField(163, 16, 15.0)
    assert responses(ALEXNET_TO_CONV5, 224) == 13


def test_padding_by_half_the_kernel_centres_responses_at_multiples_of_the_stride() -> None:
    field = receptive_field([Layer(7, 2, 3), Layer(3, 2, 1), Layer(3, 2, 2, dilation=2)])
    assert (field.stride, field.centre) == (8, 0.0)
    assert field.pixel(3) == 24
    assert field.response(24) == 3


def test_a_response_sees_its_size_around_its_centre() -> None:
    field = receptive_field([Layer(3, 1, 1), Layer(3, 2, 1)])
    assert field.seen(0) == (-2, 3)
    assert field.seen(4) == (6, 11)


def test_a_box_takes_the_responses_centred_inside_it() -> None:
    field = ReceptiveField(139, 16, 0.0)
    # First and last pixel (20, 40) and (79, 90): floor(20 / 16) + 1 = 2, ceil(79 / 16) - 1 = 4;
    # floor(40 / 16) + 1 = 3, ceil(90 / 16) - 1 = 5.
    assert project_box((20, 40, 80, 91), field, (13, 13)) == (2, 3, 5, 6)


def test_a_box_between_two_centres_takes_the_nearer() -> None:
    field = ReceptiveField(139, 16, 0.0)
    assert field.project((17, 22), 13) == (1, 2)
    assert field.project((27, 32), 13) == (2, 3)


def test_a_projected_box_stays_on_the_map() -> None:
    field = ReceptiveField(139, 16, 0.0)
    assert field.project((-500, -400), 13) == (0, 1)
    assert field.project((900, 999), 13) == (12, 13)
    assert field.project((-500, 999), 13) == (0, 13)


def test_what_is_no_layer_is_refused() -> None:
    with pytest.raises(ValueError, match="want kernel, stride, dilation >= 1"):
        Layer(3, 0)


layer = st.builds(Layer, st.integers(1, 5), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2))
stack = st.lists(layer, max_size=4)


@settings(deadline=None)
@given(stack, st.integers(0, 30), st.integers(0, 30))
def test_an_interval_a_pixel_beyond_two_centres_takes_all_between(
    layers: list[Layer], a: int, b: int
) -> None:
    field, (first, last) = receptive_field(layers), sorted((a, b))
    edges = field.pixel(first) - 1, field.pixel(last) + 2
    assert field.project(edges, 40) == (first, last + 1)


@settings(deadline=None, max_examples=30)
@given(stack, st.integers(0, 5))
def test_a_response_depends_on_the_pixels_it_sees_and_on_no_other(
    layers: list[Layer], response: int
) -> None:
    count = responses(layers, 90)
    if count <= response:
        return
    pixels = torch.zeros(1, 1, 90, requires_grad=True)
    maps = pixels
    for each in layers:
        maps = torch.nn.functional.conv1d(
            maps, torch.ones(1, 1, each.kernel), None, each.stride, each.padding, each.dilation
        )
    assert maps.shape[2] == count
    maps[0, 0, response].backward()  # type: ignore[no-untyped-call]
    assert pixels.grad is not None
    touched = pixels.grad[0, 0].nonzero().flatten().tolist()
    begin, end = receptive_field(layers).seen(response)
    assert all(begin <= pixel < end for pixel in touched)
    if begin >= 0 and end <= 90 and all(each.padding == 0 for each in layers):
        assert touched[0] == begin and touched[-1] == end - 1
