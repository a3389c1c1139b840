"""Sinks that record are refused where they could record nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.graph import PipelineGraph
from streamdet.graph.file import load_graph
from streamdet.worker.plan import ring_plan

GRAPH = """
version: 1
nodes:
  camera: {kind: source, process: front, uri: "SOURCE"}
  prepare: {kind: transform, reads: camera, process: front}
  detect: {kind: detector, reads: prepare, model: people}
  track: {kind: byte_track, reads: detect, process: back}
  record: {kind: KIND, reads: track, process: back, folder: FOLDER, MORE}
"""
LIVE = "rtsp://127.0.0.1/a"


def load(folder: Path, kind: str, source: str, more: str = "", graph: str = GRAPH) -> PipelineGraph:
    path = folder / "graph.yaml"
    text = graph.replace("KIND", kind).replace("SOURCE", source).replace("MORE", more)
    path.write_text(text.replace("FOLDER", str(folder / "out")))
    return load_graph(path)


def test_a_clip_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"graph\.yaml:8: record\.reads brings 'camera', which is "
                       r"not live: .* name it file:PATH\?live=1$"):  # fmt: skip
        load(tmp_path, "clip", "synthetic:street")


def test_a_snapshot_of_a_file_is_not(tmp_path: Path) -> None:
    assert load(tmp_path, "snapshot", "synthetic:street").nodes["record"].kind == "snapshot"


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("classes: [persn]", r"record\.classes must be classes of the model, got 'persn'; did you"),
        ("zones: [yard]", r"record\.zones needs an analytics node between tracker and sink"),
    ],
)
def test_what_would_never_be_recorded_is_refused(tmp_path: Path, more: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        load(tmp_path, "snapshot", LIVE, more)


ZONES = """
  zones: {kind: zones, reads: track, process: back, zones: {yard: {polygon: [[0,0],[1,0],[1,1]]}}}
"""


def test_a_zone_that_nobody_looks_at_is_refused(tmp_path: Path) -> None:
    text = GRAPH.replace("reads: track, process: back, f", "reads: zones, process: back, f")
    with pytest.raises(ConfigError, match="zones or lines of zones, got 'yrad'; did you mean 'ya"):
        load(tmp_path, "clip", LIVE, "zones: [yrad]", text + ZONES)


def test_a_snapshot_without_a_tracker_is_refused(tmp_path: Path) -> None:
    text = GRAPH.replace("KIND", "snapshot").replace("SOURCE", LIVE).replace(", MORE", "")
    text = text.replace("kind: snapshot, reads: track", "kind: snapshot, reads: detect")
    text += "  publish: {kind: redis_stream, reads: track, process: other}\n"
    (tmp_path / "graph.yaml").write_text(text.replace("process: back, folder", "folder"))
    with pytest.raises(ConfigError, match=r"record\.reads must lead to a tracker: snapshot writes"):
        load_graph(tmp_path / "graph.yaml")


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(ConfigError, match=r"record\.folder cannot be written to: .*: it is no"):
        load(tmp_path, "snapshot", LIVE)


def test_packets_are_kept_for_clips_alone(tmp_path: Path) -> None:
    assert ring_plan(load(tmp_path, "snapshot", LIVE), tmp_path) is None
    plan = ring_plan(load(tmp_path, "clip", LIVE, "before_s: 7, min_duration_s: 2"), tmp_path)
    assert plan is not None
    assert plan.seconds == 19  # and 10 s until the event comes to the sink


def test_a_kind_of_event_that_is_misspelt_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"record\.events .*did you mean 'zone_enter'"):
        load(tmp_path, "clip", LIVE, "events: [zone_entr]")
