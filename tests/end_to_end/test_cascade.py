"""A second detector looks at what the first has found: boxes by hand, and nothing lost or doubled.

The networks of both find the same box in whatever they see (`constant_model`), so that where that
is in the frame can be worked out on paper: the frame is 160 x 180, twice the networks' 80 x 90.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.api import run, stream
from streamdet.formats.message_schema import check_message
from tests.commands.constant_model import write_constant_model
from tests.faults.storm import (
    assert_each_once_in_order,
    errors_in,
    kill_at_random,
    lines_of,
    output_of,
    streamdet,
    wait_for_lines,
)

GRAPH = """\
version: 1
name: cascade
nodes:
  camera: {{kind: source, uri: 'synthetic:street?frames={frames}&hw=160x180', process: front}}
  prepare: {{kind: transform, reads: camera, process: front}}
  detect: {{kind: detector, reads: prepare, model: "{first}", replicas: 2}}
  {track}
  crop: {{kind: crop, reads: {reads}, process: back, every_frames: 4}}
  faces: {{kind: detector, reads: crop, model: "{second}"}}
  publish: {{kind: redis_stream, reads: faces}}
"""
PERSON = [20.0, 40.0, 100.0, 120.0]
"""The network's box (10, 20, 50, 60), twice as large."""
FACE = [30.0, 60.0, 70.0, 100.0]
"""The same box in a crop of 80 x 80 whose corner is at (20, 40)."""


TRACK = "track: {kind: byte_track, reads: detect, process: back}"


def write_graph(folder: Path, frames: int = 12, track: str = TRACK) -> Path:
    for name in ("person", "face"):
        (folder / name).mkdir()
    mask = np.ones((28, 28), np.float32)
    first = write_constant_model(folder / "person", name="people")
    second = write_constant_model(
        folder / "face", name="faces", classes=["face"], score_thresh=0.3, mask=mask
    )
    path = folder / "cascade.yaml"
    reads = "track" if track else "detect"
    path.write_text(
        GRAPH.format(frames=frames, first=first, second=second, track=track, reads=reads)
    )
    return path


def test_children_are_published_where_they_are_with_their_parents(tmp_path: Path) -> None:
    outputs = [tmp_path / name for name in ("o.jsonl", "o.csv", "o.parquet", "o.mp4", "o.txt")]
    report = run(write_graph(tmp_path), outputs=outputs)
    assert report.outcome == "done"
    lines = lines_of(outputs[0])
    for line in outputs[0].read_text().splitlines():
        check_message(line)
    assert {line["model"] for line in lines} == {"people+faces"}
    looked = [line["frame_id"] for line in lines if len(line["objects"]) == 2]
    assert looked == [0, 4, 8]
    person, face = lines[4]["objects"]
    assert (person["bbox"], face["bbox"]) == (PERSON, FACE)
    assert (person["id"], person["label"], person["class_id"]) == (1, "person", 0)
    assert (face["id"], face["label"], face["class_id"]) == (None, "face", 1)
    assert (face["parent"], face["parent_id"]) == (0, 1)
    assert not {"parent", "parent_id", "mask"} & person.keys()
    assert face["mask"]["size"] == [160, 180]
    with outputs[1].open() as file:
        rows = [row for row in csv.DictReader(file) if row["frame_id"] == "4"]
    assert [(row["label"], row["parent"], row["parent_id"]) for row in rows] == [
        ("person", "", ""),
        ("face", "0", "1"),
    ]


def test_without_a_tracker_each_frame_is_looked_at_and_python_sees_the_parents(
    tmp_path: Path,
) -> None:
    graph = write_graph(tmp_path, track="")
    with stream(graph=graph, overrides={"crop.margin": 0.25}) as all_frames:
        frames = list(all_frames)
    assert len(frames) == 12
    for frame in frames:
        found = frame.detections
        # A quarter of 80 more on each side: the crop of 120 x 120 at (0, 20) is seen at 2/3.
        np.testing.assert_allclose(found.xyxy, np.array([PERSON, [15.0, 50, 75, 110]]), atol=1e-4)
        assert found.labels(frame.classes) == ["person", "face"]
        assert found.parents is not None
        assert found.parents.tolist() == [-1, 0]


def test_small_objects_and_those_of_other_classes_have_no_children(tmp_path: Path) -> None:
    output = tmp_path / "o.jsonl"
    run(write_graph(tmp_path), outputs=[output], overrides={"crop.min_side": 81})
    assert [len(line["objects"]) for line in lines_of(output)] == [1] * 12


@pytest.mark.timeout(200)
def test_killed_workers_lose_and_double_no_look(tmp_path: Path) -> None:
    graph = write_graph(tmp_path, frames=600)

    def play(name: str, kill_s: float) -> list[Any]:
        output = tmp_path / name
        with streamdet("run", str(graph), "--output", str(output)) as process:
            if kill_s:
                wait_for_lines(output, 1, process)
                assert kill_at_random(process, every_s=0.3, for_s=kill_s, seed=5) > 2
            text = output_of(process, 150)
        assert (process.returncode, errors_in(text)) == (0, []), text
        assert_each_once_in_order(lines_of(output), {"street": 600})
        return [line["objects"] for line in lines_of(output)]

    calm, hurt = play("calm.jsonl", 0), play("hurt.jsonl", 3)
    assert hurt == calm
    assert [len(objects) for objects in calm] == [2, 1, 1, 1] * 150


def test_the_shipped_example_outlines_people(tmp_path: Path) -> None:
    output = tmp_path / "o.jsonl"
    source = "synthetic:street?frames=6&hw=480x640"
    assert run("outlines", sources=[source], outputs=[output]).outcome == "done"
    children = [
        (line["objects"], child)
        for line in map(json.loads, output.read_text().splitlines())
        for child in line["objects"]
        if "parent" in child
    ]
    assert children
    for objects, child in children:
        parent = objects[child["parent"]]
        assert (child["label"], child["class_id"]) == ("person", 1)
        assert child["parent_id"] == parent["id"] is not None
        assert child["mask"]["size"] == [480, 640]
