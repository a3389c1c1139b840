"""Messages survive the wire."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamdet.detections import Detections, FrameMasks
from streamdet.events import Event, Marking
from streamdet.frame import Frame, FrameRef, Geometry
from streamdet.messages import (
    Crop,
    EndOfStream,
    FrameMessage,
    Message,
    PreparedImage,
    Timing,
    decode,
    encode,
)

INT64 = st.integers(-(2**63), 2**63 - 1)
COUNTS = st.integers(0, 2**53)
REFS = st.builds(FrameRef, st.text(max_size=9), COUNTS, COUNTS)
SIZES = st.tuples(st.integers(1, 9999), st.integers(1, 9999))
REALS = st.floats(-1e9, 1e9)
FRAMES = st.builds(
    Frame,
    source_id=st.text(max_size=9),
    index=COUNTS,
    pts=st.none() | INT64,
    time_base=st.builds(Fraction, st.integers(1, 10**6), st.integers(1, 10**9)),
    duration=COUNTS,
    hw=SIZES,
    captured_ns=COUNTS,
    pixels=st.none() | REFS,
)
PREPARED = st.builds(
    PreparedImage,
    hw=SIZES,
    geometry=st.builds(Geometry, st.tuples(REALS, REALS), st.tuples(REALS, REALS)),
    pixels=st.none() | REFS,
)
WORDS = st.text(max_size=5)
EVENTS = st.builds(
    Event,
    WORDS,
    WORDS,
    st.none() | COUNTS,
    st.none() | COUNTS,
    st.none() | st.tuples(REALS, REALS, REALS, REALS),
    st.dictionaries(WORDS, COUNTS, max_size=2),
    st.dictionaries(WORDS, WORDS | REALS, max_size=2),
    WORDS,
)
MARKINGS = st.builds(
    Marking,
    st.sampled_from(["zone", "line"]),
    WORDS,
    st.lists(st.tuples(REALS, REALS), max_size=3).map(tuple),
    WORDS,
    st.booleans(),
)
MESSAGES = st.builds(
    FrameMessage,
    frame=FRAMES,
    prepared=st.none() | PREPARED,
    detections=st.none(),
    model=st.none() | st.text(max_size=9),
    drop_reason=st.none() | st.text(max_size=9),
    timings=st.lists(st.builds(Timing, st.text(max_size=5), COUNTS, COUNTS), max_size=3).map(tuple),
    events=st.lists(EVENTS, max_size=2).map(tuple),
    markings=st.lists(MARKINGS, max_size=2).map(tuple),
    input_hw=st.none() | SIZES,
)
ENDS = st.builds(EndOfStream, st.text(max_size=9), COUNTS)
FRAME = Frame("cam", 3, None, Fraction(1, 25), 1, (4, 4), 0)


def blank(count: int) -> Detections:
    zeros = np.zeros(count, np.float32)
    return Detections(np.zeros((count, 4), np.float32), zeros, np.zeros(count, np.int64))


def through_the_wire(found: Detections) -> Detections:
    message = decode(encode(FrameMessage(FRAME, detections=found)))
    assert isinstance(message, FrameMessage)
    assert message.detections is not None
    return message.detections


@given(MESSAGES | ENDS)
def test_decode_is_the_inverse_of_encode(message: Message) -> None:
    assert decode(encode(message)) == message


@pytest.mark.parametrize("count", [0, 1, 300])
@pytest.mark.parametrize("has_tracks", [True, False])
def test_detections_survive_bit_by_bit(count: int, has_tracks: bool) -> None:
    rng = np.random.default_rng(count)
    found = Detections(
        rng.random((count, 4), np.float32),
        rng.random(count, np.float32),
        rng.integers(0, 80, count),
        rng.integers(1, 2**40, count) if has_tracks else None,
    )
    back = through_the_wire(found)
    for name in ("xyxy", "scores", "class_ids", "track_ids"):
        np.testing.assert_array_equal(getattr(back, name), getattr(found, name))
    assert (back.masks, back.keypoints) == (None, None)


@given(
    hw=SIZES,
    counts=st.lists(st.binary(max_size=40), max_size=4).map(tuple),
    keypoint_count=st.integers(0, 17),
)
def test_masks_and_keypoints_survive_bit_by_bit(
    hw: tuple[int, int], counts: tuple[bytes, ...], keypoint_count: int
) -> None:
    rng = np.random.default_rng(keypoint_count)
    keypoints = rng.normal(size=(len(counts), keypoint_count, 3)).astype(np.float32)
    found = replace(blank(len(counts)), masks=FrameMasks(hw, counts), keypoints=keypoints)
    back = through_the_wire(found)
    assert back.masks == found.masks
    np.testing.assert_array_equal(back.keypoints, keypoints, strict=True)


def test_a_message_from_before_there_were_masks_has_none() -> None:
    values = msgpack.unpackb(encode(FrameMessage(FRAME, detections=blank(2))))
    values[10] = values[10][:4]
    older = decode(msgpack.packb(values))
    assert isinstance(older, FrameMessage)
    assert older.detections is not None
    assert (len(older.detections), older.detections.masks, older.detections.keypoints) == (
        2,
        None,
        None,
    )


def test_a_message_from_before_there_were_input_sizes_has_none() -> None:
    values = msgpack.unpackb(encode(FrameMessage(FRAME, input_hw=(352, 416))))
    older = decode(msgpack.packb(values[:15]))
    assert older == FrameMessage(FRAME)


def test_mask_probs_do_not_travel() -> None:
    found = replace(blank(1), mask_probs=np.zeros((1, 28, 28), np.float32))
    with pytest.raises(ValueError, match="mask_probs do not travel"):
        encode(FrameMessage(FRAME, detections=found))


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x93\x01\x02\x03", b"\x01", b"junk"])
def test_other_bytes_are_refused_in_one_way(payload: bytes) -> None:
    with pytest.raises(ValueError, match="not a streamdet message"):
        decode(payload)


@given(st.binary(max_size=64))
def test_random_bytes_raise_nothing_but_value_error(payload: bytes) -> None:
    try:
        decode(payload)
    except ValueError:
        return


def test_zones_and_speeds_survive_and_are_none_where_nothing_looks_at_them() -> None:
    found = replace(blank(2), zones=(("yard", "gate"), ()), speeds=np.array([1.5, np.nan]))
    back = through_the_wire(found)
    assert back.zones == (("yard", "gate"), ())
    assert back.speeds is not None
    np.testing.assert_array_equal(back.speeds, np.array([1.5, np.nan], np.float32))
    assert (through_the_wire(blank(2)).zones, through_the_wire(blank(2)).speeds) == (None, None)


def test_attributes_survive() -> None:
    back = through_the_wire(replace(blank(2), attributes=({"colour": "red"}, {})))
    assert back.attributes == ({"colour": "red"}, {})
    assert through_the_wire(blank(2)).attributes is None


def test_which_objects_were_filled_in_survives() -> None:
    filled = through_the_wire(replace(blank(2), interpolated=np.array([False, True]))).interpolated
    assert filled is not None
    assert filled.tolist() == [False, True]
    assert through_the_wire(blank(2)).interpolated is None


def test_whose_clock_it_is_travels() -> None:
    of_camera = FrameMessage(replace(FRAME, clock="camera"))
    assert decode(encode(of_camera)) == of_camera


def test_crops_and_parents_travel() -> None:
    found = replace(blank(2), parents=np.array([-1, 0]))
    sent = FrameMessage(FRAME, detections=found, crops=(Crop(1, (0, 1, 20, 30)),))
    came = decode(encode(sent))
    assert isinstance(came, FrameMessage)
    assert came.crops == sent.crops
    assert came.detections is not None
    assert came.detections.parents is not None
    assert came.detections.parents.tolist() == [-1, 0]
    assert decode(encode(FrameMessage(FRAME, crops=()))) == FrameMessage(FRAME, crops=())
    assert through_the_wire(blank(2)).parents is None


@pytest.mark.parametrize("count", [0, 2])
def test_vectors_survive_bit_by_bit(count: int) -> None:
    vectors = np.random.default_rng(1).random((count, 5)).astype(np.float16)
    came = through_the_wire(replace(blank(count), vectors=vectors)).vectors
    assert came is not None
    np.testing.assert_array_equal(came, vectors)
    assert through_the_wire(blank(count)).vectors is None


@pytest.mark.parametrize("row", [-1, 2])
def test_a_crop_of_no_object_is_refused(row: int) -> None:
    wrong = FrameMessage(FRAME, detections=blank(2), crops=(Crop(row, (0, 0, 2, 2)),))
    with pytest.raises(ValueError, match="not a streamdet message"):
        decode(encode(wrong))


@pytest.mark.parametrize("left_out", [1, 2, 3, 4, 5, 6])
def test_messages_of_a_run_that_began_with_an_earlier_version_are_read(left_out: int) -> None:
    values = msgpack.unpackb(encode(FrameMessage(FRAME)))
    assert decode(msgpack.packb(values[:-left_out])) == FrameMessage(FRAME)
