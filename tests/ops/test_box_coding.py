"""Deltas and boxes are two ways to say the same."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.ops.box_coding import (
    HEAD_WEIGHTS,
    MAX_LOG_GROWTH,
    UNIT_WEIGHTS,
    BoxWeights,
    decode_boxes,
    encode_boxes,
)

REFERENCE = torch.tensor([[10.0, 20.0, 30.0, 60.0]])  # centre (20, 40), 20 wide, 40 high


def test_a_delta_moves_the_centre_by_sizes_and_the_size_by_its_exponential() -> None:
    deltas = torch.tensor([[0.5, -0.25, math.log(2), 0.0]])
    # Centre (20 + 20 / 2, 40 - 40 / 4), 40 wide, 40 high.
    torch.testing.assert_close(
        decode_boxes(deltas, REFERENCE), torch.tensor([[10.0, 10.0, 50.0, 50.0]])
    )


def test_weights_divide_the_deltas() -> None:
    deltas = torch.tensor([[5.0, -2.5, 5 * math.log(2), 0.0]])
    torch.testing.assert_close(
        decode_boxes(deltas, REFERENCE, HEAD_WEIGHTS), torch.tensor([[10.0, 10.0, 50.0, 50.0]])
    )


def test_a_box_that_is_its_reference_has_no_delta() -> None:
    assert encode_boxes(REFERENCE, REFERENCE, HEAD_WEIGHTS).tolist() == [[0.0] * 4]


def test_a_growth_is_cut_at_1000_pixels_for_16() -> None:
    xyxy = decode_boxes(torch.tensor([[0.0, 0.0, 50.0, 1e30]]), torch.tensor([[0.0, 0, 16, 16]]))
    torch.testing.assert_close(xyxy, torch.tensor([[-492.0, -492.0, 508.0, 508.0]]))
    assert math.exp(MAX_LOG_GROWTH) == pytest.approx(62.5)


def test_deltas_of_each_class_share_a_reference() -> None:
    deltas = torch.zeros(2, 3, 4)
    references = torch.tensor([[0.0, 0, 2, 2], [4.0, 4, 8, 8]])
    xyxy = decode_boxes(deltas, references[:, None])
    assert torch.equal(xyxy, references[:, None].expand(2, 3, 4))


def test_no_box_has_no_delta() -> None:
    none = torch.zeros(0, 4)
    assert encode_boxes(none, none).shape == decode_boxes(none, none).shape == (0, 4)


corner = st.floats(-2000, 2000)
side = st.floats(1, 1000)
box = st.tuples(corner, corner, side, side).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))


@settings(deadline=None)
@given(box, box, st.sampled_from([UNIT_WEIGHTS, HEAD_WEIGHTS]))
def test_decoding_undoes_encoding(
    wanted: tuple[float, ...], reference: tuple[float, ...], weights: BoxWeights
) -> None:
    xyxy, references = torch.tensor([wanted, reference], dtype=torch.float64)[:, None]
    sizes, reference_sizes = xyxy[:, 2:] - xyxy[:, :2], references[:, 2:] - references[:, :2]
    if bool((sizes / reference_sizes).max() > 62.5):
        return
    deltas = encode_boxes(xyxy, references, weights)
    torch.testing.assert_close(decode_boxes(deltas, references, weights), xyxy, rtol=0, atol=1e-8)


@settings(deadline=None)
@given(st.tuples(*[st.floats(-4, 4)] * 4), box, st.sampled_from([UNIT_WEIGHTS, HEAD_WEIGHTS]))
def test_encoding_undoes_decoding(
    wanted: tuple[float, ...], reference: tuple[float, ...], weights: BoxWeights
) -> None:
    deltas = torch.tensor([wanted], dtype=torch.float64)
    references = torch.tensor([reference], dtype=torch.float64)
    xyxy = decode_boxes(deltas, references, weights)
    torch.testing.assert_close(encode_boxes(xyxy, references, weights), deltas, rtol=0, atol=1e-7)
