"""The Python front door on a real video: the loop sees what the command line writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import streamdet
from streamdet.cli import main
from tests.faults.storm import lines_of

pytestmark = pytest.mark.data


def test_a_loop_over_a_video_sees_what_the_command_writes(data: Path, tmp_path: Path) -> None:
    video = data / "videos" / "pets09-s2l1.avi"
    frames = list(streamdet.stream(video, graph="people"))
    output = tmp_path / "o.jsonl"
    assert main(["run", "people", "--source", str(video), "--output", str(output)]) == 0
    lines = lines_of(output)
    assert [frame.index for frame in frames] == [line["frame_id"] for line in lines]
    assert len(lines) == 795
    assert sum(len(line["objects"]) for line in lines) > 3000
    for frame, line in zip(frames, lines, strict=True):
        objects, found = line["objects"], frame.detections
        boxes = np.reshape([each["bbox"] for each in objects], (-1, 4))
        np.testing.assert_allclose(found.xyxy, boxes, atol=0.006)
        ids = [] if found.track_ids is None else found.track_ids.tolist()
        assert ids == [each["id"] or 0 for each in objects]  # 0: of no track
        assert frame.image is not None
        assert frame.image.shape[:2] == (line["height"], line["width"])
