"""Where packets stand in a clip; expected times are worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streamdet.errors import EngineError
from streamdet.sinks.clip_file import Part, Place, placed, with_times, write_part
from streamdet.transport.packet_ring import CodedFormat, EncodedPacket, ring_folder
from tests.sinks.camera_packets import MJPEG, S, fill_ring, packet

FRAME = 9000
"""Ticks of a frame at 10 a second."""


def arriving(
    pts: int | None, arrived_s: float, *, keyframe: bool = False, connection: int = 1
) -> EncodedPacket:
    return EncodedPacket(b"", keyframe, pts, round(arrived_s * S), 0, MJPEG, connection)


def times(packets: list[EncodedPacket]) -> list[int | None]:
    return [None if place is None else place.pts for place in placed(packets)]


def test_images_that_are_shown_in_order_are_decoded_when_they_are_shown() -> None:
    packets = [arriving(500 + FRAME * n, n / 10, keyframe=n == 0) for n in range(3)]
    assert placed(packets) == [
        Place(0, 0, FRAME),
        Place(FRAME, FRAME, FRAME),
        Place(2 * FRAME, 2 * FRAME, FRAME),
    ]


def test_b_frames_are_decoded_before_they_are_shown() -> None:
    # Stored I P B B, shown I B B P: P must be decoded 2 frames before it is the third.
    packets = [arriving(FRAME * n, i / 10) for i, n in enumerate((0, 3, 1, 2))]
    assert placed(packets) == [
        Place(0, -FRAME, FRAME),
        Place(3 * FRAME, 0, FRAME),
        Place(FRAME, FRAME, FRAME),
        Place(2 * FRAME, 2 * FRAME, FRAME),
    ]


def test_images_before_the_first_keyframe_are_not_shown() -> None:
    packets = [
        arriving(2 * FRAME, 0, keyframe=True),
        arriving(FRAME, 0.1),
        arriving(3 * FRAME, 0.2),
    ]
    assert times(packets) == [0, None, FRAME]


def test_a_new_connection_goes_on_when_it_came() -> None:
    packets = [
        arriving(5 * FRAME, 10.0),
        arriving(6 * FRAME, 10.1),
        arriving(0, 13.1, connection=2),
        arriving(FRAME, 13.2, connection=2),
    ]
    assert times(packets) == [0, FRAME, 31 * FRAME, 32 * FRAME]


@pytest.mark.parametrize("jump_s", [-7200, 7200])
def test_a_clock_that_is_set_jumps_in_no_clip(jump_s: int) -> None:
    jumped = [(7200 + jump_s) * 90_000 + FRAME * n for n in (2, 3)]
    packets = [arriving(7200 * 90_000, 10.0), arriving(7200 * 90_000 + FRAME, 10.1)]
    packets += [arriving(jumped[0], 10.2), arriving(jumped[1], 10.3)]
    assert times(packets) == [0, FRAME, 2 * FRAME, 3 * FRAME]


def test_a_burst_after_a_frozen_network_keeps_its_own_times() -> None:
    packets = [arriving(FRAME * n, 0.1 * n if n < 2 else 5.0 + n / 1000) for n in range(5)]
    assert times(packets) == [0, FRAME, 2 * FRAME, 3 * FRAME, 4 * FRAME]


def test_a_first_packet_without_a_time_stands_before_the_others() -> None:
    packets = [
        arriving(None, 0, keyframe=True),
        arriving(13 * FRAME, 0.1),
        arriving(11 * FRAME, 0.2),
        arriving(12 * FRAME, 0.3),
        arriving(50 * FRAME, 0.4, keyframe=True),
    ]
    assert with_times(packets)[0].pts == 10 * FRAME


def test_what_would_not_play_is_no_clip(tmp_path: Path) -> None:
    wrong = replace(packet(0), format=CodedFormat("h264", b"", (48, 64)))  # it is a JPEG
    fill_ring(tmp_path, [wrong])
    with pytest.raises(EngineError, match=r"^an \.mp4 of this h264 (does not play|cannot be)"):
        write_part(ring_folder(tmp_path) / "cam", Part(0, (wrong,)), tmp_path / "clip.mp4")


def test_a_codec_that_an_mp4_cannot_hold_is_named(tmp_path: Path) -> None:
    vp8 = replace(packet(0), format=CodedFormat("vp8", b"", (48, 64)))
    fill_ring(tmp_path, [vp8])
    with pytest.raises(EngineError, match=r"^an \.mp4 takes no vp8$"):
        write_part(ring_folder(tmp_path) / "cam", Part(0, (vp8,)), tmp_path / "clip.mp4")
