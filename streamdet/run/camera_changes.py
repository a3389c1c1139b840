"""Cameras of a running run: they come, go, are paused and restarted; the others notice nothing.

Each change is a generator: the supervisor goes on with its other work wherever one yields.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, Final, TypeVar

from streamdet.errors import ConfigError, TransportError
from streamdet.graph.pipeline import Node
from streamdet.run.report import CameraReport, SourceReport
from streamdet.run.running import Running
from streamdet.sources.resolve import SourceItem
from streamdet.transport.bus import RunLostError
from streamdet.worker.camera_orders import CameraOrder

GRACE_S: Final = 1.0
LIVE_GRACE_S: Final = 5.0
"""A worker that waits for its camera sees an order late, one whose camera is live with the next
frame: after this time it is killed, and the process that goes on in its place sees the order first.
A camera that is left by a killed process may count it as a viewer for a minute."""
LIMIT_S: Final = 20.0
"""Longest time for one change."""

Result = TypeVar("Result")
Change = Generator[None, None, Result]


class CameraChanges:
    """Changes the cameras of one run.

    Args:
        running: the run.
        clock: monotonic seconds.
    """

    def __init__(self, running: Running, clock: Callable[[], float] = time.monotonic) -> None:
        self._running = running
        self._clock = clock

    def add(self, node: Node, item: SourceItem) -> Change[None]:
        """Start reading a camera; `check_addable` must have passed.

        Raises:
            ConfigError: a camera of that name was removed, and has not ended yet.
        """
        run, name = self._running, item.source_id
        if name in run.description.sources:
            yield from self._until_ended(node, name)
            yield from insisting(lambda: run.bus.reopen(name))
        node = run.graph.nodes[node.name]
        run.set_items(node, (*node.items, item))
        run.announce(node, item)
        run.processes.add(run.worker_plan(run.consumer(name)))
        run.tell_others()

    def check_addable(self, node: Node, name: str) -> None:
        """Check that a camera of this name may join a node.

        Raises:
            ConfigError: it may not.
        """
        run = self._running
        if name in run.sources():
            raise ConfigError(f"there is a source {name!r} in this run already")
        before = run.later.get(name)
        was_of = before.node if before else run.first_nodes.get(name)
        if was_of not in (None, node.name):
            raise ConfigError(
                f"{name!r} was a source of {was_of}: give this camera another name, or add it there"
            )

    def remove(self, name: str, reason: str) -> Change[None]:
        """End a camera: its frames under way are finished, its tracks are forgotten.

        Raises:
            TransportError: its worker has not ended in time.
        """
        run, consumer = self._running, self._running.consumer(name)
        node = run.node_of(name)
        run.paused.pop(name, None)
        order = CameraOrder("remove", reason)
        yield from self._ordered(name, order, lambda: run.processes.is_done(consumer))
        yield from insisting(lambda: run.bus.tell(consumer, ""))
        run.processes.forget(consumer)
        node = run.graph.nodes[node.name]
        run.set_items(node, tuple(item for item in node.items if item.source_id != name))
        run.tell_others()
        yield from self._until_ended(node, name)

    def pause(self, name: str, reason: str) -> Change[None]:
        """Disconnect a camera until it is resumed; its tracks stay.

        Raises:
            TransportError: its worker has not obeyed in time.
        """
        self._running.paused[name] = reason
        order = CameraOrder("pause", reason)
        yield from self._ordered(name, order, lambda: self._is_paused_for(name, reason))

    def resume(self, name: str) -> Change[None]:
        """Connect a camera again.

        Raises:
            ConfigError: it is not paused.
            TransportError: its worker has not obeyed in time.
        """
        run, consumer = self._running, self._running.consumer(name)
        if name not in run.paused:
            raise ConfigError(f"camera {name!r} is not paused")
        del run.paused[name]
        yield from insisting(lambda: run.bus.tell(consumer, ""))
        yield from self._until(lambda: self._state(name) != "paused", f"{name} has not gone on")

    def restart(self, name: str) -> Change[None]:
        """Have a camera go on by its node's items and options as they are now; its tracks stay.

        Raises:
            TransportError: its worker has not ended in time.
        """
        run, consumer = self._running, self._running.consumer(name)
        order = CameraOrder("restart")
        yield from self._ordered(name, order, lambda: run.processes.is_done(consumer))
        pause = CameraOrder("pause", run.paused[name]) if name in run.paused else ""
        yield from insisting(lambda: run.bus.tell(consumer, str(pause)))
        node = run.node_of(name)
        run.announce(node, next(item for item in node.items if item.source_id == name))
        run.processes.go_on(run.worker_plan(consumer))

    def until_counted(self, name: str) -> Change[None]:
        """Wait until the metrics of a removed camera are those of its end."""
        yield from self._until(
            lambda: self._state(name) == "removed" and self.report(name).unfinished == 0,
            f"the frames of {name} have not been counted",
        )

    def report(self, name: str) -> SourceReport:
        """What is known of a camera, as last read.

        Raises:
            KeyError: nothing has been read yet: it has just been added.
        """
        return {each.source_id: each for each in self._running.metrics.sources}[name]

    def _camera(self, name: str) -> CameraReport | None:
        reports = [each for each in self._running.metrics.sources if each.source_id == name]
        return reports[0].camera if reports else None

    def _state(self, name: str) -> str:
        camera = self._camera(name)
        return "connecting" if camera is None else camera.state

    def _is_paused_for(self, name: str, reason: str) -> bool:
        camera = self._camera(name)
        return camera is not None and (camera.state, camera.reason) == ("paused", reason)

    def _ordered(
        self, name: str, order: CameraOrder, is_obeyed: Callable[[], bool]
    ) -> Change[None]:
        """Give an order and wait until it is obeyed; a worker that does not see it is replaced."""
        run, consumer = self._running, self._running.consumer(name)
        yield from insisting(lambda: run.bus.tell(consumer, str(order)))
        grace_s = LIVE_GRACE_S if self._state(name) == "live" else GRACE_S
        late_s, is_late = self._clock() + grace_s, False
        end_s = self._clock() + LIMIT_S
        while not is_obeyed():
            if self._clock() > end_s:
                raise TransportError(f"the worker of camera {name} has not obeyed ({order.verb})")
            if not is_late and self._clock() > late_s:
                is_late = True
                yield from self.halted([consumer])
                run.processes.go_on(run.processes.plans()[consumer])
            yield

    def halted(self, consumers: Sequence[str]) -> Change[None]:
        """Halt workers and wait until none of them runs."""
        for consumer in consumers:
            self._running.processes.halt(consumer)
        while any(self._running.processes.is_running(consumer) for consumer in consumers):
            yield

    def _until_ended(self, node: Node, name: str) -> Change[None]:
        """Wait until a removed camera's last frame is through."""
        bus, groups = self._running.bus, tuple(self._running.reached(node))

        def has_ended() -> bool:
            return all(name in bus.ended_sources(group) for group in groups)

        yield from self._until(has_ended, f"the last frames of {name} are still under way")

    def _until(self, is_so: Callable[[], bool], otherwise: str) -> Change[None]:
        end_s = self._clock() + LIMIT_S
        while not (yield from insisting(is_so)):
            if self._clock() > end_s:
                raise TransportError(f"{otherwise} after {LIMIT_S:g} s")
            yield


def together(changes: Sequence[Change[Any]]) -> Change[None]:
    """Make several changes side by side."""
    left = list(changes)
    while left:
        left = [change for change in left if not _is_through(change)]
        if left:
            yield


def _is_through(change: Change[Any]) -> bool:
    try:
        next(change)
    except StopIteration:
        return True
    return False


def insisting(call: Callable[[], Result]) -> Change[Result]:
    """Make a call again and again while the server does not answer; the monitor knows the limit."""
    while True:
        try:
            return call()
        except RunLostError:
            raise
        except TransportError:
            yield
