"""`live`: a camera, or a file played like one. It never ends: it is reconnected when lost."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

from pydantic import Field

from streamdet.frame import ClockName
from streamdet.image import Image
from streamdet.sources.chaos_camera import ChaosCamera, ChaosFeed
from streamdet.sources.decoded_image import DecodedImage, FrameConverter
from streamdet.sources.live_address import LiveAddress, parse_live
from streamdet.sources.live_camera import Arrival, LiveCamera
from streamdet.sources.live_opening import CameraLimits
from streamdet.sources.paced_file import PacedFile
from streamdet.sources.packet_tap import OnPacket, PacketTap
from streamdet.sources.sampling import Sampler, SamplingOptions
from streamdet.system.networks import EVERYWHERE, Networks

Feed = LiveCamera | PacedFile | ChaosFeed


class LiveOptions(SamplingOptions):
    """Options of `LiveSource`."""

    transport: Literal["tcp", "udp"] = Field(
        "tcp", description="How RTSP sends the video; udp loses packets where the network is bad."
    )
    open_timeout_s: float = Field(
        5.0, gt=0, le=600, description="Longest wait for a camera's answer, seconds."
    )
    read_timeout_s: float = Field(
        5.0, gt=0, le=600, description="Seconds without data after which a camera is lost."
    )
    max_staleness_ms: float = Field(
        1000.0, gt=0, le=3_600_000, description="Age above which frames are dropped, milliseconds."
    )
    max_in_flight: int = Field(
        3, ge=1, le=1000, description="Most frames of this camera in flight at a time."
    )
    max_pixels: int = Field(36_000_000, ge=1, le=2**28, description="Refuse larger images.")
    loop: bool = Field(False, description="With file:...?live=1, begin again at the end.")


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """One frame of a live source that was not sampled away.

    Attributes:
        image: its image, upright; valid until the next frame is requested.
        pts: ticks of `time_base` on the camera's own clock, which may jump; None where it has none.
        time_base: seconds per tick.
        duration: ticks until the next sampled frame is due (nominal); at least 1.
        captured_ns: wall clock when it was taken, nanoseconds since the epoch.
        clock: whose wall clock that is: the camera's or this host's.
        age_ns: how long ago it was taken when it was decoded, on the monotonic clock.
        skipped: how many frames were sampled away since the last one that was not.
    """

    image: Image
    pts: int | None
    time_base: Fraction
    duration: int
    captured_ns: int
    clock: ClockName
    age_ns: int
    skipped: int = 0


class LiveSource:
    """A camera's address; each `connect` is one connection to it."""

    Options = LiveOptions
    pixel_format = "bgr24"
    is_live = True

    def __init__(self, uri: str, options: LiveOptions) -> None:
        """Take an address; touches nothing.

        Raises:
            ConfigError: the address is wrong.
        """
        self._address = parse_live(uri)
        self._options = options
        self._chaos = ChaosCamera(uri) if self._address.kind == "chaos" else None

    def connect(
        self, on_packet: OnPacket | None = None, networks: Networks = EVERYWHERE
    ) -> LiveConnection:
        """Open the stream.

        Args:
            on_packet: called with each encoded packet; None for nobody.
            networks: where the camera may be.

        Raises:
            CameraLostError: it cannot be reached.
            CameraRefusedError: it answers with an error that will not go away by itself, or may
                not be called.
        """
        tap = None if on_packet is None else PacketTap(on_packet)
        feed: Feed
        if self._chaos is not None:
            feed = self._chaos.connect(self._options.read_timeout_s, tap)
        else:
            feed = _open(self._address, self._options, tap, networks)
        return LiveConnection(feed, self._options)


class LiveConnection:
    """One connection to a live source.

    Attributes:
        hw: height and width, upright, of the last frame; before the first one as announced, None
            where nothing was.
        codec: name of the video's codec, such as "h264".
    """

    def __init__(self, feed: Feed, options: LiveOptions) -> None:
        """Wrap an open camera or file."""
        self.hw = feed.hw
        self.codec = feed.codec
        self._feed = feed
        self._sampler = Sampler(options, feed.rate)
        self._converter = FrameConverter()

    def frames(self) -> Generator[LiveFrame, None, None]:
        """Yield frames as they come; this never ends by itself.

        Raises:
            CameraLostError: the stream has ended, failed or is silent.
            CameraRefusedError: it continues in a form that cannot be read.
        """
        last_slot, skipped = None, 0
        for number, arrival in enumerate(self._feed.frames()):
            slot = self._sampler.slot(number, _time_s(arrival))
            if not self._sampler.keeps(number, slot, last_slot):
                skipped += 1
                continue
            yield replace(self._frame(arrival), skipped=skipped)
            last_slot, skipped = slot, 0

    def close(self) -> None:
        """Close the connection; frames that have been returned stay valid."""
        self._feed.close()

    def _frame(self, arrival: Arrival) -> LiveFrame:
        image = DecodedImage(arrival.frame, self._converter)
        self.hw = image.hw
        interval = self._sampler.interval(arrival.duration * arrival.time_base)
        return LiveFrame(
            image=image,
            pts=arrival.pts,
            time_base=arrival.time_base,
            duration=max(1, math.floor(interval / arrival.time_base)),
            captured_ns=arrival.taken.captured_ns,
            clock=arrival.taken.clock,
            age_ns=arrival.taken.age_ns,
        )


def _open(
    address: LiveAddress, options: LiveOptions, tap: PacketTap | None, networks: Networks
) -> LiveCamera | PacedFile:
    if address.kind == "file":
        path, loop = Path(address.place), address.loop or options.loop
        return PacedFile(path, loop=loop, max_pixels=options.max_pixels, tap=tap)
    limits = CameraLimits(
        options.transport, options.open_timeout_s, options.read_timeout_s, options.max_pixels
    )
    return LiveCamera(address, limits, tap, networks)


def _time_s(arrival: Arrival) -> Fraction:
    if arrival.pts is None:
        return Fraction(arrival.taken.captured_ns, 10**9)
    return arrival.pts * arrival.time_base
