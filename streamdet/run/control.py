"""Changes a running run from outside: its cameras and its graph. Below the commands and the server.

    run = find_run()                     # the only one of this machine, or by name and server
    run.add("yard", {"uri": "rtsp://user:password@10.0.0.8/stream1", "fps": 10})
    for camera in run.cameras(): print(camera.name, camera.state)

A request travels through the run's Redis, readable for the run alone (transport/sealing.py).
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from streamdet.errors import ConfigError, StreamdetError, TransportError
from streamdet.run.asked import (
    AddCamera,
    ApplyGraph,
    Asked,
    ListCameras,
    PauseCamera,
    PlanGraph,
    RemoveCamera,
    ResumeCamera,
)
from streamdet.run.change_plan import ChangePlan, Planned
from streamdet.run.description import read_description
from streamdet.transport.requests import ListeningRun, ask, listening_runs
from streamdet.transport.run_folder import live_runs

ANSWER_S: Final = 30.0
"""Longest wait for an answer: a camera's frames under way are finished before it is removed."""
APPLY_S: Final = 120.0
"""The same where a graph is read, and runtimes may be measured."""
PAUSED: Final = "by `streamdet camera pause`"
REMOVED: Final = "by `streamdet camera remove`"


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """One camera of a run.

    Attributes:
        name: its source id.
        node: the node that reads it; None once it was removed.
        state: see formats/event_json.py.
        reason: why, in a sentence; "" where there is none.
        since_ns: wall clock of the last change, nanoseconds since the epoch.
        address: without secrets.
        emitted: frames that have entered the graph.
        published: frames that every sink has committed with a result.
        dropped: reason -> frames.
        in_flight: frames under way.
    """

    name: str
    node: str | None
    state: str
    reason: str
    since_ns: int
    address: str
    emitted: int
    published: int
    dropped: Mapping[str, int]
    in_flight: int


class RunControl:
    """Changes one run.

    Every method raises ConfigError where the request is refused, in a sentence that says why, and
    TransportError where the server or the run does not answer in time.

    Args:
        url: the run's server.
        run: the run.
    """

    def __init__(self, url: str, run: ListeningRun) -> None:
        self._url = url
        self.run = run

    def cameras(self) -> list[CameraStatus]:
        """List the cameras, those that were removed too."""
        return [CameraStatus(**values) for values in self._ask(ListCameras())]

    def add(self, name: str, values: Mapping[str, Any], node: str | None = None) -> None:
        """Add a camera.

        Args:
            name: its source id.
            values: `uri`, and options of its own, as in a graph's `cameras`; `${NAME}` is looked
                up where the run is.
            node: the node that it joins; may be None where the graph has only one with cameras.
        """
        self._ask(AddCamera(name=name, values=dict(values), node=node))

    def remove(self, name: str, reason: str = REMOVED) -> CameraStatus:
        """End a camera, once its frames under way are through; returns what has come of them."""
        return CameraStatus(**self._ask(RemoveCamera(name=name, reason=reason)))

    def pause(self, name: str, reason: str = PAUSED) -> None:
        """Disconnect a camera until `resume`."""
        self._ask(PauseCamera(name=name, reason=reason))

    def resume(self, name: str) -> None:
        """Connect a paused camera again."""
        self._ask(ResumeCamera(name=name))

    def plan(self, graph: str | None = None) -> ChangePlan:
        """Say what `apply` would do.

        Args:
            graph: absolute path of a graph file, or the name of a shipped one, where the run is;
                None: the run's own file, as it is now.
        """
        return _plan(self._ask(PlanGraph(graph=graph), APPLY_S))

    def apply(self, graph: str | None = None, expected: ChangePlan | None = None) -> ChangePlan:
        """Turn the run's graph into another one; returns what was done.

        Args:
            graph: see `plan`.
            expected: refuse it if the plan would be another one now.
        """
        values = None if expected is None else expected.as_dict()
        return _plan(self._ask(ApplyGraph(graph=graph, expected=values), APPLY_S))

    def _ask(self, asked: Asked, limit_s: float = ANSWER_S) -> Any:
        body = asked.model_dump_json().encode()
        answer = json.loads(ask(self._url, self.run.run_id, body, limit_s))
        if "error" in answer:
            kind = ConfigError if answer["kind"] == "config" else StreamdetError
            raise kind(answer["error"])
        return answer["done"]


def find_run(name: str | None = None, redis: str | None = None) -> RunControl:
    """Find the run to change: the only one, or that of this id or graph.

    Args:
        name: id of the run, or name of its graph; None: the only one.
        redis: the server to look on; None: the runs of this user on this machine.

    Raises:
        ConfigError: there is none, or more than one.
        TransportError: the server does not answer.
    """
    found = _on_this_machine() if redis is None else _controls(redis, None)
    where = "on this machine" if redis is None else "on this server"
    fitting = [each for each in found if name in (None, each.run.run_id, each.run.graph)]
    runs = ", ".join(f"{each.run.run_id} ({each.run.graph})" for each in found)
    if not found:
        raise ConfigError(f"no run with cameras is under way {where}")
    if not fitting:
        raise ConfigError(f"no run {name!r} with cameras is under way {where}; there are {runs}")
    if len(fitting) > 1:
        raise ConfigError(f"several runs are under way {where}: choose by --run ID: {runs}")
    return fitting[0]


def graph_path(graph: str) -> str:
    """Name a graph file so that the run finds it, too: by its absolute path, where it is a file."""
    path = Path(graph).expanduser()
    return os.path.abspath(path) if path.exists() else graph  # noqa: PTH100  keeps links


def _on_this_machine() -> list[RunControl]:
    found: list[RunControl] = []
    for folder in live_runs():
        description = read_description(folder)
        if description is not None:
            with suppress(TransportError):  # it is ending, or its server is away
                found += _controls(description.redis_url, [description.run_id])
    return found


def _controls(url: str, among: Collection[str] | None) -> list[RunControl]:
    return [RunControl(url, run) for run in listening_runs(url, among)]


def _plan(values: Mapping[str, Any]) -> ChangePlan:
    steps = tuple(Planned(**step) for step in values["steps"])
    return ChangePlan(steps, tuple(values["forgotten"]))
