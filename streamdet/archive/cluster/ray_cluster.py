"""What we ask of Ray: to connect, to list nodes, to start an actor on one, to fetch an answer."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from streamdet.archive.cluster.held_folder import held_folder
from streamdet.archive.cluster.link import LostError
from streamdet.errors import EngineError, to_install
from streamdet.system.cores import cores

AUTO: Final = "auto"
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._-]+:\d{1,5}|\[[0-9A-Fa-f:]+\]:\d{1,5}")
_ANSWER_S: Final = 10.0
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
        from ray.exceptions import ActorDiedError, OutOfMemoryError, RayError, RayTaskError

        if not self._ray.wait([reference], timeout=0)[0]:
            return None
        try:
            return self._ray.get(reference)
        except RayTaskError:  # an error of ours
            raise
        except OutOfMemoryError as exc:
            raise LostError("it used too much memory", has_ended=True) from exc
        except ActorDiedError as exc:
            could_start = "creation task" not in str(exc)
            why = "its process was killed" if could_start else _last_line(exc)
            raise LostError(why, has_ended=True) from exc
        except RayError as exc:
            raise LostError("the connection to it broke") from exc

    def kill(self, actor: Any) -> None:
        """End an actor, now or when its node comes back."""
        self._ray.kill(actor)


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
    wanted = os.environ.get("RAY_ADDRESS", "") if address == AUTO else address
    with _local_options() if not wanted else _joined(wanted) as options:
        import ray  # it reads the environment here

        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as exc:
            asked = ": is this a node of it, and RAY_AUTH_TOKEN its token?" if wanted else ""
            raise EngineError(f"--cluster {address}: {_last_line(exc)}{asked}") from exc
        _quieten(ray)
        try:
            yield RayCluster(ray)
        finally:
            with suppress(Exception):
                ray.shutdown()


def _quieten(ray: Any) -> None:
    """Keep pages of Ray's own logs off our output; it has no public switch for them."""
    ray._private.worker._worker_logs_enabled = False


@contextmanager
def _joined(address: str) -> Iterator[dict[str, Any]]:
    """Give what Ray is to be called with, once somebody listens there: Ray waits for minutes.

    Raises:
        EngineError: nobody does.
    """
    if address == AUTO or not is_address(address):
        raise EngineError(f"RAY_ADDRESS: must be HOST:PORT, got {address!r}")
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_S).close()
    except (OSError, OverflowError) as exc:
        why = f"nobody answers there ({getattr(exc, 'strerror', None) or exc})"
        raise EngineError(f"--cluster {address}: {why}: wanted that of `ray start --head`") from exc
    yield {"address": address}


@contextmanager
def _local_options() -> Iterator[dict[str, Any]]:
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # has Ray keep to loopback, here too
    with held_folder("ray", _end_users) as folder:
        yield {
            "address": "local",
            "num_cpus": cores(),
            "include_dashboard": False,
            "object_store_memory": _STORE_BYTES,
            "_temp_dir": str(folder),
        }


def _end_users(folder: Path) -> None:
    """End what a killed command's Ray has left running: its agents stay, with their logs open."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended, or is another user's
            opened = [file.readlink() for file in (process / "fd").iterdir()]
            if any(folder in file.parents for file in opened):
                os.kill(int(process.name), signal.SIGKILL)


def _last_line(exc: Exception) -> str:
    return str(exc).strip().splitlines()[-1].strip()
