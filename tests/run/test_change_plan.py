"""What has to change in a running graph so that it becomes another one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.run.change_plan import ChangePlan, plan_change
from tests.graph.graphs import load_text

GRAPH = """\
version: 1
name: yard
nodes:
  camera: {kind: source, process: front,
    cameras: {door: "rtsp://u:oldcanary@h/1", gate: "rtsp://h/2"}}
  prepare: {kind: transform, reads: camera, process: front}
  detect: {kind: detector, reads: prepare, model: hog_people, classes: [person]}
  track: {kind: byte_track, reads: detect, process: back}
  publish: {kind: redis_stream, reads: track, process: back}
  rows: {kind: jsonl, reads: track, path: rows.jsonl}
"""


def planned(folder: Path, *changes: tuple[str, str]) -> ChangePlan:
    text = GRAPH
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return plan_change(load_text(GRAPH, folder), load_text(text, folder))


def done(plan: ChangePlan) -> dict[str, str]:
    """What is not kept, with the reason."""
    return {
        step.name: f"{step.action}: {step.reason}" for step in plan.steps if step.action != "kept"
    }


def test_nothing_changes_between_equal_graphs_of_other_names(tmp_path: Path) -> None:
    plan = planned(tmp_path, ("name: yard", "name: garden"))
    assert plan.changes_nothing
    assert [(step.what, step.name) for step in plan.steps] == [
        ("camera", "door"),
        ("camera", "gate"),
        ("process", "detect"),
        ("process", "back"),
        ("process", "rows"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ('gate: "rtsp://h/2"', 'yard: "rtsp://h/3"',
         {"gate": "removed: it is not in the graph", "yard": "added: it is new in the graph"}),
        ("oldcanary", "newcanary", {"door": "restarted: its address has changed"}),
        ("process: front,\n", "process: front, fps: 5,\n",
         dict.fromkeys(("door", "gate"), "restarted: fps: not stated -> 5.0")),
        ('gate: "rtsp://h/2"', 'gate: {uri: "rtsp://h/2", max_in_flight: 1}',
         {"gate": "restarted: max_in_flight: 3 -> 1"}),
        ("reads: prepare,", "reads: prepare, batch: 2,",
         {"detect": "restarted: detect.batch: 8 -> 2"}),
        ("kind: byte_track", "kind: sort",
         {"back": "restarted: track.kind: byte_track -> sort"}),
        ("reads: track, process: back}", "reads: track, process: back, maxlen: 5}",
         {"back": "restarted: publish.maxlen: 10000 -> 5"}),
    ],
)  # fmt: skip
def test_only_what_changed_is_restarted(
    tmp_path: Path, old: str, new: str, wanted: dict[str, str]
) -> None:
    assert done(planned(tmp_path, (old, new))) == wanted


def test_tracks_are_forgotten_only_where_another_kind_follows_them(tmp_path: Path) -> None:
    assert planned(tmp_path, ("byte_track", "byte_track, max_age: 5")).forgotten == ()
    assert planned(tmp_path, ("byte_track", "sort")).forgotten == ("track",)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("  rows:", "  lines:", "rows is no longer in the graph"),
        ("path: rows.jsonl}", "path: rows.jsonl}\n  more: {kind: csv, reads: track, path: o.csv}",
         "more is new in the graph"),
        ("rows.jsonl", "others.jsonl", "rows writes something else or in another way"),
        ("reads: track, path", "reads: detect, path",
         "rows.reads has changed from track to detect"),
        ("reads: prepare,", "reads: prepare, replicas: 2,",
         "detect.replicas has changed from 1 to 2"),
        ("reads: camera, process: front", "reads: camera, process: front, shortest_edge: 120",
         "prepare makes other images"),
    ],
)  # fmt: skip
def test_what_needs_another_start_is_refused(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        planned(tmp_path, (old, new))
    assert str(caught.value) == (
        f"{reason}, which a running graph cannot do: stop the run and start it again"
    )


def test_a_model_with_other_classes_restarts_what_labels_them(tmp_path: Path) -> None:
    now = load_text(GRAPH, tmp_path)
    model = now.nodes["detect"].model
    assert model is not None
    other = replace(now.nodes["detect"], model=model.model_copy(update={"classes": ("human",)}))
    wanted = replace(now, nodes={**now.nodes, "detect": other})
    assert set(done(plan_change(now, wanted))) == {"detect", "back", "rows"}
