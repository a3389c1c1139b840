"""This side of one node: shares go there, detections come back, and a lost node is given up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from streamdet.archive.cluster.node import News
from streamdet.archive.waves import Wave, Waves
from streamdet.errors import EngineError, StreamdetError
from streamdet.run.report import SourceReport
from streamdet.sinks.segments import SUFFIX
from streamdet.sources.media_file import media_place
from streamdet.system.atomic_file import write_whole

START_S: Final = 120.0
"""A node's actor gets so long to start: Python, our modules, a digest of the weights."""

BEGIN_S: Final = 60.0
"""A run gets so long to begin: each file of it is looked at, perhaps over a slow network."""

SILENT_S: Final = 10.0
"""A node that says nothing for so long is given up; it answers in milliseconds."""

NEWS_EVERY_S: Final = 0.2


class LostError(StreamdetError):
    """A node is gone, or says nothing.

    Args:
        text: how it was lost.
        has_ended: whether Ray says that its process has ended.
    """

    def __init__(self, text: str, *, has_ended: bool = False) -> None:
        super().__init__(text)
        self.has_ended = has_ended


class UnfitError(StreamdetError):
    """A node is there, and cannot do the work."""


@dataclass(slots=True)
class _Asked:
    """A question that has not been answered: when it was put, and what is done with the answer."""

    reference: Any
    at_s: float
    limit_s: float
    then: Callable[[Any], None]


class NodeLink:
    """The link to one node's pipeline, which has at most one question open.

    Args:
        name: of the node, for people.
        actor: a handle of node.NodePipeline.
        lanes: how many segments it reads at once.
        waves: hands out the segments.

    Attributes:
        name: the same.
        wave: what it works on; None while it has nothing to do.
        running: the segments of which it has frames.
        is_ready: whether it has answered that it can work.
        settled: how many segments it has finished.
    """

    def __init__(self, name: str, actor: Any, lanes: int, waves: Waves) -> None:
        self.name = name
        self.wave: Wave | None = None
        self.running: tuple[SourceReport, ...] = ()
        self.is_ready = False
        self.settled = 0
        self._actor = actor
        self._lanes = lanes
        self._waves = waves
        self._asked: _Asked | None = None
        self._news_due_s = 0.0
        self._ask(actor.check.remote(), START_S, self._checked)

    @property
    def reference(self) -> Any | None:
        """Ray's reference of the answer that is waited for."""
        return None if self._asked is None else self._asked.reference

    def tick(self, share: float, fetch: Callable[[Any], Any]) -> None:
        """Take an answer if one is there, or ask the next question.

        Args:
            share: which part of what waits this node gets at once.
            fetch: gives the answer of a reference; None where there is none yet.

        Raises:
            LostError: the node is gone or silent.
            UnfitError: it cannot do the work.
        """
        now_s = time.monotonic()
        if self._asked is None:
            self._ask_on(share, now_s)
            return
        asked = self._asked
        if (answer := fetch(asked.reference)) is not None:
            self._asked = None
            asked.then(answer)
        elif now_s - asked.at_s > asked.limit_s:
            raise LostError(f"it has not answered for {asked.limit_s:.0f} s")

    def stop(self) -> Any:
        """Have its run end; returns Ray's reference of its answer."""
        return self._actor.stop.remote()

    def give_up(self, kill: Callable[[Any], None]) -> None:
        """Hand its wave back, and let nothing come from it any more."""
        kill(self._actor)
        if self.wave is not None:
            self._waves.hand_back(self.wave)
            self.wave = None

    @property
    def has_suspects(self) -> bool:
        """Whether segments were under way that are not done."""
        return self.wave is not None and not self.wave.under_way.isdisjoint(self.wave.open)

    def blame(self, failure: str) -> None:
        """Hand its wave back after a failed run.

        Raises:
            UnfitError: no segment was under way: the node is to blame.
        """
        wave, self.wave, self.running = self.wave, None, ()
        assert wave is not None
        try:
            self._waves.failed(wave, failure)
        except EngineError as exc:
            raise UnfitError(str(exc)) from exc

    def _ask(self, reference: Any, limit_s: float, then: Callable[[Any], None]) -> None:
        self._asked = _Asked(reference, time.monotonic(), limit_s, then)

    def _ask_on(self, share: float, now_s: float) -> None:
        if now_s < self._news_due_s:
            return
        if self.wave is not None:
            self._ask(self._actor.news.remote(), SILENT_S, self._took_news)
            return
        self.wave = self._waves.take(share, least=2 * self._lanes)
        if self.wave is None:
            self._news_due_s = now_s + 1.0
            return
        wave = self.wave
        begun = self._actor.begin.remote(wave.items, wave.stored_hw, self._sizes(wave))
        self._ask(begun, BEGIN_S, self._begun)

    def _sizes(self, wave: Wave) -> dict[Path, int]:
        """Sizes of the files on the disk that this machine still has as they were planned."""
        rows = self._waves.standing.rows
        files = [rows[segment.file] for segment in wave.open.values()]
        places = {media_place(str(row.path)): row.identity for row in files}
        return {
            place: identity.size
            for place, identity in places.items()
            if isinstance(place, Path) and identity.is_of(place)
        }

    def _checked(self, problem: str) -> None:
        if problem:
            raise UnfitError(problem)
        self.is_ready = True
        self._waves.hooks.note(f"node {self.name} can work")

    def _begun(self, problem: str) -> None:
        if problem:
            raise UnfitError(problem)

    def _took_news(self, news: News) -> None:
        wave = self.wave
        assert wave is not None
        self.running = news.running
        self._news_due_s = time.monotonic() + (0.0 if news.ended else NEWS_EVERY_S)
        wave.under_way |= {source.source_id for source in news.running}
        for warning in news.warnings:
            self._waves.hooks.warn(f"{self.name}: {warning}")
        for note in news.notes:
            self._waves.note(note)
        for source, detections in news.ended:
            self._settle(wave, source, detections)
        if not news.is_over:
            return
        if news.failure:
            self.blame(news.failure)
            return
        self._waves.hand_back(wave)
        self.wave, self.running = None, ()

    def _settle(self, wave: Wave, source: SourceReport, detections: bytes) -> None:
        if source.source_id not in wave.open:  # its file has been begun again as a whole meanwhile
            return
        write_whole(self._waves.folder.segments / f"{source.source_id}{SUFFIX}", detections)
        self._waves.settle(wave, source)
        self.settled += 1
