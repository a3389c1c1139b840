"""The bus inside one process, for unit tests: keeps the promises of bus.py in plain dictionaries.

Reads never block: what is not there by the time of the call is not waited for.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from streamdet.frame import FrameRef
from streamdet.transport.bus import (
    Commit,
    Entry,
    FencedError,
    Lease,
    PublicEntry,
    RunLayout,
    RunLostError,
    SourceResult,
    Step,
    StepResult,
)
from streamdet.transport.turns import Answer, Progress, Share, Turn, Turns


@dataclass
class _GroupState:
    """A group's input stream and counts."""

    waiting: deque[Entry] = field(default_factory=deque)
    pending: dict[str, tuple[str, Entry]] = field(
        default_factory=dict
    )  # entry id -> consumer, entry
    done: Counter[str] = field(default_factory=Counter)
    ends: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    objects: Counter[str] = field(default_factory=Counter)
    tracks: dict[str, int] = field(default_factory=dict)


class MemoryBus:
    """Bus and RunAdmin in plain dictionaries; see bus.py for the promises."""

    def __init__(self, layout: RunLayout) -> None:
        self.public: dict[str, list[PublicEntry]] = defaultdict(list)
        self._layout = layout
        self._exists = False
        self._groups: dict[str, _GroupState] = {}
        self._free: dict[str, deque[FrameRef]] = {}
        self._held: dict[tuple[str, str], list[FrameRef]] = defaultdict(list)
        self._readers: Counter[FrameRef] = Counter()
        self._leases: Counter[str] = Counter()
        self._states: dict[str, dict[str, bytes]] = defaultdict(dict)
        self._positions: dict[str, bytes] = {}
        self._claims: dict[str, str] = {}
        self._drops: Counter[tuple[str, str, str]] = Counter()
        self._counters: Counter[str] = Counter()
        self._finished: set[tuple[str, str]] = set()
        self._is_stopping = False
        self._orders: dict[str, str] = {}
        self._entry_count = 0
        self._turns: dict[str, Turns] = {}
        self._groups_of: dict[str, str] = {}

    # What a worker asks (Bus).

    def take_lease(self, group: str, consumer: str) -> Lease:
        """Take a consumer's name over: see bus.Bus."""
        self._run()
        self._leases[consumer] += 1
        return Lease(group, consumer, self._leases[consumer])

    def read(self, lease: Lease, count: int, wait_s: float) -> list[Entry]:
        """Take new entries: see bus.Bus."""
        group = self._group(lease.group)
        entries = [group.waiting.popleft() for _ in range(min(count, len(group.waiting)))]
        group.pending.update({entry.id: (lease.consumer, entry) for entry in entries})
        return entries

    def read_pending(self, lease: Lease, after_id: str, count: int) -> list[Entry]:
        """Page through uncommitted entries: see bus.Bus."""
        pending = self._group(lease.group).pending.values()
        own = [entry for consumer, entry in pending if consumer == lease.consumer]
        return [entry for entry in own if int(entry.id) > int(after_id)][:count]

    def step(self, step: Step) -> StepResult:
        """Commit: see bus.Bus."""
        group = self._group(step.lease.group)
        if self._leases[step.lease.consumer] != step.lease.epoch:
            raise FencedError(f"{step.lease.consumer} was taken over by another process")
        accepted = 0
        is_whole = bool(step.states or step.positions)
        if not is_whole or self._all_fresh(group, step.commits):
            accepted = sum(self._commit(step.lease, commit) for commit in step.commits)
            for (node, key), blob in step.states.items():
                if blob:
                    self._states[node][key] = blob
                else:
                    self._states[node].pop(key, None)
            self._positions.update(step.positions)
            self._counters.update(step.counters)
            self._publish(step.public)
            for entry_id in step.discarded:
                group.pending.pop(entry_id, None)
        under_way = [self.in_flight(step.lease, source_id) for source_id in step.positions]
        order = self._orders.get(step.lease.consumer, "")
        return StepResult(accepted, max(under_way, default=0), self._is_stopping, order)

    def in_flight(self, lease: Lease, source_id: str) -> int:
        """Count the frames in flight: see bus.Bus."""
        progress = self._progress(lease.group, source_id)
        return progress.emitted - progress.through

    def take_turn(self, lease: Lease, share: Share, turn: Turn) -> Answer:
        """Ask whether a camera's next frame may go on: see bus.Bus."""
        self._run()
        self._groups_of[turn.source_id] = lease.group
        if share.name not in self._turns:
            self._turns[share.name] = Turns(
                share, lambda source_id: self._progress(self._groups_of[source_id], source_id)
            )
        return self._turns[share.name].ask(turn)

    def take_slots(self, lease: Lease, pool: str, count: int, wait_s: float) -> list[FrameRef]:
        """Take free slots: see bus.Bus."""
        free = self._free[pool]
        refs = [free.popleft() for _ in range(min(count, len(free)))]
        self._held[pool, lease.consumer] += refs
        return refs

    def return_slots(self, lease: Lease, pool: str) -> None:
        """Give unpublished slots back: see bus.Bus."""
        for ref in self._held.pop((pool, lease.consumer), []):
            self._free[pool].append(FrameRef(pool, ref.slot, ref.generation + 1))

    def states(self, node: str) -> dict[str, bytes]:
        """Read a node's snapshots: see bus.Bus."""
        return dict(self._states[node])

    def done_counts(self, group: str) -> dict[str, int]:
        """Count committed frames by source: see bus.Bus."""
        return dict(self._group(group).done)

    def ended_sources(self, group: str) -> set[str]:
        """Name the ended sources: see bus.Bus."""
        return set(self._group(group).ended)

    def positions(self) -> dict[str, bytes]:
        """Read the sources' positions: see bus.Bus."""
        return dict(self._positions)

    def claim_source(self, lease: Lease, source_id: str) -> bool:
        """Claim a source: see bus.Bus."""
        self._run()
        return self._claims.setdefault(source_id, lease.consumer) == lease.consumer

    def is_stopping(self) -> bool:
        """Whether sources must end: see bus.Bus."""
        return self._is_stopping

    def close(self) -> None:
        """Nothing to close."""

    # What the supervisor asks (RunAdmin).

    def create(self) -> None:
        """Make the run: see bus.RunAdmin."""
        self._exists = True
        self._groups = {name: _GroupState() for name in self._layout.groups}
        self._free = {
            pool: deque(FrameRef(pool, slot, 1) for slot in range(slots))
            for pool, slots in self._layout.pools.items()
        }

    def request_stop(self) -> None:
        """Ask all sources to end."""
        self._is_stopping = True

    def tell(self, consumer: str, order: str) -> None:
        """Tell a consumer what to do: see bus.RunAdmin."""
        self._orders[consumer] = order

    def reopen(self, source_id: str) -> None:
        """Let a source begin again: see bus.RunAdmin."""
        for name, group in self._groups.items():
            group.ends.pop(source_id, None)
            group.ended.discard(source_id)
            self._finished.discard((name, source_id))

    def forget_states(self, node: str) -> None:
        """Delete a node's snapshots: see bus.RunAdmin."""
        self._states.pop(node, None)

    def keep_alive(self) -> None:
        """Do nothing but check that the run exists."""
        self._run()

    def finished(self) -> int:
        """Count what has ended: see bus.RunAdmin."""
        self._run()
        return len(self._finished)

    def drops(self) -> dict[tuple[str, str, str], int]:
        """Count dropped frames: see bus.RunAdmin."""
        return dict(self._drops)

    def results(self, group: str) -> dict[str, SourceResult]:
        """Read what has come of the sources: see bus.RunAdmin."""
        state = self._group(group)
        return {
            source_id: SourceResult(frames, state.objects[source_id], state.tracks.get(source_id))
            for source_id, frames in state.done.items()
        }

    def queue_lengths(self) -> dict[str, int]:
        """Count uncommitted entries by group: see bus.RunAdmin."""
        return {
            name: len(group.waiting) + len(group.pending) for name, group in self._groups.items()
        }

    def free_slots(self) -> dict[str, int]:
        """Count the slots that nobody holds: see bus.RunAdmin."""
        return {name: len(free) for name, free in self._free.items()}

    def memory_bytes(self) -> int | None:
        """There is no server."""
        return None

    def counters(self) -> dict[str, int]:
        """Read the statistics that steps added up."""
        return dict(self._counters)

    def delete(self) -> None:
        """Forget the run; public streams stay."""
        self._exists = False

    def _progress(self, group: str, source_id: str) -> Progress:
        emitted = self._group(group).done[source_id]
        sinks = self._run().groups[group].sinks_downstream
        done = (self._group(sink).done[source_id] for sink in sinks)
        return Progress(emitted, min(done, default=emitted))

    def _run(self) -> RunLayout:
        if not self._exists:
            raise RunLostError("the run's keys are gone")
        return self._layout

    def _group(self, name: str) -> _GroupState:
        self._run()
        return self._groups[name]

    def _all_fresh(self, group: _GroupState, commits: Sequence[Commit]) -> bool:
        next_index: dict[str, int] = {}
        for commit in commits:
            if commit.entry_id is not None:
                if commit.entry_id not in group.pending:
                    return False
                continue
            expected = next_index.get(commit.source_id, group.done[commit.source_id])
            if commit.source_id in group.ends or commit.index != expected:
                return False
            next_index[commit.source_id] = expected + 1
        return True

    def _publish(self, entries: Sequence[PublicEntry]) -> None:
        for entry in entries:
            self.public[entry.stream].append(entry)
            del self.public[entry.stream][: -entry.maxlen]

    def _commit(self, lease: Lease, commit: Commit) -> bool:
        group = self._group(lease.group)
        if commit.entry_id is not None and group.pending.pop(commit.entry_id, None) is None:
            return False
        for ref, readers in commit.filled:
            self._held[ref.pool, lease.consumer].remove(ref)
            self._readers[ref] = readers
        for ref in commit.released:
            self._release(ref)
        for reader, payload in commit.outputs:
            self._add(reader, payload)
        self._publish(commit.public)
        self._count(lease, group, commit)
        return True

    def _release(self, ref: FrameRef) -> None:
        self._readers[ref] -= 1
        if self._readers[ref] == 0:
            del self._readers[ref]
            self._free[ref.pool].append(FrameRef(ref.pool, ref.slot, ref.generation + 1))

    def _add(self, reader: str, payload: bytes) -> None:
        self._entry_count += 1
        self._groups[reader].waiting.append(Entry(str(self._entry_count), payload))

    def _count(self, lease: Lease, group: _GroupState, commit: Commit) -> None:
        source_id = commit.source_id
        if commit.end_payload is None:
            group.done[source_id] += 1
        else:
            group.ends[source_id] = commit.index, commit.end_payload
        layout = self._run().groups[lease.group]
        if commit.drop_reason is not None and layout.has_sink:
            self._drops[lease.group, source_id, commit.drop_reason] += 1
        if layout.has_sink:
            _count_objects(group, commit)
        if group.ends.get(source_id, (-1, b""))[0] == group.done[source_id]:
            for reader in layout.outputs:
                self._add(reader, group.ends[source_id][1])
            group.ended.add(source_id)
            if layout.has_sink:
                self._finished.add((lease.group, source_id))


def _count_objects(group: _GroupState, commit: Commit) -> None:
    group.objects[commit.source_id] += commit.objects
    if commit.last_track is not None:
        highest = group.tracks.get(commit.source_id, 0)
        group.tracks[commit.source_id] = max(highest, commit.last_track)
