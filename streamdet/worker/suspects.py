"""Frames that may have ended a worker's process: tried again alone, and given up in the end.

What a process had read and not committed when it ended is under suspicion. Its successor takes
these frames one at a time. The frame on which process after process ends is dropped, so that a
frame that no code can stand does not end a run. A stage that can stand no frame does: when
MOST_IN_A_ROW frames were given up and none went well between them, the run fails.
"""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Final

from streamdet.errors import EngineError
from streamdet.messages import FrameMessage
from streamdet.stages.group import News
from streamdet.transport.bus import PublicEntry
from streamdet.worker.dead_letters import dead_letter
from streamdet.worker.plan import WorkerPlan
from streamdet.worker.run_files import begun, given_up, last_end, went_well

MOST_IN_A_ROW: Final = 3


class Suspects:
    """The frames under suspicion of one worker.

    Args:
        plan: of the worker.
    """

    def __init__(self, plan: WorkerPlan) -> None:
        self._plan = plan
        self._end = last_end(plan.run.folder, plan.consumer)
        self._is_clean = False
        self._letters: list[PublicEntry] = []
        self._warnings: list[str] = []

    @property
    def may_exist(self) -> bool:
        """Whether the last process may have ended of a frame."""
        return self._end is not None

    def tried(self, message: FrameMessage) -> FrameMessage:
        """Note that a suspect is tried alone; returns it, as dropped if that was often enough.

        Raises:
            EngineError: too many frames in a row were given up.
        """
        folder, consumer, end = self._plan.run.folder, self._plan.consumer, self._end
        if end is None or message.drop_reason is not None:
            return message
        tries = begun(folder, consumer, message.source_id, message.index)
        if tries < end.tries:  # the first time was in its batch
            signal.setitimer(signal.ITIMER_REAL, end.within_s)  # its signal ends a stuck process
            return message
        self._is_clean = False
        if given_up(folder, consumer) >= MOST_IN_A_ROW:
            raise EngineError(
                f"{consumer} ended {end.tries} times on each of {MOST_IN_A_ROW} frames in a row:"
                f" {end.why}"
            )
        return self._dropped(message, end.tries, end.why)

    def add_to(self, news: News) -> News:
        """Add to a step what is to be said of frames that were given up since the last one."""
        if not self._letters:
            return news
        added = replace(
            news,
            public=[*news.public, *self._letters],
            warnings=[*news.warnings, *self._warnings],
        )
        self._letters, self._warnings = [], []
        return added

    def committed(self, *, with_results: bool) -> None:
        """Note that a step was made.

        Args:
            with_results: whether frames of it were not dropped.
        """
        if self._end is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if with_results and not self._is_clean:
            went_well(self._plan.run.folder, self._plan.consumer)
            self._is_clean = True

    def _dropped(self, message: FrameMessage, tries: int, why: str) -> FrameMessage:
        node, run = self._plan.nodes[0].node.name, self._plan.run
        reason = f"it ended the process of {node} {tries} times"
        name = run.source_names.get(message.source_id, message.source_id)
        self._warnings.append(f"{name}: frame {message.index} was dropped, {reason} ({why})")
        self._letters.append(
            dead_letter(self._plan, why, source_id=message.source_id, frame_id=message.index)
        )
        return replace(message, drop_reason=reason)
