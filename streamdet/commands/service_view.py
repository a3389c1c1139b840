"""Tells the service manager how a run is: that it has started, and how its cameras are."""

from __future__ import annotations

from collections.abc import Callable

from streamdet.run.report import Snapshot
from streamdet.system.service import notify


class ServiceView:
    """Tells a change once.

    Args:
        send: takes lines for the manager.
    """

    def __init__(self, send: Callable[..., None] = notify) -> None:
        self._send = send
        self._told: str | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Say that the run has started, the first time; then how it is, where that has changed."""
        status = status_of(snapshot)
        if self._told is None:
            self._send("READY=1", f"STATUS={status}")
        elif status != self._told:
            self._send(f"STATUS={status}")
        self._told = status

    def end(self) -> None:
        """Say that the run has ended."""
        self._send("STOPPING=1", "STATUS=ended")


def status_of(snapshot: Snapshot) -> str:
    """Say in a line how many cameras are live, and what the others say."""
    known = {s.source_id: s.camera for s in snapshot.sources if s.camera is not None}
    if not known:
        return "running"
    cameras = {name: camera for name, camera in known.items() if camera.state != "removed"}
    away = [f"{name}: {camera}" for name, camera in cameras.items() if camera.state != "live"]
    return "; ".join([f"{len(cameras) - len(away)} of {len(cameras)} cameras live", *away])
