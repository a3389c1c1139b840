"""Run-length encoding of masks as COCO writes it (pycocotools, common/maskApi.c).

Pixels are read column by column. The run lengths count zeros and ones in turn, zeros first (so a
mask that begins with a one has a first run of 0); they add up to the frame's pixels. The compressed
text writes each run, from the fourth on as its difference to the run two before it, in groups of 5
bits, lowest first: bit 5 says that more groups follow, the last group's bit 4 is the sign, and 48
makes it a printable character.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]

_FIRST_CHARACTER = 48
_MORE, _SIGN = 0x20, 0x10
_MOST_GROUPS = 12  # 60 bits: what int64 holds


def encode(mask: npt.NDArray[np.bool_]) -> bytes:
    """Encode the mask of a whole frame; the inverse of `decode`.

    Args:
        mask: (H, W) bool.
    """
    height, width = mask.shape
    return encode_region(mask.T, (0, 0), (height, width))


def encode_region(
    columns: npt.NDArray[np.bool_], left_top: tuple[int, int], frame_hw: tuple[int, int]
) -> bytes:
    """Encode a mask that is zero outside a region, without making the frame.

    Args:
        columns: (w, h) bool, the region's columns; it lies within the frame.
        left_top: column and row of the frame where the region begins.
        frame_hw: height and width of the frame, pixels.

    Raises:
        ValueError: the region does not lie within the frame.
    """
    (width, height), (left, top), (frame_height, frame_width) = columns.shape, left_top, frame_hw
    if min(left, top) < 0 or left + width > frame_width or top + height > frame_height:
        raise ValueError(
            f"a region of {height}x{width} at row {top}, column {left} does not lie within a "
            f"frame of {frame_height}x{frame_width}"
        )
    framed = np.zeros((width, height + 2), np.bool_)
    framed[:, 1:-1] = columns
    changes = np.flatnonzero(framed[:, 1:] != framed[:, :-1])
    column, row = np.divmod(changes, height + 1)
    return compress(_runs((left + column) * frame_height + top + row, frame_height * frame_width))


def decode(text: bytes, hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Decode a mask; the inverse of `encode`.

    Args:
        text: the compressed run lengths.
        hw: height and width of the frame, pixels.

    Returns:
        (H, W) bool, its columns contiguous.

    Raises:
        ValueError: the text is not of a mask of this size.
    """
    columns, (left, top) = decode_region(text, hw)
    width, height = columns.shape
    mask = np.zeros(hw[::-1], np.bool_)
    mask[left : left + width, top : top + height] = columns
    return mask.T


def decode_region(
    text: bytes, hw: tuple[int, int]
) -> tuple[npt.NDArray[np.bool_], tuple[int, int]]:
    """Decode the part of a mask that has ones, without making the frame.

    Args:
        text: the compressed run lengths.
        hw: height and width of the frame, pixels.

    Returns:
        `columns` and `left_top` as `encode_region` takes them; (0, 0) bool where there are no ones.

    Raises:
        ValueError: the text is not of a mask of this size.
    """
    (height, width), counts = hw, uncompress(text)
    if counts.sum() != height * width or (counts < 0).any():
        raise ValueError(f"run lengths must be 0 or more and add up to {height}x{width} pixels")
    if not counts[1::2].any():
        return np.zeros((0, 0), np.bool_), (0, 0)
    left, right = counts[0] // height, width
    counts[0] -= left * height
    if len(counts) % 2 == 1:
        right -= counts[-1] // height
        counts[-1] %= height
    is_object = np.arange(len(counts)) % 2 == 1
    columns = np.repeat(is_object, counts).reshape(right - left, height)
    rows = np.flatnonzero(columns.any(axis=0))
    return columns[:, rows[0] : rows[-1] + 1], (int(left), int(rows[0]))


def area(text: bytes) -> int:
    """Count the pixels of a mask.

    Args:
        text: the compressed run lengths.

    Raises:
        ValueError: as `uncompress` does.
    """
    return int(uncompress(text)[1::2].sum())


def compress(counts: Counts) -> bytes:
    """Write run lengths as text; the inverse of `uncompress`.

    Args:
        counts: (R,) int64.
    """
    rest = counts.copy()
    rest[3:] -= counts[1:-2]
    groups = []
    is_open = np.ones(len(rest), np.bool_)
    while is_open.any():
        group = rest & 0x1F
        rest = rest >> 5
        was_open, is_open = is_open, is_open & (rest != -((group & _SIGN) >> 4))
        groups.append(np.where(was_open, (group | is_open * _MORE) + _FIRST_CHARACTER, 0))
    characters = np.array(groups, np.uint8).T.ravel()
    return characters[characters > 0].tobytes()


def uncompress(text: bytes) -> Counts:
    """Read run lengths from text; the inverse of `compress`.

    Args:
        text: the compressed run lengths.

    Returns:
        (R,) int64.

    Raises:
        ValueError: the text breaks off, a character is none of the code, or a run is too long for
            any frame.
    """
    codes = np.frombuffer(text, np.uint8).astype(np.int64) - _FIRST_CHARACTER
    if not len(codes):
        return codes
    if codes.min() < 0 or codes.max() >= 2 * _MORE or codes[-1] & _MORE:
        raise ValueError(f"not compressed run lengths: {text[-40:]!r}")
    is_last = codes & _MORE == 0
    firsts = np.flatnonzero(np.append(True, is_last[:-1]))
    place = np.arange(len(codes)) - np.repeat(firsts, np.diff(firsts, append=len(codes)))
    if place.max() >= _MOST_GROUPS:
        raise ValueError(f"a run length of {place.max() + 1} characters is beyond any frame")
    values = (codes & 0x1F) << (5 * place)
    values -= (is_last & (codes & _SIGN > 0)) * (32 << (5 * place))
    counts = np.add.reduceat(values, firsts)
    counts[1::2] = counts[1::2].cumsum()
    counts[2::2] = counts[2::2].cumsum()
    return counts


def _runs(changes: Counts, pixel_count: int) -> Counts:
    """Turn the places where runs of ones begin and end, in turn, into run lengths."""
    # A run that ends with a column and one that begins with the next are one run.
    meets = np.zeros(len(changes), np.bool_)
    meets[1:-1:2] = changes[1:-1:2] == changes[2::2]
    meets[2::2] |= meets[1:-1:2]
    bounds = changes[~meets]
    if len(bounds) and bounds[-1] == pixel_count:
        bounds = bounds[:-1]
    return np.diff(bounds, prepend=0, append=pixel_count)
