"""What analytics cost a frame: 50 people who wander about, in one place of each kind and in three.

python -m benchmarks.analytics_cost
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

import numpy as np

from streamdet.analytics import AnalyticsContext
from streamdet.detections import Detections
from streamdet.frame import Frame
from streamdet.messages import FrameMessage
from streamdet.registry import load

PEOPLE, FRAMES, SIDE = 50, 600, 640
UP_LEFT, RIGHT = np.array([10.0, 40.0]), np.array([10.0, 0.0])
FIVE_CORNERS: Final = [[0.1, 0.3], [0.5, 0.2], [0.9, 0.3], [0.8, 0.9], [0.2, 0.9]]


def crowd() -> Iterator[FrameMessage]:
    """Frames with tracked people."""
    rng = np.random.default_rng(0)
    feet, step = rng.uniform(50, 600, (PEOPLE, 2)), rng.normal(size=(PEOPLE, 2)) * 2
    for index in range(FRAMES):
        feet = np.clip(feet + step, 0, SIDE)
        xyxy = np.hstack([feet - UP_LEFT, feet + RIGHT]).astype(np.float32)
        scores, classes = np.full(PEOPLE, 0.9, np.float32), np.zeros(PEOPLE, np.int64)
        found = Detections(xyxy, scores, classes, np.arange(1, PEOPLE + 1))
        frame = Frame("cam", index, index, Fraction(1, 25), 1, (SIDE, SIDE), 0)
        yield FrameMessage(frame, detections=found, model="toy")


def options(kind: str, places: int) -> dict[str, Any]:
    """So many places of a kind."""
    names = [f"place-{number}" for number in range(places)]
    match kind:
        case "zones":
            zone = {"polygon": FIVE_CORNERS, "classes": ["person"], "dwell_s": 2}
            return {"zones": dict.fromkeys(names, zone)}
        case "lines":
            return {"lines": {name: {"line": [[0.5, 0.1], [0.5, 0.9]]} for name in names}}
        case "presence":
            return {"presence": {name: {} for name in names}}
        case "speed":
            return {"metres_per_pixel": 0.02}
        case _:
            return {}


def main() -> None:
    """Print the median milliseconds of an update and of the state that is committed with it."""
    frames = list(crowd())
    for kind in ("zones", "lines", "presence", "speed", "tracks"):
        for places in (1, 3):
            cls = load("analytics", kind)
            context = AnalyticsContext("cam", {"toy": ("person", "car")})
            made = cls(cls.Options.model_validate(options(kind, places)), context)
            updates, states = [], []
            for frame in frames:
                started_s = time.perf_counter()
                made.update(frame)
                updated_s = time.perf_counter()
                made.state()
                updates.append(updated_s - started_s)
                states.append(time.perf_counter() - updated_s)
            update, state = (1000 * float(np.median(times)) for times in (updates, states))
            print(f"{kind:<9} {places} places  {update:.3f} ms, its state {state:.3f} ms")


if __name__ == "__main__":
    main()
