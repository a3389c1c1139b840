"""Real video in, tracked detections out: what the command line does is what a plain loop does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from streamdet.detections import Detections
from streamdet.formats.mot_text import read_mot
from streamdet.trackers.byte_track import ByteTrack
from tests.end_to_end import straight_script
from tests.end_to_end.conftest import Run
from tests.faults.storm import assert_each_once_in_order, by_source, lines_of
from tests.redis_server import RedisServer

pytestmark = pytest.mark.data

VIDEO_FRAMES = {
    "crossing-1080p-long": 200,
    "crossing-1080p": 8,
    "driving": 221,
    "people-crowd": 460,
    "people-one-by-one": 1394,
    "people-street": 242,
    "person-720p": 247,
    "pets09-s2l1": 795,
    "tud-campus": 71,
    "vehicles-mpeg4": 748,
    "vehicles-road": 265,
}
EVERY = 60
"""Of the frames of every video at once."""
FP32 = ("--set", "detect.model=yolox_nano", "--set", "detect.precision=fp32")
TRACKED = (*FP32, "--set", "track.untracked=drop")  # as the papers' trackers, and the plain loop
UNTRACKED = """
version: 1
name: untracked
nodes:
  camera: {{kind: source, uri: "synthetic:street", process: front}}
  prepare: {{kind: transform, reads: camera, process: front}}
  detect: {{kind: detector, reads: prepare, model: yolox_nano, classes: [person], replicas: 2}}
  write: {{kind: jsonl, reads: detect, path: {path}}}
"""


def assert_same_objects(
    published: Sequence[dict[str, Any]], expected: Sequence[Detections]
) -> None:
    """Boxes within half a pixel, scores within 1e-3, the same ids where there are any."""
    assert len(published) == len(expected)
    for message, found in zip(published, expected, strict=True):
        objects = sorted(message["objects"], key=lambda one: (one["id"] or 0, -one["confidence"]))
        assert len(objects) == len(found), message["frame_id"]
        if not objects:
            continue
        np.testing.assert_allclose([one["bbox"] for one in objects], found.xyxy, atol=0.5)
        np.testing.assert_allclose([one["confidence"] for one in objects], found.scores, atol=1e-3)
        if found.track_ids is not None:
            assert [one["id"] for one in objects] == found.track_ids.tolist()


def weights(data: Path) -> Path:
    return data / "weights" / "yolox_nano.onnx"


@pytest.mark.parametrize(
    ("name", "runtime"),
    [
        ("tud-campus", "openvino"),
        pytest.param("pets09-s2l1", "openvino", marks=pytest.mark.nightly),
        pytest.param("pets09-s2l1", "onnxruntime", marks=pytest.mark.nightly),
    ],
)
def test_a_video_is_published_exactly_as_a_plain_loop_finds_it(
    run: Run, data: Path, tmp_path: Path, redis_server: RedisServer, name: str, runtime: str
) -> None:
    (video,) = (data / "videos").glob(f"{name}.*")
    found = straight_script.detections(video, weights(data))
    tracks = straight_script.tracks(found, ByteTrack(ByteTrack.Options()))
    stream = f"detections-{name}-{runtime}"
    outputs = [f"--output={tmp_path / name}" for name in ("o.jsonl", "o.mp4", "o.txt")]
    run("people", *TRACKED, "--set", f"detect.runtime={runtime}", "--source", video, *outputs,
        "--redis", redis_server.url, "--set", f"publish.stream={stream}")  # fmt: skip
    lines = lines_of(tmp_path / "o.jsonl")
    assert_each_once_in_order(lines, {name: VIDEO_FRAMES[name]})
    assert_same_objects(lines, tracks)
    entries: Any = redis_server.client().xrange(stream)
    assert [json.loads(fields[b"metadata"]) for _, fields in entries] == lines
    assert len(read_mot(tmp_path / "o.txt").xyxy) == sum(len(one) for one in tracks)
    assert_like(tmp_path / "o.mp4", video, VIDEO_FRAMES[name])


def assert_like(output: Path, video: Path, frames: int) -> None:
    """The written video has the frames and the rate of what was read."""
    with av.open(str(output)) as container, av.open(str(video)) as source:
        rates = [one.streams.video[0].average_rate for one in (container, source)]
        assert rates[0] == pytest.approx(rates[1], rel=0.02)
        assert sum(1 for _ in container.decode(video=0)) == frames


@pytest.mark.nightly
def test_every_video_at_once_into_one_detector_changes_nothing(
    run: Run, data: Path, tmp_path: Path
) -> None:
    graph = tmp_path / "untracked.yaml"
    graph.write_text(UNTRACKED.format(path=tmp_path / "o.jsonl"))
    videos = sorted(path for path in (data / "videos").iterdir() if path.stem in VIDEO_FRAMES)
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder, part in zip(folders, (videos[::2], videos[1::2]), strict=True):
        folder.mkdir()
        for video in part:
            (folder / video.name).symlink_to(video)
    sources = [argument for folder in folders for argument in ("--source", folder)]
    run(graph, *FP32, *sources, "--set", f"camera.every={EVERY}")
    frames = by_source(lines_of(tmp_path / "o.jsonl"))
    assert set(frames) == set(VIDEO_FRAMES)
    for video in videos:
        found = straight_script.detections(video, weights(data), every=EVERY)
        assert_same_objects(frames[video.stem], list(found))


@pytest.mark.nightly
@pytest.mark.parametrize("name", VIDEO_FRAMES)
def test_every_video_comes_out_whole(run: Run, data: Path, tmp_path: Path, name: str) -> None:
    (video,) = (data / "videos").glob(f"{name}.*")
    outputs = [f"--output={tmp_path / output}" for output in ("o.jsonl", "o.mp4", "o.txt")]
    run("people", *TRACKED, "--source", video, *outputs)
    lines = lines_of(tmp_path / "o.jsonl")
    assert_each_once_in_order(lines, {name: VIDEO_FRAMES[name]})
    found = straight_script.detections(video, weights(data))
    assert_same_objects(lines, straight_script.tracks(found, ByteTrack(ByteTrack.Options())))
    assert_like(tmp_path / "o.mp4", video, VIDEO_FRAMES[name])
