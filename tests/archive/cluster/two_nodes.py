"""A Ray cluster on this machine: a head without cores, and nodes of one core each."""

from __future__ import annotations

import importlib.util
import os
import signal
from typing import Any, Final

import psutil

from streamdet.archive.cluster.ray_cluster import prepare_environment
from tests.required import skip_for_want_of

_STORE_BYTES: Final = 80 << 20


class TwoNodes:
    """The cluster, which begins with two nodes."""

    def __init__(self) -> None:
        if importlib.util.find_spec("ray") is None:
            skip_for_want_of("ray", "no ray here: pip install -e '.[cluster]'")
        prepare_environment()
        from ray.cluster_utils import Cluster

        self._options = {"object_store_memory": _STORE_BYTES, "include_dashboard": False}
        head = {"num_cpus": 0, **self._options}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self.nodes = [self.add(), self.add()]

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def add(self) -> Any:
        return self._cluster.add_node(num_cpus=1, **self._options)

    def kill(self, node: Any) -> None:
        """SIGKILL a node with all that runs there, as a machine that loses its power."""
        self.nodes.remove(node)
        self._cluster.remove_node(node, allow_graceful=False)

    def freeze(self, node: Any) -> list[psutil.Process]:
        """SIGSTOP a node's Ray and all that runs there; returns the processes."""
        found = []
        for info in node.all_processes["raylet"]:
            root = psutil.Process(info.process.pid)
            found += [root, *root.children(recursive=True)]
        for each in found:
            each.send_signal(signal.SIGSTOP)
        return found

    def stop(self) -> None:
        self._cluster.shutdown()


def thaw(processes: list[psutil.Process]) -> None:
    for each in processes:
        if each.is_running():
            os.kill(each.pid, signal.SIGCONT)
