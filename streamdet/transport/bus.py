"""The bus: ordered streams of messages, and steps that are done completely or not at all.

A step
------
A worker reads a batch of entries, computes, and then makes ONE call, `Bus.step`. In it, for each
commit, the bus acknowledges the entry. Only if it was still pending (the fence: of two workers that
processed the same entry the first counts) it
  (a) adds the outputs to the streams of the groups that read this one,
  (b) marks slots that this worker filled as published, with their number of readers, and takes this
      worker off the readers of slots that it used; a slot without readers is free again and its
      generation rises,
  (c) deletes the input entry,
  (d) counts it, and once all of a source's frames are committed, passes the source's end on.
States are written in the same call. A crash before the step redoes the batch, a crash after it
loses nothing: every frame counts exactly once.

A source has no input stream: its commits carry no entry id, and their fence is the index, which
must be the next one of that source.

A step that writes states, and every step of a source, is accepted as a whole or refused as a whole.

A lease
-------
A consumer's name is fixed (<group>-<replica>). Each process that takes the name over gets a higher
epoch; steps with an older one raise, so a process that was wrongly thought dead can do no harm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from streamdet.errors import TransportError
from streamdet.events import EVENT_FIELD
from streamdet.frame import FrameRef
from streamdet.transport.turns import Answer, Share, Turn

EVENTS_MAXLEN: Final = 10_000
"""Approximate length of the stream of events."""


class FencedError(TransportError):
    """Another process has taken over this consumer's name: this one must stop."""


class RunLostError(TransportError):
    """The server answers, but the run's keys are gone: nothing can be resumed."""


@dataclass(frozen=True, slots=True)
class GroupLayout:
    """A group of nodes that share a process, as the bus sees it.

    Attributes:
        outputs: names of the groups that read this one.
        has_sink: whether it holds a sink: such a group counts dropped frames and ended sources.
        sinks_downstream: for a source's group, the groups with a sink that its frames reach: what
            these have not committed yet is in flight.
    """

    outputs: tuple[str, ...] = ()
    has_sink: bool = False
    sinks_downstream: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunLayout:
    """The groups and pools of a run, made before the first worker starts.

    Attributes:
        run_id: names the run; every key holds it.
        groups: group name -> layout.
        pools: pool name -> number of slots.
    """

    run_id: str
    groups: Mapping[str, GroupLayout]
    pools: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Lease:
    """A consumer's name and the epoch of its holder: see the note "A lease"."""

    group: str
    consumer: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a group's input stream."""

    id: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class PublicEntry:
    """An entry for a public stream, which other programs read.

    Attributes:
        stream: key of the stream.
        fields: field -> value.
        maxlen: approximate limit of the stream's length.
    """

    stream: str
    fields: Mapping[str, bytes]
    maxlen: int


def event_entry(stream: str, event: bytes) -> PublicEntry:
    """Make the entry of an event.

    Args:
        stream: key of the run's stream of events.
        event: its JSON.
    """
    return PublicEntry(stream, {EVENT_FIELD: event}, EVENTS_MAXLEN)


@dataclass(frozen=True, slots=True)
class Commit:
    """One frame, or one end of a source, that a worker has processed.

    Attributes:
        source_id: the frame's source.
        index: the frame's index; for an end, the number of frames.
        entry_id: the input entry; None in a source.
        end_payload: for an end, the message to pass on when all frames are committed.
        outputs: (reading group, message) to add.
        filled: (slot, number of readers) that this worker wrote.
        released: slots that this worker has read.
        public: entries for public streams.
        drop_reason: why the frame has no result; counted where frames end.
        objects: how many objects the frame's result has; added up where frames end.
        last_track: the highest track id among them, 0 where none has one; None without a tracker.
            Where frames end the highest counts: ids of a source are numbered from 1.
    """

    source_id: str
    index: int
    entry_id: str | None = None
    end_payload: bytes | None = None
    outputs: Sequence[tuple[str, bytes]] = ()
    filled: Sequence[tuple[FrameRef, int]] = ()
    released: Sequence[FrameRef] = ()
    public: Sequence[PublicEntry] = ()
    drop_reason: str | None = None
    objects: int = 0
    last_track: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A worker's commits that are made at once: see the note "A step".

    Attributes:
        lease: of the worker.
        commits: in order.
        states: (node, key) -> snapshot, as of after the last commit; an empty one is deleted.
        positions: source_id -> position to resume from.
        counters: statistics to add up, name -> amount.
        public: entries for public streams that belong to no frame.
        discarded: entries of the input that are no messages of the run: acknowledged, deleted.
    """

    lease: Lease
    commits: Sequence[Commit]
    states: Mapping[tuple[str, str], bytes] = field(default_factory=dict)
    positions: Mapping[str, bytes] = field(default_factory=dict)
    counters: Mapping[str, int] = field(default_factory=dict)
    public: Sequence[PublicEntry] = ()
    discarded: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of a step.

    Attributes:
        accepted: number of accepted commits.
        in_flight: for a source, its frames that some sink has not committed yet; else 0.
        is_stopping: the run has been asked to stop: sources end.
        order: what the supervisor has told this consumer to do, see `RunAdmin.tell`; "" if nothing.
    """

    accepted: int
    in_flight: int
    is_stopping: bool
    order: str = ""


