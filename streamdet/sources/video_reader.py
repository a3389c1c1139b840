"""Decodes one video file packet by packet and continues past damaged data."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from streamdet.errors import SourceError
from streamdet.sources.cut import WHOLE, Cut, CutGuard
from streamdet.sources.file_limits import refuse_duration
from streamdet.sources.frame_times import FrameTimes
from streamdet.sources.media_file import MediaPlace, open_media_file
from streamdet.sources.pixel_aspect import SQUARE, PixelAspects, shown_hw
from streamdet.sources.safe_open import open_media, reason
from streamdet.sources.stream_choice import choose_video, note_choice
from streamdet.sources.tiff_thumbnail import THUMBNAIL_FIRST, begins_with_thumbnail
from streamdet.sources.tiled_image import find_tiles

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

INDEXED = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"})
"""Containers whose seek was found to be exact; that of MPEG-TS lands between keyframes."""

_CUT_S = 0.5
"""A file whose video ends this much before the end that its header states is reported."""


@dataclass(frozen=True, slots=True)
class DecoderOptions:
    """Options of the decoder.

    Attributes:
        threads: decoder threads. Only with 1 are images next to damage the same in each run.
        keyframes_only: whether all but keyframes are skipped without being decoded.
        max_pixels: larger images are not decoded.
        cut: the part of the video to read.
    """

    threads: int
    keyframes_only: bool
    max_pixels: int
    cut: Cut = WHOLE


class VideoReader:
    """One pass over a file's video stream, see stream_choice.py.

    Attributes:
        time_base: seconds per tick of pts.
        start_pts: the stream's first pts as its header states it; 0 if it does not.
        rate: nominal frames per second; None where unknown.
        frame_count: number of frames as the header states it; None where unknown.
        decoded: frames returned or skipped so far.
        damaged: packets that could not be decoded so far.
        pts: presentation time of the last returned frame, ticks, see `FrameTimes`; None where
            unknown.
        pixel_aspect: of the last returned frame: a pixel's width divided by its height.
        problems: what was wrong with the file besides damaged packets; each goes after "PATH: ".
        on_packet: called with each packet that was decoded; may be set.
    """

    def __init__(self, path: MediaPlace, options: DecoderOptions) -> None:
        """Open the file and read its header.

        Raises:
            SourceError: it cannot be opened or has no video.
        """
        self._file = open_media_file(path)
        try:
            if begins_with_thumbnail(self._file):
                raise SourceError(f"{path}: {THUMBNAIL_FIRST}")
            self._container = open_media(self._file, path, options.max_pixels)
            self._tiles = find_tiles(self._container, self._file, path, options.max_pixels)
            self._stream = (
                self._tiles.streams[0]
                if self._tiles
                else choose_video(self._container, path, options.max_pixels)
            )
        except Exception:
            self._file.close()
            raise
        codec = self._stream.codec_context
        codec.thread_count = options.threads
        codec.thread_type = "FRAME"
        if options.keyframes_only:
            codec.skip_frame = "NONKEY"
        self.time_base = self._stream.time_base or Fraction(1, 1000)
        self.start_pts = self._stream.start_time or 0
        rates = [r for r in (self._stream.average_rate, self._stream.guessed_rate) if r]
        self.rate = min(rates, default=None)  # either may be the clock's rate instead, such as 1000
        self.frame_count = self._stream.frames or self._guess_frame_count()
        self.decoded = 0
        self.damaged = 0
        self.pts: int | None = None
        self.pixel_aspect = SQUARE
        note = note_choice(self._stream)
        self.problems = [note] if note else []
        self._keyframes_only = options.keyframes_only
        self._last: VideoFrame | None = None
        self._step = 0
        self._last_hw: tuple[int, int] | None = None
        self._has_resized = False
        self._aspects = PixelAspects(self._stream, options.max_pixels)
        self._times = FrameTimes(self._container.format.name, self.time_base, self.rate)
        self.on_packet: Callable[[Packet[VideoStream]], None] | None = None
        self._path = path
        self._guard = CutGuard(options.cut, path)
        self._frames = self._decode()
        try:
            self._refuse_long(self._stated_end())
        except SourceError:
            self.close()
            raise
        if options.cut.begin is not None:
            self._begin_at(options.cut.begin)

    @property
    def stream(self) -> VideoStream:
        """The video stream."""
        return self._stream

    @property
    def codec(self) -> str:
        """Name of the video's codec, such as "h264"."""
        return self._stream.codec_context.name

    @property
    def hw(self) -> tuple[int, int] | None:
        """Height and width that the header states, not turned; None where it does not."""
        if self._tiles:
            return self._tiles.hw
        codec = self._stream.codec_context
        return (codec.height, codec.width) if codec.height and codec.width else None

    @property
    def is_ordered(self) -> bool:
        """Whether every frame so far had a pts of its own, above the one before."""
        return self._times.are_plain and self.pts is not None

    @property
    def end(self) -> int | None:
        """End of the last returned frame, ticks, if it is the last one of the file.

        Its packet's duration is taken where the header does not state a likely end: of frames that
        are not shown in the order in which they are stored, it is that of another frame.
        """
        if self.pts is None or self._last is None:
            return None
        if self._guard.next_pts is not None:
            return self._guard.next_pts
        duration = self._last.duration or self._times.nominal
        stated = self._stated_end()
        if stated is None or self._times.was_joined:
            return self.pts + duration
        left = stated / self.time_base - self.pts
        longest = max(duration, self._step) + Fraction(_CUT_S) / self.time_base
        return self.pts + (round(left) if 1 <= left <= longest else duration)

    def __iter__(self) -> Iterator[VideoFrame]:
        """Return the iterator over the frames not returned or skipped yet."""
        return self._frames

    def seek_behind(self, pts: int, decoded: int) -> bool:
        """Seek to after the frame of that pts, the `decoded`-th one of an uninterrupted run.

        Returns:
            Whether the seek was exact; if not, the reader cannot be used further.
        """
        import av

        if self._container.format.name not in INDEXED:
            return False
        try:
            self._container.seek(pts, stream=self._stream, backward=True)
        except av.FFmpegError:
            return False
        self._guard.resume()
        frame = next(self._frames, None)
        # Otherwise decoding started inside a group of pictures (GOP), without its reference frames.
        is_clean_start = frame is not None and frame.key_frame
        while frame is not None and frame.pts is not None and frame.pts < pts:
            frame = next(self._frames, None)
        self.decoded = decoded
        return is_clean_start and frame is not None and frame.pts == pts and self.damaged == 0

    def close(self) -> None:
        """Close the file; the frames returned so far stay valid."""
        self._frames.close()
        self._container.close()
        self._file.close()

    def _refuse_long(self, end: Fraction | None) -> None:
        if end is not None:
            refuse_duration(float(end - self.start_pts * self.time_base), self._path)

    def _begin_at(self, pts: int) -> None:
        import av

        try:
            self._container.seek(pts, stream=self._stream, backward=True)
        except av.FFmpegError as exc:
            self.close()
            self._guard.refuse(reason(exc))

    def _decode(self) -> Generator[VideoFrame, None, None]:
        is_cut = False
        for packet in self._packets():
            frames = self._decode_packet(packet)
            self._aspects.note()
            if self.on_packet is not None and packet is not None:
                self.on_packet(packet)
            for frame in frames:
                if self._guard.is_before(frame):
                    continue
                if self._guard.is_behind(frame, is_plain=self._is_plain):
                    return
                self._note(frame)
                self._guard.check(frame, is_plain=self._is_plain)
                yield frame
            if packet is not None:
                is_cut = packet.is_corrupt  # set by the demuxer, not for damage inside the packet
        self._guard.check_end(is_plain=self._is_plain)
        self._note_end(is_cut=is_cut)

    @property
    def _is_plain(self) -> bool:
        """Whether nothing was damaged, times rose and images had one size so far."""
        return self._times.are_plain and self.damaged == 0 and not self._has_resized

    def _packets(self) -> Iterator[Packet[VideoStream] | None]:
        """Yield the stream's packets and at last None, which flushes the decoder."""
        import av

        packets = self._container.demux(self._tiles.streams if self._tiles else (self._stream,))
        try:
            for packet in packets:
                if packet.size:
                    self._aspects.number(packet)
                    yield packet
        except (av.FFmpegError, OSError, IndexError) as exc:
            self.problems.append(f"reading ended early ({reason(exc)})")
        yield None

    def _decode_packet(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        import av

        try:
            return (self._tiles or self._stream.codec_context).decode(packet)
        except av.EOFError:
            return []
        except MemoryError:
            raise
        except av.FFmpegError:
            self.damaged += 1
            return []

    def _note(self, frame: VideoFrame) -> None:
        self._last, last_pts = frame, self.pts
        self.pts = self._times.time(frame.pts, frame.dts, frame.duration or 0)
        if self.pts is not None:
            self._refuse_long(self.pts * self.time_base)
            if last_pts is not None:
                self._step = self.pts - last_pts
        self.pixel_aspect = self._aspects.of(frame)
        self._compare(shown_hw((frame.height, frame.width), self.pixel_aspect))
        self.decoded += 1

    def _compare(self, hw: tuple[int, int]) -> None:
        if self._last_hw not in {None, hw}:
            size = f"{hw[1]}x{hw[0]}"
            self.problems.append(f"the image size changes to {size} at frame {self.decoded}")
            self._has_resized = True
        self._last_hw = hw

    def _note_end(self, *, is_cut: bool) -> None:
        if aspect := self._aspects.unusable:
            ratio = f"{aspect.numerator}:{aspect.denominator}"
            self.problems.append(
                f"its pixel aspect ratio of {ratio} is not possible, or gives more pixels than"
                " max_pixels: the image is taken as it is stored"
            )
        if is_cut:
            self.problems.append("the file is cut off: its last packet is incomplete")
            return
        stated, last = self._stated_end(), self._last
        is_comparable = not (self._keyframes_only or self._times.was_joined)
        if stated is None or last is None or self.pts is None or not is_comparable:
            return
        end = (self.pts + last.duration) * self.time_base
        if end + Fraction(_CUT_S) < stated:
            text = f"its header says {float(stated):.1f} s, its video ends at {float(end):.1f} s"
            self.problems.append(f"the file is cut off or damaged: {text}")

    def _stated_end(self) -> Fraction | None:
        """When the video ends, in seconds, as the header says; None where it does not."""
        if self._stream.duration:
            return (self.start_pts + self._stream.duration) * self.time_base
        if self._container.duration and len(self._container.streams) == 1:
            return Fraction(self._container.duration, 1_000_000)
        return None

    def _guess_frame_count(self) -> int | None:
        end = self._stated_end()
        if end is None or self.rate is None:
            return None
        return max(1, round((end - self.start_pts * self.time_base) * self.rate))
