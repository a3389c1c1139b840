"""The Python front door on a real video: the loop sees what the command line writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import streamdet
from streamdet.cli import main
from tests.faults.storm import lines_of

pytestmark = pytest.mark.data


@pytest.mark.parametrize(
    ("name", "count", "at_least"),
    [
        ("tud-campus", 71, 200),
        pytest.param("pets09-s2l1", 795, 3000, marks=pytest.mark.nightly),
    ],
)
def test_a_loop_over_a_video_sees_what_the_command_writes(
    data: Path, tmp_path: Path, name: str, count: int, at_least: int
) -> None:
    (video,) = (data / "videos").glob(f"{name}.*")
    frames = list(streamdet.stream(video, graph="people"))
    output = tmp_path / "o.jsonl"
    assert main(["run", "people", "--source", str(video), "--output", str(output)]) == 0
    lines = lines_of(output)
    assert [frame.index for frame in frames] == [line["frame_id"] for line in lines]
    assert len(lines) == count
    assert sum(len(line["objects"]) for line in lines) > at_least
    for frame, line in zip(frames, lines, strict=True):
        objects, found = line["objects"], frame.detections
        boxes = np.reshape([each["bbox"] for each in objects], (-1, 4))
        np.testing.assert_allclose(found.xyxy, boxes, atol=0.006)
        ids = [] if found.track_ids is None else found.track_ids.tolist()
        assert ids == [each["id"] or 0 for each in objects]  # 0: of no track
        assert frame.image is not None
        assert frame.image.shape[:2] == (line["height"], line["width"])
