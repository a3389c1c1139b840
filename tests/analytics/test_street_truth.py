"""The rendered street knows who crosses what: with its boxes, a tracker and analytics count it all.

How many a real detector finds is another matter: docs/zones.md has the figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from streamdet.analytics import Analytics
from streamdet.detections import Detections
from streamdet.evaluation.truths.street import LEAST_SEEN
from streamdet.messages import FrameMessage
from streamdet.registry import load
from streamdet.sources.scene_uri import parse_scene
from streamdet.sources.street import Street
from tests.analytics.scenes import frame, make

FRAMES, HOLD = 400, 3
ZONE = [[0.3, 0.55], [0.7, 0.55], [0.7, 1], [0.3, 1]]
CROSSED_AT = {"middle": 0.5, "third": 0.33}
Counts = Counter[tuple[str, str]]


def people(seed: int) -> Iterator[Detections]:
    """The people of each frame, those that are hidden left out."""
    street = Street(parse_scene(f"synthetic:street?hw=240x320&frames={FRAMES}&seed={seed}"))
    for index in range(FRAMES):
        found = street.truth(index)
        yield found[(found.class_ids == 0) & (found.scores >= LEAST_SEEN)]


def counted_by_hand(scene: Sequence[Detections]) -> Counts:
    """Who walks straight through was on one side at first, and on the other in 3 frames or more."""
    ways: dict[int, list[float]] = {}
    within: Counter[int] = Counter()
    for found in scene:
        assert found.track_ids is not None
        for box, person in zip(found.xyxy.tolist(), found.track_ids.tolist(), strict=True):
            x, y = (box[0] + box[2]) / 640, box[3] / 240
            ways.setdefault(person, []).append(x)
            within[person] += 0.3 <= x <= 0.7 and 0.55 <= y <= 1
    counts: Counts = Counter({("entered", "zone"): sum(n >= HOLD for n in within.values())})
    for name, at in CROSSED_AT.items():
        for way in ways.values():
            is_left = [x < at for x in way]
            if sum(side != is_left[0] for side in is_left) >= HOLD:
                # The line points down: who looks along it has the image's left on the right hand.
                counts["out" if is_left[0] else "in", name] += 1
    return counts


def counted(scene: Sequence[Detections], analytics: Sequence[Analytics]) -> Counts:
    tracker, counts = load("tracker", "byte_track"), Counts()
    tracker = tracker(tracker.Options())
    for index, found in enumerate(scene):
        scores = np.full(len(found), 0.9, np.float32)
        tracked = tracker.update(replace(found, scores=scores, track_ids=None))
        message: FrameMessage = replace(frame(index, {}, hw=(240, 320)), detections=tracked)
        for one in analytics:
            message = one.update(message)
        for event in message.events:
            if event.kind == "line_crossed":
                counts[event.more["direction"], event.place] += 1
            counts["entered", event.place] += event.kind == "zone_enter"
    return +counts


@pytest.mark.parametrize("seed", [0, 1])
def test_every_crossing_and_every_entry_is_counted_once(seed: int) -> None:
    scene = list(people(seed))
    lines = {name: {"line": [[at, 0], [at, 1]]} for name, at in CROSSED_AT.items()}
    nodes = [make("zones", zones={"zone": {"polygon": ZONE}}), make("lines", lines=lines)]
    truth = counted_by_hand(scene)
    assert counted(scene, nodes) == truth
    assert truth.total() > 25
