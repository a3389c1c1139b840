"""What we ask of Ray: to connect, to list nodes, to start an actor on one, to fetch an answer."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from streamdet.archive.cluster.held_folder import held_folder
from streamdet.archive.cluster.link import LostError
from streamdet.errors import EngineError, to_install
from streamdet.system.cores import cores

AUTO: Final = "auto"
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._-]+:\d{1,5}|\[[0-9A-Fa-f:]+\]:\d{1,5}")
_STORE_BYTES: Final = 100 << 20
"""Room for what passes between processes: detections alone."""

_ENVIRONMENT: Final = {
    "RAY_health_check_initial_delay_ms": "2000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_grpc_client_keepalive_time_ms": "10000",
    "RAY_grpc_client_keepalive_timeout_ms": "5000",
}
"""By default Ray takes minutes to give a frozen node up. What the user has set stays."""


def is_address(text: str) -> bool:
    """Whether a text may be --cluster: auto, or HOST:PORT."""
    return text == AUTO or _ADDRESS.fullmatch(text) is not None


def missing_library() -> str:
    """Say how to get Ray; "" where it is installed."""
    is_missing = importlib.util.find_spec("ray") is None
    return f"--cluster needs ray: {to_install('cluster')}" if is_missing else ""


@dataclass(frozen=True, slots=True)
class RayNode:
    """A node that is there.

    Attributes:
        id: Ray's id.
        name: for people: its host, the begin of the id, and its cores.
        cpus: its cores, as Ray was told.
        gpus: its GPUs.
    """

    id: str
    name: str
    cpus: int
    gpus: int


class RayCluster:
    """A cluster that this process is connected to."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray

    def nodes(self) -> dict[str, RayNode]:
        """List the nodes with cores that are alive, by id."""
        found = {}
        for one in self._ray.nodes():
            resources = one["Resources"]
            if one["Alive"] and resources.get("CPU", 0) >= 1:
                id_ = one["NodeID"]
                cpus, gpus = int(resources["CPU"]), int(resources.get("GPU", 0))
                name = f"{one['NodeManagerHostname']}/{id_[:6]} ({cpus} CPU)"
                found[id_] = RayNode(id_, name, cpus, gpus)
        return found

    def start(self, kind: type, node: RayNode, gpus: int, *arguments: Any) -> Any:
        """Start an actor that has all cores of a node; returns its handle."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        options = {
            "num_cpus": node.cpus,
            "num_gpus": gpus,
            "max_restarts": 0,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(node.id, soft=False),
        }
        return self._ray.remote(kind).options(**options).remote(*arguments)

    def wait(self, references: Sequence[Any], count: int, limit_s: float) -> None:
        """Wait until so many of the answers are there, or it has taken too long."""
        self._ray.wait(list(references), num_returns=count, timeout=limit_s)

    def fetch(self, reference: Any) -> Any | None:
        """Give an answer; None if it is not there yet.

        Raises:
            LostError: there will be none.
        """
        from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

        if not self._ray.wait([reference], timeout=0)[0]:
            return None
        try:
            return self._ray.get(reference)
        except RayTaskError:  # an error of ours
            raise
        except OutOfMemoryError as exc:
            raise LostError("its process used too much memory", is_process=True) from exc
        except RayError as exc:
            raise LostError(_first_line(exc), is_process=self._is_of_process(exc)) from exc

    def kill(self, actor: Any) -> None:
        """End an actor, now or when its node comes back."""
        self._ray.kill(actor)

    def _is_of_process(self, exc: Exception) -> bool:
        """Whether an actor has ended on a node that is still there."""
        from ray.exceptions import ActorDiedError

        node_id = getattr(exc, "node_id", None)
        return isinstance(exc, ActorDiedError) and node_id in self.nodes()


def prepare_environment() -> None:
    """Have Ray send nothing to its makers, and give frozen nodes up soon."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


@contextmanager
def connected(address: str) -> Iterator[RayCluster]:
    """Join a cluster, or start one on this machine for as long as this block takes.

    Args:
        address: HOST:PORT, or `auto`: that of $RAY_ADDRESS, or a cluster of this machine alone.

    Raises:
        EngineError: there is no cluster, or this machine is no node of it.
    """
    prepare_environment()
    import ray

    wanted = os.environ.get("RAY_ADDRESS", "") if address == AUTO else address
    with _local_options() if not wanted else _joined(wanted) as options:
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
        except (OSError, RuntimeError, ValueError) as exc:
            where = wanted or "on this machine"
            raise EngineError(f"--cluster {address}: no Ray cluster {where}: {exc}") from exc
        try:
            yield RayCluster(ray)
        finally:
            with suppress(Exception):
                ray.shutdown()


@contextmanager
def _joined(address: str) -> Iterator[dict[str, Any]]:
    yield {"address": address}


@contextmanager
def _local_options() -> Iterator[dict[str, Any]]:
    with held_folder("ray") as folder:
        yield {
            "address": "local",
            "num_cpus": cores(),
            "include_dashboard": False,
            "object_store_memory": _STORE_BYTES,
            "_node_ip_address": "127.0.0.1",
            "_temp_dir": str(folder),
        }


def _first_line(exc: Exception) -> str:
    return str(exc).strip().partition("\n")[0]
