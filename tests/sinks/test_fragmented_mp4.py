from __future__ import annotations

from fractions import Fraction
from io import BytesIO

import av
import pytest

from streamdet.errors import EngineError
from streamdet.sinks.fragmented_mp4 import H264Encoder, VideoFormat, fragment

TENTH = VideoFormat((48, 64), Fraction(1, 10), 1, 23)


def encode(encoder: H264Encoder, luma: int) -> tuple[bytes, bool]:
    """Encode a plain grey image."""
    for plane, value in zip(
        (encoder.image.y, encoder.image.u, encoder.image.v), (luma, 128, 128), strict=True
    ):
        plane[:] = value
    return encoder.encode()


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """Split MP4 bytes into (type, payload)."""
    found = []
    while data:
        size = int.from_bytes(data[:4], "big")
        found.append((data[4:8], data[8:size]))
        data = data[size:]
    return found


def test_fragment_is_a_moof_that_describes_the_mdat_behind_it() -> None:
    data = fragment(5, 1 << 33, 512, b"sample", is_keyframe=True)
    (moof, inner), mdat = boxes(data)
    assert (moof, mdat) == (b"moof", (b"mdat", b"sample"))
    mfhd, (traf, traf_boxes) = boxes(inner)
    assert mfhd == (b"mfhd", bytes(4) + (5).to_bytes(4, "big"))
    assert traf == b"traf"
    described = dict(boxes(traf_boxes))
    assert described[b"tfhd"].hex(" ", 4) == "00020000 00000001"
    assert int.from_bytes(described[b"tfdt"][4:], "big") == 1 << 33
    offset = len(data) - len(b"sample")
    assert described[b"trun"].hex(" ", 4) == (
        f"00000701 00000001 {offset:08x} {512:08x} {6:08x} 02000000"
    )


def test_a_frame_that_needs_others_is_no_sync_sample() -> None:
    data = fragment(1, 0, 1, b"sample", is_keyframe=False)
    assert data[:-14][-4:].hex() == "01010000"


def test_fragments_play_at_their_times_in_place_of_what_follows_a_header() -> None:
    encoder = H264Encoder(TENTH)
    data = encoder.header
    for sequence, start in enumerate([0, 3, 4, 9], start=1):
        sample, is_keyframe = encode(encoder, 16 + 50 * sequence)
        data += fragment(sequence, start, 1, sample, is_keyframe)
    encoder.close()
    with av.open(BytesIO(data), "r") as container:
        frames = list(container.decode(video=0))
    assert [frame.pts for frame in frames] == [0, 3, 4, 9]
    assert [round(float(f.to_ndarray()[:48].mean())) for f in frames] == pytest.approx(
        [66, 116, 166, 216], abs=4
    )


def test_only_the_first_frame_and_every_60th_is_a_keyframe() -> None:
    encoder = H264Encoder(TENTH)
    keyframes = [i for i in range(125) if encode(encoder, 16)[1]]
    encoder.close()
    assert keyframes == [0, 60, 120]


def test_equal_formats_have_equal_headers() -> None:
    assert H264Encoder(TENTH).header == H264Encoder(TENTH).header


@pytest.mark.parametrize(
    ("time_base", "duration", "rate"),
    [
        (Fraction(1, 24000), 1001, Fraction(24000, 1001)),
        (Fraction(1, 90000), 1, Fraction(90000)),
        (Fraction(1001, 30000), 1, Fraction(30000, 1001)),
        (Fraction(3600), 1, Fraction(1, 1000)),
        (Fraction(1, 2**31 - 1), 1, Fraction(2**31 - 1)),
    ],
)
def test_any_time_base_of_a_container_can_be_encoded(
    time_base: Fraction, duration: int, rate: Fraction
) -> None:
    video_format = VideoFormat((2, 2), time_base, duration, 23)
    assert video_format.rate == rate
    sample, _ = encode(H264Encoder(video_format), 16)
    assert sample


def test_a_format_that_the_encoder_refuses_is_told_in_one_sentence() -> None:
    odd = VideoFormat((47, 63), Fraction(1, 10), 1, 23)  # YUV 4:2:0 wants even sides
    with pytest.raises(EngineError, match=r"cannot encode 63x47 H.264 video with this PyAV's"):
        H264Encoder(odd)
