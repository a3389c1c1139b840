"""`chaos:street?seed=3`: a camera that misbehaves by a script, for tests of whatever works on it.

It plays the rendered scene of `synthetic:street` at its own rate, endlessly. About every two
seconds comes a fault; each comes once before any comes again, in an order that the seed draws:

- freeze: it sends nothing for 1 to 8 s;
- gap: 1 to 100 of its frames are lost;
- size: its images are half as large, or as large again as they were;
- end: the connection ends;
- away: the connection ends, and the next try finds nobody.

With one seed, faults, their places and the number of each frame are the same each time.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random
from typing import Final, Literal

from streamdet.errors import CameraLostError, CameraRefusedError, CameraSilentError
from streamdet.sources.capture_clock import CaptureTime
from streamdet.sources.live_camera import Arrival
from streamdet.sources.pacing import Pacer
from streamdet.sources.packet_tap import PacketTap
from streamdet.sources.scene_uri import parse_scene
from streamdet.sources.street import Street

Fault = Literal["freeze", "gap", "size", "end", "away"]
_FAULTS: Final[tuple[Fault, ...]] = ("freeze", "gap", "size", "end", "away")
_SMALLEST_SIDE: Final = 64


@dataclass(frozen=True, slots=True)
class Act:
    """Good frames, and then a fault.

    Attributes:
        frames: how many good ones come first.
        fault: what comes then.
        freeze_s: how long a freeze lasts, seconds.
        lost: how many frames a gap loses.
    """

    frames: int
    fault: Fault
    freeze_s: float
    lost: int


def script(seed: int, fps: float) -> Generator[Act, None, None]:
    """Draw the acts of a camera, endlessly."""
    rng = Random(seed)  # noqa: S311  not a secret
    while True:
        for fault in rng.sample(_FAULTS, len(_FAULTS)):
            frames = max(1, round(fps * rng.uniform(1, 3)))
            yield Act(frames, fault, rng.uniform(1, 8), rng.randint(1, 100))


class ChaosCamera:
    """The camera, over all of its connections.

    Args:
        uri: its address.

    Raises:
        ConfigError: the address is wrong.
    """

    def __init__(self, uri: str) -> None:
        spec = parse_scene(uri)
        small = tuple(max(_SMALLEST_SIDE, side // 2) for side in spec.hw)
        self._streets = Street(spec), Street(replace(spec, hw=(small[0], small[1])))
        self._acts = script(spec.seed, float(spec.fps))
        self._act, self._left = self._next_act()
        self._is_away = False
        self.spec, self.number = spec, 0

    def connect(self, read_timeout_s: float, tap: PacketTap | None) -> ChaosFeed:
        """Connect to it.

        Raises:
            CameraLostError: it is away.
            CameraRefusedError: its packets are asked for: it has none.
        """
        if tap is not None:
            raise CameraRefusedError("a chaos: camera has no encoded packets, which clips want")
        if self._is_away:
            self._is_away = False
            raise CameraLostError("the script says that nobody is there")
        return ChaosFeed(self, read_timeout_s)

    @property
    def street(self) -> Street:
        """The scene as it is seen now."""
        return self._streets[0]

    def step(self, read_timeout_s: float) -> None:
        """Go on to the next frame, by way of a fault where one is due.

        Raises:
            CameraLostError: the connection ends here.
        """
        self.number += 1
        self._left -= 1
        if self._left == 0:
            act = self._act
            self._act, self._left = self._next_act()
            self._do(act, read_timeout_s)

    def _do(self, act: Act, read_timeout_s: float) -> None:
        match act.fault:
            case "freeze":
                time.sleep(min(act.freeze_s, read_timeout_s))
                if act.freeze_s > read_timeout_s:
                    raise CameraSilentError(f"no packet for {read_timeout_s:g} s")
            case "gap":
                self.number += act.lost
            case "size":
                self._streets = self._streets[::-1]
            case "end" | "away":
                self._is_away = act.fault == "away"
                raise CameraLostError("the stream ended")

    def _next_act(self) -> tuple[Act, int]:
        act = next(self._acts)
        return act, act.frames


class ChaosFeed:
    """One connection to the camera; see live_camera.LiveCamera."""

    codec = "rawvideo"

    def __init__(self, camera: ChaosCamera, read_timeout_s: float) -> None:
        """Connect."""
        self._camera, self._read_timeout_s = camera, read_timeout_s
        self.rate = camera.spec.fps
        self.hw = camera.street.spec.hw

    def close(self) -> None:
        """Hang up."""

    def frames(self) -> Generator[Arrival, None, None]:
        """Yield each frame when it is due.

        Raises:
            CameraLostError: the script ends the connection.
        """
        from av.video.frame import VideoFrame

        camera, time_base, pacer = self._camera, 1 / self.rate, Pacer(longest_wait_s=1.0)
        while True:
            pts = camera.number
            image = camera.street.render(pts % camera.spec.frames)
            late_ns = pacer.wait(pts * time_base)
            frame = VideoFrame.from_ndarray(image, format="bgr24")
            taken = CaptureTime(time.time_ns() - late_ns, "host", late_ns)
            yield Arrival(frame, pts, Fraction(time_base), 1, taken)
            camera.step(self._read_timeout_s)
