"""COCO's run lengths, as pycocotools writes and reads them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as pycocotools_mask

from streamdet.ops.run_length import (
    area,
    compress,
    decode,
    decode_region,
    encode,
    encode_region,
    uncompress,
)

Mask = npt.NDArray[np.bool_]

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12))


def theirs(mask: Mask) -> bytes:
    text: bytes = pycocotools_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    return text


def blob(hw: tuple[int, int]) -> Mask:
    """An ellipse that fills the frame: runs of several characters, rising and falling."""
    y, x = np.mgrid[-1 : 1 : hw[0] * 1j, -1 : 1 : hw[1] * 1j]
    return np.asarray(x**2 + y**2 < 1)


def test_runs_go_down_the_columns_and_begin_with_zeros() -> None:
    mask = np.array([[0, 1], [0, 1], [1, 0]], bool)
    assert uncompress(encode(mask)).tolist() == [2, 3, 1]
    assert encode(mask) == b"231"


@given(MASKS)
@example(np.zeros((3, 4), bool))
@example(np.ones((3, 4), bool))
@example(np.eye(1, dtype=bool))
def test_encode_is_pycocotools_encode(mask: Mask) -> None:
    assert encode(mask) == theirs(mask)


@pytest.mark.parametrize("hw", [(1, 500), (500, 1), (480, 640), (1080, 1920)])
def test_encode_is_pycocotools_encode_on_large_masks(hw: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).random(hw) < 0.5
    for mask in (blob(hw), ~blob(hw), noise, np.zeros(hw, bool), np.ones(hw, bool)):
        text = encode(mask)
        assert text == theirs(mask)
        np.testing.assert_array_equal(decode(text, hw), mask)


@given(MASKS)
def test_decode_is_the_inverse_of_encode(mask: Mask) -> None:
    height, width = mask.shape
    np.testing.assert_array_equal(decode(encode(mask), (height, width)), mask)


@given(MASKS)
def test_a_decoded_region_is_the_part_with_ones(mask: Mask) -> None:
    hw = mask.shape[0], mask.shape[1]
    columns, (left, top) = decode_region(encode(mask), hw)
    assert columns.sum() == mask.sum()
    assert encode_region(columns, (left, top), hw) == encode(mask)
    for edge in (columns[:1], columns[-1:], columns[:, :1], columns[:, -1:]):
        assert edge.any() == mask.any()


@given(MASKS)
def test_area_counts_the_ones(mask: Mask) -> None:
    assert area(encode(mask)) == mask.sum()


@given(MASKS, st.tuples(*[st.integers(0, 3)] * 4))
def test_a_region_is_encoded_as_the_frame_it_lies_in(
    region: Mask, around: tuple[int, int, int, int]
) -> None:
    left, right, top, bottom = around
    frame = np.pad(region, ((top, bottom), (left, right)))
    height, width = frame.shape
    assert encode_region(region.T, (left, top), (height, width)) == encode(frame)


@pytest.mark.parametrize("left_top", [(-1, 0), (0, -1), (3, 0), (0, 2)])
def test_a_region_beyond_the_frame_is_refused(left_top: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"a region of 3x2 at .* within a frame of 4x4"):
        encode_region(np.ones((2, 3), bool), left_top, (4, 4))


@settings(max_examples=200)
@given(arrays(np.int64, st.integers(0, 9), elements=st.integers(0, 2**33)))
def test_uncompress_is_the_inverse_of_compress(counts: npt.NDArray[np.int64]) -> None:
    assert uncompress(compress(counts)).tolist() == counts.tolist()


@pytest.mark.parametrize("text", [b"2P", b"2 1", b"2p1", b"P" * 12 + b"1"])
def test_a_text_that_breaks_off_or_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="run length"):
        uncompress(text)


@pytest.mark.parametrize("text", [b"", b"231", b"2411", b"9" + compress(np.array([-3]))])
def test_a_mask_of_another_size_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="add up to 2x2 pixels"):
        decode(text, (2, 2))
