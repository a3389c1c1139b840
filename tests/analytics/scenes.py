"""Frames of 100 x 100 pixels, 10 a second, with people where a test wants them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from streamdet.analytics import Analytics, AnalyticsContext
from streamdet.detections import UNTRACKED, Detections
from streamdet.events import Event
from streamdet.frame import Frame
from streamdet.messages import FrameMessage
from streamdet.registry import load

NAMES = {"toy": ("person", "car")}
Feet = Mapping[int, tuple[float, float]]
"""Track id -> middle of the lower edge of its box, which is 4 wide and 10 high."""


def frame(
    index: int, feet: Feet, class_ids: Sequence[int] = (), hw: tuple[int, int] = (100, 100)
) -> FrameMessage:
    """A frame; an id below 1 is an object without a track."""
    xyxy = [(x - 2, y - 10, x + 2, y) for x, y in feet.values()]
    found = Detections(
        np.array(xyxy, np.float32).reshape(-1, 4),
        np.full(len(feet), 0.9, np.float32),
        np.array(class_ids or [0] * len(feet), np.int64),
        np.array([max(track_id, UNTRACKED) for track_id in feet], np.int64),
    )
    of = Frame("door", index, index, Fraction(1, 10), 1, hw, 10**18 + index * 10**8)
    return FrameMessage(of, detections=found, model="toy")


def make(kind: str, source_id: str = "door", *, is_live: bool = False, **options: Any) -> Analytics:
    """An analytics of a kind."""
    cls = load("analytics", kind)
    made: Analytics = cls(
        cls.Options.model_validate(options), AnalyticsContext(source_id, NAMES, is_live)
    )
    return made


def play(analytics: Analytics, frames: Iterable[Feet], start: int = 0) -> list[tuple[int, Event]]:
    """Show frames; returns (index, event) of all that was noticed."""
    return [
        (index, event)
        for index, feet in enumerate(frames, start)
        for event in analytics.update(frame(index, feet)).events
    ]


def kinds(events: Iterable[tuple[int, Event]]) -> list[tuple[int, str]]:
    """(index, kind) of each."""
    return [(index, event.kind) for index, event in events]
