"""The worker of a process group that reads from the bus: read a batch, compute, commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streamdet.messages import EndOfStream, FrameMessage
from streamdet.stages import Job
from streamdet.transport.bus import Commit
from streamdet.worker.batch_reader import BatchReader
from streamdet.worker.committer import Committer, Results
from streamdet.worker.context import WorkerContext
from streamdet.worker.intake import Intake, ReceivedMessage
from streamdet.worker.later_sources import LaterSources
from streamdet.worker.staleness import fresh_or_dropped
from streamdet.worker.suspects import Suspects


class StageWorker:
    """Processes the messages of its group's input stream.

    Args:
        context: the plan and the objects made from it.
    """

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._committer = Committer(context.plan, context.bus, context.pixels.settle)
        self._suspects = Suspects(context.plan)
        self._later = LaterSources(context.plan.run.folder, context.plan.live_nodes)

    def run(self) -> None:
        """Work until every source has ended here.

        Raises:
            TransportError: see the note "Begin again".
        """
        self.attach()
        while not self._is_done():
            while not self.advance():
                pass
        self._context.group.close()

    def attach(self) -> None:
        """Take over from the previous process of this worker."""
        self._lease = self._context.take_over()
        plan, bus = self._context.plan, self._context.bus
        self._intake = Intake(bus, self._lease, plan)
        self._reader = BatchReader(
            self._intake,
            batch=plan.batch,
            max_wait_s=plan.max_wait_s,
            next_index=bus.done_counts(plan.group) if plan.is_ordered else None,
            is_wary=self._suspects.may_exist,
        )

    def advance(self) -> bool:
        """Process the next batch; returns whether to check if all sources have ended."""
        self._context.beat()
        batch = self._reader.next_batch()
        if batch:
            self._do(batch)
        else:
            self._step([], {})
        return not batch or any(item.is_end for item in batch)

    def _is_done(self) -> bool:
        """Whether every source that reaches this worker has ended here, and none can come."""
        plan, bus = self._context.plan, self._context.bus
        if plan.live_nodes and not bus.is_stopping():
            return False
        # In this order: no camera is added any more when the run is stopping.
        return bus.ended_sources(plan.group) >= {*plan.source_ids, *self._later.now()}

    def _longest_waits_ns(self) -> Mapping[str, int]:
        plan = self._context.plan
        if not (plan.drops_late and (later := self._later.now())):
            return plan.longest_waits_ns
        changed = {source_id: source.longest_wait_ns for source_id, source in later.items()}
        return {**plan.longest_waits_ns, **changed}

    def _do(self, batch: list[ReceivedMessage]) -> None:
        longest_ns = self._longest_waits_ns()
        messages = [
            fresh_or_dropped(self._tried(item, item.message), longest_ns)
            for item in batch
            if isinstance(item.message, FrameMessage)
        ]
        results = (
            self._context.group.process([Job(message) for message in messages]) if messages else {}
        )
        frame_ids = [item.entry_id for item in batch if not item.is_end]
        commits = self._committer.frame_commits(messages, frame_ids, results)
        for item in batch:
            if isinstance(item.message, EndOfStream):
                self._context.group.finish(item.message.source_id)
                commits.append(self._committer.end_commit(item.message, item.entry_id))
        self._step(commits, results)
        with_results = any(message.drop_reason is None for message in messages)
        self._suspects.committed(with_results=with_results)

    def _tried(self, item: ReceivedMessage, message: FrameMessage) -> FrameMessage:
        return self._suspects.tried(message) if self._reader.is_suspect(item) else message

    def _step(self, commits: Sequence[Commit], results: Results) -> None:
        group = self._context.group
        news = self._intake.add_to(self._suspects.add_to(group.take_news()))
        if commits or news:
            self._committer.step(self._lease, commits, results, news)
            group.committed()
