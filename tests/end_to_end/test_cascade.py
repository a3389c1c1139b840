"""A second detector looks at what the first has found: boxes by hand, and nothing lost or doubled.

The networks of both find the same box in whatever they see (`constant_model`), so that where that
is in the frame can be worked out on paper: the frame is 160 x 180, twice the networks' 80 x 90.
"""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from streamdet.api import run, stream
from streamdet.cli import main
from streamdet.formats.message_schema import check_message
from tests.commands.constant_model import write_constant_model
from tests.faults.storm import (
    assert_each_once_in_order,
    errors_in,
    lines_of,
    output_of,
    stage_processes,
    streamdet,
    wait_for_lines,
)
from tests.recorded_run import frames, record, running

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
    outputs = [tmp_path / name for name in ("o.jsonl", "o.csv")]
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
        seen = list(all_frames)
    assert len(seen) == 12
    for frame in seen:
        found = frame.detections
        # A quarter of 80 more on each side: the crop of 120 x 120 at (0, 20) is seen at 2/3.
        np.testing.assert_allclose(found.xyxy, np.array([PERSON, [15.0, 50, 75, 110]]), atol=1e-4)
        assert found.labels(frame.classes) == ["person", "face"]
        assert found.parents is not None
        assert found.parents.tolist() == [-1, 0]


def kill_in_turn(process: subprocess.Popen[str], output: Path) -> None:
    """SIGKILL who looks and who has chosen, in turn, while there is much left to do."""
    for lines, name in ((20, "back"), (90, "faces"), (160, "back"), (230, "faces"), (300, "back")):
        wait_for_lines(output, lines, process)
        (victim,) = (each for each in stage_processes(process) if name in each.name())
        victim.kill()


@pytest.mark.timeout(200)
def test_killed_workers_lose_and_double_no_look(tmp_path: Path) -> None:
    graph = write_graph(tmp_path, frames=500)
    output = tmp_path / "o.jsonl"
    with streamdet("run", str(graph), "--output", str(output)) as process:
        kill_in_turn(process, output)
        text = output_of(process, 150)
    assert (process.returncode, errors_in(text)) == (0, []), text
    lines = lines_of(output)
    assert_each_once_in_order(lines, {"street": 500})
    assert [len(line["objects"]) for line in lines] == [2, 1, 1, 1] * 125
    assert {tuple(line["objects"][-1]["bbox"]) for line in lines[::4]} == {tuple(FACE)}


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


@pytest.mark.nightly
def test_a_replay_of_what_the_second_detector_got_finds_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = write_graph(tmp_path, frames=100_000)
    with running(str(graph), tmp_path / "run.jsonl"):
        for stage in ("faces", "crop"):
            record(tmp_path, "cascade", stage, "--images", "--frames", "20")
    capsys.readouterr()
    assert main(["replay", str(tmp_path / "faces.sdrec"), str(graph), "--json"]) == 0
    replayed = frames(capsys.readouterr().out)
    ran = frames((tmp_path / "run.jsonl").read_text())
    assert len(replayed) >= 15
    assert {key: each["objects"] for key, each in replayed.items()} == {
        key: ran[key]["objects"] for key in replayed
    }
    assert {len(each["objects"]) for each in replayed.values()} == {1, 2}
    # The process of the crop has no images, and says so.
    assert main(["replay", str(tmp_path / "crop.sdrec"), str(graph)]) == 2
    assert "no source images, which faces needs to look at crops" in capsys.readouterr().err
