"""The frames that a source's worker has not committed yet, and their steps."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from streamdet.messages import EndOfStream, FrameMessage
from streamdet.stages import Job
from streamdet.transport.bus import Commit, Lease, PublicEntry, StepResult
from streamdet.worker.committer import Committer, Results
from streamdet.worker.context import WorkerContext


class HeldFrames:
    """Frames of one source that are not committed yet.

    Args:
        context: of the worker.
    """

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._node = context.plan.nodes[0].node.name
        self._committer = Committer(context.plan, context.bus, context.pixels.settle)
        self._held: list[tuple[FrameMessage, dict[str, list[Job]]]] = []

    def __len__(self) -> int:
        return len(self._held)

    @property
    def age_ns(self) -> int:
        """Age of the oldest held frame; 0 if there is none."""
        if not self._held:
            return 0
        return time.monotonic_ns() - self._held[0][0].timings[0].end_ns

    def add(self, job: Job) -> FrameMessage:
        """Run the stages of this process on a frame, and hold the results.

        Returns:
            The frame after the last stage.
        """
        results = self._context.group.process([job], entry_node=self._node)
        # Images are valid only until the next frame is decoded.
        kept = {node: [one.without_images() for one in jobs] for node, jobs in results.items()}
        self._held.append((job.message, kept))
        return list(kept.values())[-1][0].message

    def commit(
        self, lease: Lease, source_id: str, position: bytes, public: Sequence[PublicEntry] = ()
    ) -> StepResult:
        """Commit the held frames, if any, and how far their source has been read.

        Args:
            lease: of this worker.
            source_id: the source.
            position: how far it has been read, packed.
            public: entries for public streams that belong to no frame.

        Raises:
            RefusedError: the bus refused the step.
        """
        messages = [message for message, _ in self._held]
        nodes = self._held[0][1] if self._held else {}
        results = {node: [kept[node][0] for _, kept in self._held] for node in nodes}
        self._held.clear()
        commits = self._committer.frame_commits(messages, [None] * len(messages), results)
        return self._step(lease, commits, results, {source_id: position}, public)

    def end(
        self,
        lease: Lease,
        source_id: str,
        frames: int,
        position: bytes,
        public: Sequence[PublicEntry] = (),
    ) -> StepResult:
        """Commit the end of a source, after all of its frames.

        Args:
            lease: of this worker.
            source_id: the source.
            frames: how many it had.
            position: how far it has been read, packed.
            public: entries for public streams that belong to no frame.

        Raises:
            RefusedError: the bus refused the step.
        """
        self._context.group.finish(source_id)
        end = self._committer.end_commit(EndOfStream(source_id, frames), None)
        return self._step(lease, [end], {}, {source_id: position}, public)

    def _step(
        self,
        lease: Lease,
        commits: Sequence[Commit],
        results: Results,
        positions: Mapping[str, bytes],
        public: Sequence[PublicEntry] = (),
    ) -> StepResult:
        group = self._context.group
        news = group.take_news()
        news = replace(news, public=[*public, *news.public])
        result = self._committer.step(lease, commits, results, news, positions=positions)
        group.committed()
        return result
