"""The packets of live sources as they are kept."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from streamdet.errors import CameraLostError
from streamdet.sources.live import LiveOptions, LiveSource
from streamdet.sources.packet_tap import parameter_sets
from streamdet.transport.packet_ring import EncodedPacket

SPS, PPS, IDR, SLICE = b"\x67\x4d", b"\x68\xce", b"\x65\x88", b"\x41\x9a"


def test_parameter_sets_are_the_same_however_they_are_stored() -> None:
    stored = b"\x00\x00\x00\x01".join([b"", SPS, PPS])
    sent = b"\x00\x00\x01\x09\xf0" + b"\x00\x00\x00\x01".join([b"", SPS, PPS, SPS, IDR])
    assert parameter_sets("h264", sent) == parameter_sets("h264", stored) == stored


def test_h265_has_three_of_them() -> None:
    units = [b"\x40\x01", b"\x42\x01", b"\x44\x01"]
    sent = b"\x00\x00\x01".join([b"", *units, b"\x26\x01"])
    assert parameter_sets("hevc", sent) == b"\x00\x00\x00\x01".join([b"", *units])


def test_images_without_them_and_other_codecs_have_none() -> None:
    assert parameter_sets("h264", b"\x00\x00\x01" + SLICE) == b""
    assert parameter_sets("mjpeg", b"\x00\x00\x01" + SPS) == b""
    assert parameter_sets("h264", b"\x00\x00\x00\x02" + SPS) == b""  # a length, no start code


def test_h264_of_a_file_comes_with_start_codes_and_parameter_sets(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(50))
        stream.width, stream.height, stream.gop_size = 64, 48, 4
        for level in range(10):
            grey = np.full((48, 64, 3), level * 20, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, "bgr24")))
        container.mux(stream.encode())
    packets: list[EncodedPacket] = []
    connection = LiveSource(f"file:{path}?live=1", LiveOptions()).connect(packets.append)
    shown = 0
    try:
        for _ in connection.frames():
            shown += 1
    except CameraLostError:  # the file has ended
        connection.close()
    assert (shown, len(packets)) == (10, 10)
    assert all(packet.data.startswith((b"\0\0\0\1", b"\0\0\1")) for packet in packets)
    sets = {packet.format.parameter_sets for packet in packets}
    assert [parameter_sets("h264", packets[0].data)] == list(sets)
    assert packets[0].format.hw == (48, 64)
    assert sorted(packet.pts or 0 for packet in packets) == [1800 * n for n in range(10)]