@dataclass(frozen=True, slots=True)
class SourceResult:
    """What has come of one source where frames end.

    Attributes:
        frames: frames committed, dropped ones among them.
        objects: objects in their results.
        tracks: how many tracks their objects belong to; None without a tracker.
    """

    frames: int = 0
    objects: int = 0
    tracks: int | None = None


class Bus(Protocol):
    """The bus as a worker uses it; every method raises TransportError when it does not answer.

    Every wait has a limit: no method blocks longer than the time it is given.
    """

    def take_lease(self, group: str, consumer: str) -> Lease:
        """Take over a consumer's name from the process that held it.

        Raises:
            RunLostError: the run does not exist (any more).
        """
        ...

    def read(self, lease: Lease, count: int, wait_s: float) -> list[Entry]:
        """Take up to `count` new entries, waiting at most `wait_s` for the first."""
        ...

    def read_pending(self, lease: Lease, after_id: str, count: int) -> list[Entry]:
        """Page through the entries that this consumer took but never committed, oldest first.

        Args:
            lease: the consumer.
            after_id: "0" for the first page, then the id of the last entry seen.
            count: page size.
        """
        ...

    def step(self, step: Step) -> StepResult:
        """Commit: see the note "A step".

        Raises:
            FencedError: another process has taken over the lease.
            RunLostError: the run's keys are gone.
        """
        ...

    def in_flight(self, lease: Lease, source_id: str) -> int:
        """Count a source's frames that some sink has not committed yet; only for its own group."""
        ...

    def take_turn(self, lease: Lease, share: Share, turn: Turn) -> Answer:
        """Ask whether a camera's next frame may go on: see turns.py; only for its own group."""
        ...

    def take_slots(self, lease: Lease, pool: str, count: int, wait_s: float) -> list[FrameRef]:
        """Take up to `count` free slots, waiting at most `wait_s` for the first.

        The consumer owns them until a step publishes them or `return_slots` returns them; [] when
        none came free.
        """
        ...

    def return_slots(self, lease: Lease, pool: str) -> None:
        """Return every slot that the consumer took and never published; generations rise."""
        ...

    def states(self, node: str) -> dict[str, bytes]:
        """A node's committed snapshots, key -> bytes."""
        ...

    def done_counts(self, group: str) -> dict[str, int]:
        """Source id -> how many of its frames the group has committed."""
        ...

    def ended_sources(self, group: str) -> set[str]:
        """The sources whose end the group has passed on."""
        ...

    def claim_source(self, lease: Lease, source_id: str) -> bool:
        """Claim a source for this consumer's name, for good: the first claim counts.

        Returns:
            Whether the source is this consumer's; later processes of its name get the same answer.

        Raises:
            RunLostError: the run does not exist (any more).
        """
        ...

    def positions(self) -> dict[str, bytes]:
        """Source id -> the committed position."""
        ...

    def is_stopping(self) -> bool:
        """Whether the run has been asked to stop."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class RunAdmin(Protocol):
    """The bus as the supervisor uses it."""

    def create(self) -> None:
        """Make the run's streams, leases and free slots."""
        ...

    def request_stop(self) -> None:
        """Ask all sources to end."""
        ...

    def tell(self, consumer: str, order: str) -> None:
        """Tell a consumer what to do: each of its steps gets it until it is told another, or ""."""
        ...

    def reopen(self, source_id: str) -> None:
        """Let a source that has ended in every group that it reaches begin again.

        Its frames are counted on from where it ended.
        """
        ...

    def ended_sources(self, group: str) -> set[str]:
        """The sources whose end the group has passed on."""
        ...

    def forget_states(self, node: str) -> None:
        """Delete a node's committed snapshots; its worker must not be running."""
        ...

    def keep_alive(self) -> None:
        """Record that the supervisor is alive; others may delete a run that is silent for too long.

        Raises:
            RunLostError: the run's keys are gone.
        """
        ...

    def finished(self) -> int:
        """The number of (group with a sink, source) pairs that have ended."""
        ...

    def drops(self) -> dict[tuple[str, str, str], int]:
        """(group with a sink, source id, reason) -> frames that were dropped."""
        ...

    def results(self, group: str) -> dict[str, SourceResult]:
        """Source id -> what has come of it in a group with a sink."""
        ...

    def positions(self) -> dict[str, bytes]:
        """Source id -> the committed position."""
        ...

    def queue_lengths(self) -> dict[str, int]:
        """Group -> entries of its input stream that wait or are being worked on."""
        ...

    def free_slots(self) -> dict[str, int]:
        """Pool -> slots that nobody holds."""
        ...

    def memory_bytes(self) -> int | None:
        """What the server holds in memory; None where it does not tell us."""
        ...

    def counters(self) -> dict[str, int]:
        """The statistics that steps added up."""
        ...

    def delete(self) -> None:
        """Delete the run's keys; public streams stay."""
        ...
