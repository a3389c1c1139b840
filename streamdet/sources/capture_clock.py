"""When a camera's frame was taken, from what its packets say and when they arrived.

A packet has its time on the camera's clock (pts), which starts anywhere and drifts, and arrives
some time after the image was taken, never before. So the least (arrival - pts) of the last seconds
is the best estimate of the offset between the clocks; a packet with a larger one was delayed. The
images of a burst after a frozen network thus get their true age, not that of their arrival.
The delay of the fastest packet itself (encoding, network) is unknown.

Ages are measured on the monotonic clock: setting the wall clock changes no age.

Tried for the camera's own wall clock: FFmpeg's RTSP client hands on the RTCP sender reports as
"prft" data of each packet, once the first report has come (with GStreamer's server after some 5 s).
RTMP, MPEG-TS, MJPEG over http and V4L2 give nothing of the kind. (HLS has EXT-X-PROGRAM-DATE-TIME,
which FFmpeg's reader does not hand on.)
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from streamdet.frame import ClockName

WINDOW_S: Final = 5.0
"""How long a fast packet counts, in seconds during which packets arrived normally.

A frozen network and the burst after it do not count, so that what was fast before it is remembered.
A clock that is off by a share of x shows images too old by x times this; real ones by 1e-4.
"""

JUMP_S: Final = 1.0
"""Packets of B-frames go back by less; a clock that goes back further, or shows images this much
before they are possible, was set or restarted."""

TRUSTED_S: Final = 2.0
"""A camera's wall clock that is further off ours is wrong: many start in 1970, or drift."""


@dataclass(frozen=True, slots=True)
class CaptureTime:
    """When an image was taken.

    Attributes:
        captured_ns: wall clock, nanoseconds since the epoch.
        clock: whose wall clock that is.
        age_ns: how long ago, on the monotonic clock; 0 or more.
    """

    captured_ns: int
    clock: ClockName
    age_ns: int


class CaptureClock:
    """Estimates the offset of one stream's clock to this host's."""

    def __init__(self) -> None:
        self._least: deque[tuple[float, float]] = deque()  # (passed, arrival - pts), both rising
        self._last: tuple[float, float] | None = None  # pts, arrival
        self._passed_s = 0.0
        self._camera_offset_s: float | None = None
        self._is_camera_trusted = False

    def packet(self, pts_s: float, arrival_s: float, camera_wall_s: float | None = None) -> None:
        """Note a packet.

        Args:
            pts_s: its time on the camera's clock, seconds.
            arrival_s: when it came, monotonic seconds.
            camera_wall_s: the camera's wall clock at that pts, seconds since the epoch.
        """
        offset = arrival_s - pts_s
        if self._has_jumped(pts_s, offset):
            self._least.clear()
            self._camera_offset_s = None
        self._pass(pts_s, arrival_s)
        while self._least and self._least[-1][1] >= offset:
            self._least.pop()
        self._least.append((self._passed_s, offset))
        while self._least[0][0] < self._passed_s - WINDOW_S:
            self._least.popleft()
        if camera_wall_s is not None:
            self._camera_offset_s = camera_wall_s - pts_s

    def time(self, pts_s: float | None, now_s: float, wall_ns: int) -> CaptureTime:
        """Say when an image was taken.

        Args:
            pts_s: its time on the camera's clock; None where it has none: then it is new.
            now_s: monotonic seconds.
            wall_ns: this host's wall clock at the same moment.
        """
        if pts_s is None or not self._least:
            return CaptureTime(wall_ns, "host", 0)
        age_ns = max(0, round((now_s - pts_s - self._least[0][1]) * 1e9))
        host_ns = wall_ns - age_ns
        if self._camera_offset_s is None:
            return CaptureTime(host_ns, "host", age_ns)
        camera_ns = round((pts_s + self._camera_offset_s) * 1e9)
        # Hysteresis: a camera must be within half the limit to be trusted again.
        limit_s = TRUSTED_S if self._is_camera_trusted else TRUSTED_S / 2
        self._is_camera_trusted = abs(camera_ns - host_ns) <= limit_s * 1e9
        if self._is_camera_trusted:
            return CaptureTime(camera_ns, "camera", age_ns)
        return CaptureTime(host_ns, "host", age_ns)

    def _has_jumped(self, pts_s: float, offset: float) -> bool:
        if self._last is None:
            return False
        return pts_s < self._last[0] - JUMP_S or offset < self._least[0][1] - JUMP_S

    def _pass(self, pts_s: float, arrival_s: float) -> None:
        if self._last is not None:
            last_pts_s, last_arrival_s = self._last
            self._passed_s += max(0.0, min(pts_s - last_pts_s, arrival_s - last_arrival_s))
        self._last = pts_s, arrival_s
