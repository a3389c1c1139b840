"""H.264 in a fragmented MP4 of one frame per fragment, so that a file cut behind any frame plays.

Source: ISO/IEC 14496-12, section 8.8 (movie fragments). The header (ftyp + moov) is FFmpeg's; the
fragments are written here, 108 bytes and the frame, because FFmpeg's muxer holds each one back
until the next frame arrives and starts times and numbers afresh when a file goes on after a crash.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from struct import Struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamdet.errors import EngineError
from streamdet.formats.own_video import COMMENT
from streamdet.sinks.yuv_image import YuvImage

# CABAC and deblocking on top of ultrafast give superfast's size and PSNR (22 kB, 46.8 dB) in less
# time: 8.5 against 12.0 ms a 1080p frame in one thread of a 2-core x86 machine (ultrafast alone
# 7.1 ms, 26.7 kB, 46.2 dB; veryfast 22.8 ms). A second thread gained nothing.
PRESET = "ultrafast"
X264_PARAMS = "cabac=1:deblock=0,0:annexb=0"

ENCODER: Final = "libx264"

KEYFRAME_INTERVAL = 60
"""Frames between two keyframes: how far a player has to decode when it seeks."""

MAX_FRAME_S = Fraction(1000)
MAX_DURATION = 2**32 - 1
"""Ticks of a frame: trun has 32 bits for them."""

TRACK = 1
SYNC_SAMPLE = 0x0200_0000
DEPENDENT_SAMPLE = 0x0101_0000
DEFAULT_BASE_IS_MOOF = 0x02_0000
VERSION_1 = 0x0100_0000
TRUN_OFFSET_DURATION_SIZE_FLAGS = 0x0701

_BOXES = Struct(
    ">I4s"  # moof
    "I4sII"  # mfhd: flags, sequence number
    "I4s"  # traf
    "I4sII"  # tfhd: flags, track
    "I4sIQ"  # tfdt: version, decode time
    "I4sIIIIII"  # trun: flags, count, data offset, then the one sample's duration, size, flags
    "I4s"  # mdat
)
_MOOF_SIZE = _BOXES.size - 8


def fragment(sequence: int, start: int, duration: int, sample: bytes, is_keyframe: bool) -> bytes:
    """Write one frame as moof + mdat.

    Args:
        sequence: number of the fragment, from 1.
        start: decode and presentation time, ticks of the track.
        duration: ticks.
        sample: the encoded frame, NAL units behind 4-byte lengths.
        is_keyframe: whether decoding can start here.
    """
    flags = SYNC_SAMPLE if is_keyframe else DEPENDENT_SAMPLE
    boxes = _BOXES.pack(
        *(_MOOF_SIZE, b"moof"),
        *(16, b"mfhd", 0, sequence),
        *(_MOOF_SIZE - 24, b"traf"),
        *(16, b"tfhd", DEFAULT_BASE_IS_MOOF, TRACK),
        *(20, b"tfdt", VERSION_1, start),
        *(
            32,
            b"trun",
            TRUN_OFFSET_DURATION_SIZE_FLAGS,
            1,
            _BOXES.size,
            duration,
            len(sample),
            flags,
        ),
        *(len(sample) + 8, b"mdat"),
    )
    return boxes + sample


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """What the header of a recording says; it holds for all its frames.

    Attributes:
        hw: height and width, pixels, both even.
        time_base: seconds per tick of the source.
        duration: nominal ticks per frame.
        crf: constant rate factor of x264.
    """

    hw: tuple[int, int]
    time_base: Fraction
    duration: int
    crf: int

    @property
    def timescale(self) -> int:
        """Ticks of the track per second."""
        return self.time_base.denominator

    @property
    def rate(self) -> Fraction:
        """Nominal frames per second, a fraction that fits FFmpeg's 32 bits."""
        frame_s = min(self.time_base * self.duration, MAX_FRAME_S)
        return (1 / frame_s).limit_denominator(1001)


class H264Encoder:
    """Encodes each image at once: no frame is held back, none is predicted from a later one.

    Attributes:
        header: ftyp + moov; equal for equal formats.
        image: the memory of the frame that `encode` encodes, to be painted on.
    """

    def __init__(self, video_format: VideoFormat) -> None:
        """Open the encoder; its first frame is a keyframe.

        Raises:
            EngineError: FFmpeg has no libx264, or it refuses the format.
        """
        import av

        height, width = video_format.hw
        header = BytesIO()
        self._container = av.open(
            header,
            "w",
            format="mp4",
            options={
                "movflags": "empty_moov+default_base_moof",
                "video_track_timescale": str(video_format.timescale),
            },
        )
        self._container.metadata["comment"] = COMMENT
        try:
            self._stream = self._container.add_stream(
                ENCODER, rate=video_format.rate, options=_x264_options(video_format)
            )
            self._stream.width, self._stream.height = width, height
            self._stream.pix_fmt = "yuv420p"
            self._stream.codec_context.thread_count = 1
            self._container.start_encoding()
        except (av.FFmpegError, ValueError) as exc:
            raise EngineError(
                f"cannot encode {width}x{height} H.264 video with this PyAV's libx264: {exc}"
            ) from exc
        self.header = header.getvalue()
        self._count = 0
        # x264 copies what it is given, so one frame will do.
        self._frame = av.VideoFrame(width, height, "yuv420p")
        self.image = YuvImage(*map(_pixels_of, self._frame.planes))

    def encode(self) -> tuple[bytes, bool]:
        """Encode what `image` shows.

        Returns:
            The sample, and whether it is a keyframe.
        """
        self._frame.pts = self._count
        self._frame.time_base = 1 / Fraction(self._stream.codec_context.framerate)
        self._count += 1
        (packet,) = self._stream.encode(self._frame)
        return bytes(packet), packet.is_keyframe

    def close(self) -> None:
        """Free the encoder."""
        self._container.close()


def _pixels_of(plane: Any) -> npt.NDArray[np.uint8]:
    """View a plane of PyAV (whose types do not say that it is a buffer) without the padding."""
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return np.asarray(rows[: plane.height, : plane.width])


def _x264_options(video_format: VideoFormat) -> dict[str, str]:
    return {
        "preset": PRESET,
        "tune": "zerolatency",
        "crf": str(video_format.crf),
        "g": str(KEYFRAME_INTERVAL),
        "x264-params": X264_PARAMS,
        "colorspace": "smpte170m",  # what cv2's I420 is
        "color_range": "tv",
    }
