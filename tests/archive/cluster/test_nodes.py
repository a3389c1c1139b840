"""Nodes come, go, and cannot work; the cluster is played by the test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from streamdet.archive.cluster.link import LostError
from streamdet.archive.cluster.node import Order
from streamdet.archive.cluster.nodes import NODES_S, Nodes
from streamdet.archive.cluster.ray_cluster import RayCluster, RayNode
from streamdet.archive.waves import Waves
from streamdet.config.deploy import load_settings
from streamdet.errors import EngineError
from tests.archive.cluster.test_link import Clock, Node, clock
from tests.archive.four_segments import waves

__all__ = ["clock", "waves"]


class Cluster(RayCluster):
    """A cluster of nodes that answer `check` with a text, or are lost."""

    def __init__(self, answer: str | LostError, *names: str) -> None:
        self.answer = answer
        self.names = list(names)
        self.started: list[str] = []
        self.killed = 0

    def nodes(self) -> dict[str, RayNode]:
        return {name: RayNode(name, f"host/{name}", cpus=2, gpus=0) for name in self.names}

    def start(self, kind: type, node: RayNode, gpus: int, *arguments: Any) -> Node:
        self.started.append(node.id)
        return Node()

    def wait(self, references: Sequence[Any], count: int, limit_s: float) -> None:
        return

    def fetch(self, reference: Any) -> str:
        if isinstance(self.answer, LostError):
            raise self.answer
        return self.answer

    def kill(self, actor: Any) -> None:
        self.killed += 1


def nodes_of(cluster: Cluster, waves: Waves) -> Nodes:
    order = Order.of(waves.request, load_settings())
    return Nodes(cluster, order, waves, "10.0.0.1:6379")


def ticked(nodes: Nodes, clock: Clock, count: int) -> None:
    for _ in range(count):
        clock.now_s += 1.0
        nodes.tick()


def test_where_no_node_can_work_it_is_said_why(waves: Waves, clock: Clock) -> None:
    cluster = Cluster("has no weights", "a", "b")
    nodes = nodes_of(cluster, waves)
    with pytest.raises(EngineError) as raised:
        ticked(nodes, clock, 9)
    assert str(raised.value) == (
        "--cluster 10.0.0.1:6379: node host/a has no weights; node host/b has no weights"
    )
    assert (cluster.started, cluster.killed) == (["a", "b"], 2)


def test_a_cluster_without_nodes_is_given_some_time(waves: Waves, clock: Clock) -> None:
    nodes = nodes_of(Cluster(""), waves)
    ticked(nodes, clock, int(NODES_S))
    with pytest.raises(EngineError, match="no node could work for 120 s: none is there"):
        ticked(nodes, clock, 9)


def test_a_node_whose_process_ends_again_and_again_is_left_out(waves: Waves, clock: Clock) -> None:
    cluster = Cluster(LostError("its process was killed", has_ended=True), "a")
    nodes = nodes_of(cluster, waves)
    with pytest.raises(EngineError, match="was lost 3 times in a row: its process was killed"):
        ticked(nodes, clock, 20)
    assert cluster.started == ["a", "a", "a"]


def test_a_node_that_comes_later_is_used(waves: Waves, clock: Clock) -> None:
    cluster = Cluster("", "a")
    nodes = nodes_of(cluster, waves)
    ticked(nodes, clock, 1)
    cluster.names.append("b")
    ticked(nodes, clock, 1)
    assert cluster.started == ["a", "b"]
