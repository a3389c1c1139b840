"""Detects segments on the nodes of a cluster, as many as there are, as they come and go."""

from __future__ import annotations

import time
from collections import Counter
from typing import Final

from streamdet.archive.cluster.link import LostError, NodeLink, UnfitError
from streamdet.archive.cluster.node import STOP_S, NodePipeline, Order
from streamdet.archive.cluster.ray_cluster import RayCluster, RayNode, connected
from streamdet.archive.waves import Waves
from streamdet.config.deploy import DeploySettings
from streamdet.errors import EngineError
from streamdet.system.process import stop_signals_to

NODES_S: Final = 120.0
"""A cluster without a node that can work gets so long to have one."""

_LOOK_EVERY_S: Final = 1.0
_POLL_S: Final = 0.1
_MOST_ENDS: Final = 3
"""A node is left out whose process has ended so often without having finished a segment."""


class ClusterPipelines:
    """The pipelines of a cluster.

    Args:
        address: see `connected`.
        settings: how each node runs graphs.
    """

    def __init__(self, address: str, settings: DeploySettings) -> None:
        self._address = address
        self._settings = settings

    def work(self, waves: Waves) -> None:
        """Have the nodes work until no segment waits any more, or the work is stopped.

        Raises:
            EngineError: there is no cluster, or no node of it can work.
        """
        if waves.is_over:
            return
        order = Order.of(waves.request, self._settings)
        with connected(self._address) as cluster, stop_signals_to(lambda *_: waves.stop()):
            nodes = Nodes(cluster, order, waves, self._address)
            try:
                while not (waves.is_stopped or waves.is_over):
                    nodes.tick()
            finally:
                nodes.stop()


class Nodes:
    """The nodes of a cluster that an archive is worked on by.

    Args:
        cluster: the cluster.
        order: what each node must know.
        waves: hands out the segments.
        address: of the cluster, for errors.
    """

    def __init__(self, cluster: RayCluster, order: Order, waves: Waves, address: str) -> None:
        self._cluster = cluster
        self._order = order
        self._waves = waves
        self._address = address
        self._gpus = len(order.parts.graph.gpus)
        self._links: dict[str, NodeLink] = {}
        self._unfit: dict[str, str] = {}
        self._ends: Counter[str] = Counter()
        self._look_due_s = 0.0
        self._seen_s = time.monotonic()

    def tick(self) -> None:
        """Look for nodes, hand out shares, take what has come.

        Raises:
            EngineError: no node can work.
        """
        if time.monotonic() >= self._look_due_s:
            self._look()
        self._wait()
        share = 1 / (2 * max(1, sum(link.is_ready for link in self._links.values())))
        for id_, link in list(self._links.items()):
            self._tick(id_, link, share)
        self._waves.look([source for link in self._links.values() for source in link.running])

    def stop(self) -> None:
        """End what is running on the nodes, and say what each has done."""
        for link in self._links.values():
            self._waves.hooks.note(f"node {link.name} has done {link.settled} of the segments")
        answers = [link.stop() for link in self._links.values()]
        if answers:
            self._cluster.wait(answers, len(answers), STOP_S)

    def _look(self) -> None:
        """Start a pipeline on each node that has none."""
        nodes = self._cluster.nodes()
        for id_, node in nodes.items():
            if id_ not in self._links and id_ not in self._unfit:
                self._start(node)
        self._look_due_s = time.monotonic() + _LOOK_EVERY_S
        if any(link.is_ready for link in self._links.values()):
            self._seen_s = time.monotonic()
        elif not self._links and nodes and nodes.keys() <= self._unfit.keys():
            raise EngineError(f"--cluster {self._address}: {'; '.join(self._unfit.values())}")
        elif time.monotonic() - self._seen_s > NODES_S:
            why = "; ".join(self._unfit.values()) or "none is there"
            raise EngineError(
                f"--cluster {self._address}: no node could work for {NODES_S:.0f} s: {why}"
            )

    def _start(self, node: RayNode) -> None:
        if node.gpus < self._gpus:
            self._leave_out(node.id, f"{node.name} has no GPU, which the graph needs")
            return
        actor = self._cluster.start(NodePipeline, node, self._gpus, self._order, node.cpus)
        self._links[node.id] = NodeLink(node.name, actor, node.cpus, self._waves)

    def _wait(self) -> None:
        """Sleep until an answer is there, for a tenth of a second at most."""
        references = [r for link in self._links.values() if (r := link.reference) is not None]
        if references:
            self._cluster.wait(references, 1, _POLL_S)
        else:
            time.sleep(_POLL_S)

    def _tick(self, id_: str, link: NodeLink, share: float) -> None:
        try:
            link.tick(share, self._cluster.fetch)
        except LostError as exc:
            self._lost(id_, link, exc)
        except UnfitError as exc:
            self._give_up(id_)
            self._leave_out(id_, f"{link.name} {exc}")

    def _lost(self, id_: str, link: NodeLink, lost: LostError) -> None:
        is_node_there = id_ in self._cluster.nodes()
        why = str(lost) if is_node_there or not lost.has_ended else "it is dead"
        self._waves.hooks.warn(f"node {link.name} is lost, its segments are done again: {why}")
        self._ends[id_] = 0 if link.settled else self._ends[id_] + 1
        if lost.has_ended and is_node_there and link.has_suspects:
            link.blame(f"the process on node {link.name} ended: {why}")
        self._give_up(id_)
        if self._ends[id_] >= _MOST_ENDS:
            self._leave_out(id_, f"{link.name} was lost {_MOST_ENDS} times in a row: {lost}")

    def _give_up(self, id_: str) -> None:
        self._links.pop(id_).give_up(self._cluster.kill)

    def _leave_out(self, id_: str, why: str) -> None:
        self._unfit[id_] = f"node {why}"
        self._waves.hooks.warn(f"left out: node {why}")
