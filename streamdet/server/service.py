"""What the routes read: one run, seen from the process that supervises it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from streamdet.errors import ConfigError, TransportError
from streamdet.formats.published import PublishedMessage
from streamdet.graph import PipelineGraph
from streamdet.run.control import RunControl, find_run
from streamdet.run.report import Report
from streamdet.run.status import RunStatus
from streamdet.server.kept_answers import KeptAnswers
from streamdet.server.previews import Previews, RecentResults
from streamdet.server.status_feed import StatusFeed
from streamdet.transport.tailing import PublicMessage, follow, page

ENDING_S: Final = 2.0
"""A run's own server goes so long, at most, before the run has ended."""


@dataclass(slots=True)
class Page:
    """A part of a public stream, newest first.

    Attributes:
        entries: each with its `entry_id`.
        before: what to ask for next, for older ones; None where there are none.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    before: str | None = None


class Service:
    """A run that is being served; `attach` comes once its folder and server are there.

    Args:
        graph: gives the run's graph, as of now.
        events: key of the stream of events.

    Attributes:
        report: what became of the run; None while it lasts.
        kept: answers that were made a moment ago.
    """

    def __init__(self, graph: Callable[[], PipelineGraph], events: str) -> None:
        self._graph = graph
        self.report: Report | None = None
        self.kept = KeptAnswers()
        self._has_ended = threading.Event()
        self._events = events
        self._redis_url: Callable[[], str] = lambda: ""
        self._status: StatusFeed | None = None
        self._results: RecentResults | None = None
        self._previews: Previews | None = None

    def attach(self, folder: Path, redis_url: Callable[[], str]) -> None:
        """Begin to read a run.

        Args:
            folder: the run's folder.
            redis_url: returns the run's server, "" as long as it has not started.
        """
        self._redis_url = redis_url
        self._status = StatusFeed(folder)
        self._results = RecentResults(self._follow)
        self._previews = Previews(folder, self._results)

    @property
    def graph(self) -> PipelineGraph:
        """The run's graph, as it was last applied."""
        return self._graph()

    @property
    def stream(self) -> str | None:
        """The stream that the graph's first Redis sink publishes to; None without one."""
        streams = self.graph.public_streams
        return streams[0] if streams else None

    @property
    def is_live(self) -> bool:
        """Whether the graph reads cameras, which come and go."""
        return any(node.is_live for node in self.graph.nodes_of_role("source"))

    @property
    def is_ready(self) -> bool:
        """Whether the run is under way and its metrics can be read."""
        return self.report is None and self.status.problem is None

    @property
    def status(self) -> RunStatus:
        """The run as of the last second."""
        if self._status is None:
            return RunStatus("", problem="starting")
        return self._status.newest

    @property
    def previews(self) -> Previews | None:
        """The sources' newest frames; None before the run has begun."""
        return self._previews

    @property
    def can_change(self) -> bool:
        """Whether the run takes changes: it has live cameras and lasts."""
        return self.is_live and self.is_ready

    @property
    def keeps_records(self) -> bool:
        """Whether the graph keeps records, which can be searched."""
        return any(node.kind == "records" for node in self.graph.nodes_of_role("sink"))

    def check_changeable(self) -> None:
        """Refuse a run that takes no changes; asks nobody.

        Raises:
            ConfigError: it cannot be changed.
        """
        if not self.can_change:
            raise ConfigError("only a run with live cameras, while it lasts, can be changed")

    def changeable(self) -> RunControl:
        """Return the way to change the run.

        Raises:
            ConfigError: it cannot be changed.
            TransportError: the run's server does not answer.
        """
        self.check_changeable()
        return find_run(self.status.run_id, self._redis_url())

    def events(self, before: str, count: int) -> Page:
        """Read events, newest first; see `tailing.page`."""
        return self._page(self._events, before, count)

    def detections(self, before: str, count: int) -> Page:
        """Read published frames, newest first; see `tailing.page`."""
        return Page() if self.stream is None else self._page(self.stream, before, count)

    def end(self, report: Report) -> None:
        """Stop reading: the run is over."""
        self.report = report
        self._has_ended.set()
        for feed in (self._status, self._results):
            if feed is not None:
                feed.close()

    def _follow(self) -> Iterator[PublicMessage | None]:
        if self.stream is None or not self._redis_url():
            return iter(())
        return follow(self._redis_url(), self.stream, "$")

    def _page(self, stream: str, before: str, count: int) -> Page:
        if not self._redis_url() or self.report is not None:
            return Page()
        try:
            found = page(self._redis_url(), stream, before, count)
        except TransportError:
            if self._has_ended.wait(ENDING_S):
                return Page()
            raise
        bodies = [PublishedMessage.of_fields(each.id, each.fields) for each in found]
        entries = [{"entry_id": body.entry_id, **body} for body in bodies]
        return Page(entries, entries[-1]["entry_id"] if len(entries) == count else None)
