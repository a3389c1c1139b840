"""Cameras whose frames one detector takes share it; others do not."""

from __future__ import annotations

from pathlib import Path

from streamdet.graph import PipelineGraph
from streamdet.transport.pool import PoolPlan
from streamdet.transport.turns import MANY_SLOTS, Share
from streamdet.worker.shares import share_of
from tests.graph.graphs import load_text

DETECT = "kind: detector, model: hog_people"
NODES = {
    "left": 'kind: source, uri: "rtsp://h/1"',
    "right": 'kind: source, uri: "rtsp://h/2"',
    "alone": 'kind: source, uri: "rtsp://h/3"',
    "prepare": "kind: transform, reads: [left, right]",
    "detect": f"{DETECT}, reads: prepare, replicas: 3",
    "prepare-2": "kind: transform, reads: [right, alone]",
    "detect-2": f"{DETECT}, reads: prepare-2, replicas: 2",
    "publish": "kind: redis_stream, reads: detect",
    "publish-2": "kind: redis_stream, reads: detect-2, stream: more",
}


def graph_of(folder: Path, **changed: str) -> PipelineGraph:
    nodes = NODES | {name.replace("_", "-"): text for name, text in changed.items()}
    lines = [f"  {name}: {{{text}}}" for name, text in nodes.items() if text]
    return load_text("\n".join(["version: 1", "name: g", "nodes:", *lines]), folder)


def pool(slots: int) -> PoolPlan:
    return PoolPlan("shm", "bgr24", Path("p"), slots, 1)


def test_who_shares_with_one_that_shares_shares_too(tmp_path: Path) -> None:
    graph = graph_of(tmp_path)
    pools = {"left": pool(40), "right": pool(30), "prepare": pool(8)}
    wanted = Share("alone", slots=30, least=1 + 3 + 2)
    assert [share_of(graph, name, pools) for name in ("left", "right", "alone")] == [wanted] * 3


def test_detectors_that_have_no_camera_in_common_are_not_shared(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, prepare="kind: transform, reads: left")
    assert share_of(graph, "left", {}) == Share("left", MANY_SLOTS, least=4)
    assert share_of(graph, "right", {}).name == share_of(graph, "alone", {}).name == "alone"
