"""Stages that share a process and pass frames on by a call, without the bus."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from streamdet.messages import Timing
from streamdet.stages import Job, Stage
from streamdet.transport.bus import PublicEntry


@dataclass(frozen=True, slots=True)
class News:
    """What a group adds to a step besides frames.

    Attributes:
        states: the snapshots that changed, (node, key) -> bytes.
        public: entries for public streams that belong to no frame.
        warnings: sentences for who watches the run.
        discarded: entries of the input that are no messages of the run.
    """

    states: Mapping[tuple[str, str], bytes] = field(default_factory=dict)
    public: Sequence[PublicEntry] = ()
    warnings: Sequence[str] = ()
    discarded: Sequence[str] = ()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.states or self.public or self.warnings or self.discarded)


@runtime_checkable
class Announces(Protocol):
    """A stage that says things which belong to no frame."""

    def take_public(self) -> list[PublicEntry]:
        """The entries since the last call."""
        ...


class Tap(Protocol):
    """Is shown what the members get, before they work on it."""

    def batch(self, node: str, jobs: Sequence[Job]) -> None:
        """A member is about to get these jobs."""
        ...

    def end(self, node: str, source_id: str) -> None:
        """A member is about to be told that a source has ended."""
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """A node of the group.

    Attributes:
        node: the node's name.
        parent: the node of this group that it reads; None for the first, which reads the input.
        stage: its work.
    """

    node: str
    parent: str | None
    stage: Stage


class StageGroup:
    """The members in topological order; each reads the results of its parent.

    Args:
        members: each after its parent.
        take_waited_ns: returns how long the stages have waited for slots since the last call, which
            does not count as work.

    Attributes:
        warnings: sentences to be said with the next step; anybody may add some.
        tap: see `Tap`; may be replaced.
    """

    def __init__(
        self, members: Sequence[Member], take_waited_ns: Callable[[], int] = lambda: 0
    ) -> None:
        self._members = members
        self._take_waited_ns = take_waited_ns
        self.warnings: list[str] = []
        self.tap: Tap | None = None

    def process(self, jobs: Sequence[Job], entry_node: str | None = None) -> dict[str, list[Job]]:
        """Run a batch through all members.

        Args:
            jobs: frames, dropped ones too.
            entry_node: a node outside the members that made the jobs (a source in this process).

        Returns:
            Node -> its jobs, in the order of the batch.
        """
        results: dict[str, list[Job]] = {} if entry_node is None else {entry_node: list(jobs)}
        for member in self._members:
            batch = jobs if member.parent is None else results[member.parent]
            if self.tap is not None:
                self.tap.batch(member.node, batch)
            started_ns = time.monotonic_ns()
            done = member.stage.process(batch)
            worked_from_ns = started_ns + self._take_waited_ns()
            timing = Timing(member.node, worked_from_ns, time.monotonic_ns())
            results[member.node] = [_timed(job, timing) for job in done]
        return results

    def process_one(self, node: str, jobs: Sequence[Job]) -> None:
        """Run a batch through one member alone; its results go nowhere."""
        for member in self._members:
            if member.node == node:
                member.stage.process(jobs)

    def finish(self, source_id: str) -> None:
        """Tell every member, in order, that a source has ended."""
        for member in self._members:
            if self.tap is not None:
                self.tap.end(member.node, source_id)
            member.stage.finish(source_id)

    def restore(self, states: Mapping[str, Mapping[str, bytes]]) -> None:
        """Give every member its committed states, node -> key -> snapshot."""
        for member in self._members:
            member.stage.restore(states.get(member.node, {}))

    def take_news(self) -> News:
        """Take what the stages add to the next step besides frames."""
        announcing = [m.stage for m in self._members if isinstance(m.stage, Announces)]
        public = [entry for stage in announcing for entry in stage.take_public()]
        warnings = tuple(self.warnings)
        self.warnings.clear()
        return News(self.states(), public, warnings)

    def states(self) -> dict[tuple[str, str], bytes]:
        """The snapshots that changed since the last call, (node, key) -> bytes."""
        return {
            (member.node, key): blob
            for member in self._members
            for key, blob in member.stage.states().items()
        }

    def committed(self) -> None:
        """Tell every member that its states have been committed."""
        for member in self._members:
            member.stage.committed()

    def close(self) -> None:
        """Close every member."""
        for member in self._members:
            member.stage.close()


def _timed(job: Job, timing: Timing) -> Job:
    message = job.message
    return replace(job, message=replace(message, timings=(*message.timings, timing)))
