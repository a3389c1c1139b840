"""What a node is told, and when it says that it cannot do the work."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamdet.archive.cluster.node import NodePipeline, Order
from streamdet.archive.detection_graph import split
from streamdet.archive.planning import Request
from streamdet.config.deploy import load_settings
from streamdet.graph import load_graph

HOG = ("detect.model=hog_people",)


def order(*overrides: str, source: str = "synthetic-stand-in.mp4") -> Order:
    graph = load_graph("people", sources=[source], overrides=[*HOG, *overrides])
    return Order.of(Request(split(graph), ("jsonl",), 60.0), load_settings())


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"12345")
    return path


def test_a_node_is_told_what_detects_and_nothing_else(clip: Path) -> None:
    told = order("publish.stream=a-secret-place", source=str(clip))
    assert [node.role for node in told.parts.graph.nodes.values()] == [
        "source", "transform", "detector", "sink",
    ]  # fmt: skip
    assert b"a-secret-place" not in pickle.dumps(told)
    assert str(clip).encode() not in pickle.dumps(told)


def test_a_node_that_is_alike_can_work(clip: Path) -> None:
    node = NodePipeline(order(source=str(clip)), 1)
    assert node.check() == ""
    node.stop()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": "0.0.0"}, "the archive 0.0.0 on"),
        ({"python": "2.7"}, " on 2.7"),
        ({"digest": "0" * 16}, "has other weights of the model"),
    ],
)
def test_a_node_that_is_not_alike_says_so(clip: Path, changes: dict[str, Any], said: str) -> None:
    node = NodePipeline(replace(order(source=str(clip)), **changes), 1)
    assert said in node.check()
    node.stop()


def test_a_node_names_a_source_that_it_lacks_or_has_otherwise(clip: Path) -> None:
    node = NodePipeline(order(source=str(clip)), 1)
    gone = clip.with_name("gone.mp4")
    assert node.begin((), {}, {gone: 5}) == f"cannot read {gone} (No such file or directory)"
    assert node.begin((), {}, {clip: 6}) == f"has another {clip}: 5 bytes, not 6"
