"""What a worker takes from its input stream: messages of this run, and nothing else.

Whoever may write to the server can put anything into the stream. What is no message, or of no
source of the run, is never worked on: it leaves the stream with the worker's next step, is told,
and is noted in the stream of dead letters. A well made forgery cannot be told from a message; the
access rules of `streamdet redis-acl` keep others from writing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from streamdet.messages import EndOfStream, Message, decode
from streamdet.stages.group import News
from streamdet.transport.bus import Bus, Entry, Lease
from streamdet.worker.dead_letters import dead_letter
from streamdet.worker.plan import WorkerPlan

FOREIGN: Final = "an entry of its input was no message of this run, and went to the dead letters"


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """An entry and the message in it."""

    entry_id: str
    message: Message

    @property
    def is_end(self) -> bool:
        """Whether this is the end of its source."""
        return isinstance(self.message, EndOfStream)

    @property
    def is_work(self) -> bool:
        """Whether it costs something: a frame that has not been dropped."""
        return not isinstance(self.message, EndOfStream) and self.message.drop_reason is None


class Intake:
    """Reads the input of one worker.

    Args:
        bus: to read from.
        lease: of the worker.
        plan: of the worker.
    """

    def __init__(self, bus: Bus, lease: Lease, plan: WorkerPlan) -> None:
        self._bus = bus
        self._lease = lease
        self._plan = plan
        self._foreign: dict[str, str] = {}

    def read(self, count: int, wait_s: float) -> list[ReceivedMessage]:
        """Take up to `count` new entries, waiting at most `wait_s` for the first."""
        return list(self._messages(self._bus.read(self._lease, count, wait_s)))

    def pending(self, page_size: int) -> Iterator[ReceivedMessage]:
        """Page through what was taken and never committed, oldest first."""
        after_id = "0"
        while page := self._bus.read_pending(self._lease, after_id, page_size):
            yield from self._messages(page)
            after_id = page[-1].id

    def add_to(self, news: News) -> News:
        """Add to a step what is to be thrown away with it, each entry once."""
        if not self._foreign:
            return news
        node = self._plan.nodes[0].node.name
        letters = [dead_letter(self._plan, why, entry=id_) for id_, why in self._foreign.items()]
        discarded = tuple(self._foreign)
        self._foreign = {}
        return replace(
            news,
            public=[*news.public, *letters],
            warnings=[*news.warnings, *[f"{node}: {FOREIGN}"] * len(discarded)],
            discarded=discarded,
        )

    def _messages(self, entries: list[Entry]) -> Iterator[ReceivedMessage]:
        for entry in entries:
            try:
                message = decode(entry.payload)
                self._check_source(message)
            except ValueError as exc:
                self._foreign[entry.id] = str(exc)
            else:
                yield ReceivedMessage(entry.id, message)

    def _check_source(self, message: Message) -> None:
        # Cameras come to a run while it goes on, so any name may be right there.
        if not self._plan.live_nodes and message.source_id not in self._plan.source_ids:
            raise ValueError("it is of no source of this run")
