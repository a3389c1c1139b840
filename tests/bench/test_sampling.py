"""What is lost by looking at fewer frames, by hand."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from streamdet.archive.detection_graph import split
from streamdet.bench.sampling import measure
from streamdet.detections import Detections
from streamdet.graph import load_graph
from streamdet.messages import FrameMessage
from tests.archive.scenes import write_scene
from tests.sinks.frames import message


def moving(index: int, speed: float) -> FrameMessage:
    """A frame at 25 fps with one object that moves to the right."""
    left = 10.0 + speed * index
    found = Detections(
        np.array([[left, 20, left + 40, 120]], np.float32), np.array([0.9]), np.array([0])
    )
    one = message("cam", index)
    frame = replace(one.frame, pts=index * 512, time_base=Fraction(1, 12800), hw=(240, 320))
    return replace(one, frame=frame, detections=found, model="m")


def test_what_moves_evenly_is_put_where_it_is(tmp_path: Path) -> None:
    pytest.importorskip("motmetrics")
    clip = write_scene(tmp_path / "clip.mp4", 0, 31)
    parts = split(load_graph("people", sources=[str(clip)]))
    messages = [moving(index, 2.0) for index in range(31)]
    values = {metric.what: metric.value for metric in measure(clip, parts, messages)}
    assert values["clip --detect-every 3: recall"] > 0.9
    assert values["clip --detect-every 3: precision"] == pytest.approx(1.0)
    assert values["clip --detect-every 3: tracks"] == 1.0
    assert values["clip source.keyframes_only=true: frames"] == pytest.approx(3 / 31)
    assert values["clip source.fps=5: frames"] == pytest.approx(7 / 31)
