"""Commits the results of a batch as one step on the bus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from streamdet.errors import TransportError
from streamdet.frame import FrameRef
from streamdet.messages import EndOfStream, FrameMessage, encode
from streamdet.stages import Job
from streamdet.stages.group import News
from streamdet.transport.bus import Bus, Commit, Lease, Step, StepResult
from streamdet.worker.plan import WorkerPlan
from streamdet.worker.stage_stats import WARNING, stage_metrics

Results = Mapping[str, Sequence[Job]]
"""Node -> its jobs, in the order of the batch."""


class RefusedError(TransportError):
    """The bus refused part of a step that must be whole: this worker's states are stale."""


class Committer:
    """Makes the steps of one worker.

    Args:
        plan: of the worker.
        bus: to commit to.
        settle: waits until the images of the frames are in their slots: see pool.FramePool.
    """

    def __init__(self, plan: WorkerPlan, bus: Bus, settle: Callable[[], None]) -> None:
        self._plan = plan
        self._bus = bus
        self._settle = settle

    def frame_commits(
        self, received: Sequence[FrameMessage], entry_ids: Sequence[str | None], results: Results
    ) -> list[Commit]:
        """Make the commits of a batch of frames.

        Args:
            received: the messages as they came in (for a source: as it made them).
            entry_ids: their stream entries; None for a source's frames.
            results: of the nodes.
        """
        return [
            self._frame_commit(message, entry_id, {n: jobs[i] for n, jobs in results.items()})
            for i, (message, entry_id) in enumerate(zip(received, entry_ids, strict=True))
        ]

    def end_commit(self, end: EndOfStream, entry_id: str | None) -> Commit:
        """Make the commit of a source's end."""
        return Commit(end.source_id, end.index, entry_id, end_payload=encode(end))

    def step(
        self,
        lease: Lease,
        commits: Sequence[Commit],
        results: Results,
        news: News,
        *,
        positions: Mapping[str, bytes] | None = None,
    ) -> StepResult:
        """Commit the results of a batch, and what the group adds to them.

        Raises:
            RefusedError: the bus refused part of a step that must be accepted as a whole.
        """
        messages = {node: [job.message for job in jobs] for node, jobs in results.items()}
        said = Counter(f"{WARNING}{warning}" for warning in news.warnings)
        counters = stage_metrics(messages) | said
        step = Step(
            lease, commits, news.states, positions or {}, counters, news.public, news.discarded
        )
        self._settle()
        result = self._bus.step(step)
        if (news.states or positions) and result.accepted != len(commits):
            raise RefusedError(f"a step of {lease.consumer} was refused: its states are stale")
        return result

    def _frame_commit(
        self, received: FrameMessage, entry_id: str | None, jobs: Mapping[str, Job]
    ) -> Commit:
        reasons = (job.message.drop_reason for job in jobs.values())
        objects, last_track = self._found(jobs)
        return Commit(
            source_id=received.source_id,
            index=received.index,
            entry_id=entry_id,
            outputs=self._outputs(jobs),
            filled=self._filled(jobs),
            released=[] if entry_id is None else self._slots_read(received),
            public=[entry for job in jobs.values() for entry in job.public],
            drop_reason=next(filter(None, reasons), None),
            objects=objects,
            last_track=last_track,
        )

    def _found(self, jobs: Mapping[str, Job]) -> tuple[int, int | None]:
        """How many objects the sinks of this process got, and the highest track id.

        Of several sinks that got different objects, the largest numbers count.
        """
        sinks = {plan.node.name for plan in self._plan.nodes if plan.node.role == "sink"}
        ends = [job for node, job in jobs.items() if node in sinks and not job.is_dropped]
        found = [job.message.detections for job in ends if job.message.detections is not None]
        ids = [each.track_ids for each in found if each.track_ids is not None]
        last_track = max((int(each.max(initial=0)) for each in ids), default=None)
        return max(map(len, found), default=0), last_track

    def _slots_read(self, received: FrameMessage) -> list[FrameRef]:
        """The slots of other processes that this worker reads for a frame."""
        return [ref for ref in _refs(received) if ref.pool in self._plan.reads_pools]

    def _outputs(self, jobs: Mapping[str, Job]) -> list[tuple[str, bytes]]:
        outputs = []
        for node_plan in self._plan.nodes:
            if node_plan.outputs:
                payload = encode(jobs[node_plan.node.name].message)
                outputs += [(reader, payload) for reader in node_plan.outputs]
        return outputs

    def _filled(self, jobs: Mapping[str, Job]) -> list[tuple[FrameRef, int]]:
        filled = []
        for node_plan in self._plan.nodes:
            name, readers = node_plan.node.name, node_plan.slot_readers
            if readers:
                refs = _refs(jobs[name].message)
                filled += [(ref, readers) for ref in refs if ref.pool == name]
        return filled


def _refs(message: FrameMessage) -> list[FrameRef]:
    prepared = message.prepared
    refs = (message.frame.pixels, None if prepared is None else prepared.pixels)
    return [ref for ref in refs if ref is not None]
