"""Delivers events to a program outside: in order, at least once, whatever the other side does.

A sink of this kind writes each committed event to its outbox; a thread takes the oldest, tries
until it is delivered, and goes on with the next. A slow receiver delays its own events and nothing
else: detection never waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import msgpack
from pydantic import Field

from streamdet.config.options import Options
from streamdet.events import KINDS
from streamdet.formats.event_json import event_id, event_line
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.sinks import PublicEntry, SinkContext
from streamdet.sinks.event_kinds import EventKinds
from streamdet.sinks.outbox import Letter, Outbox
from streamdet.sinks.sender import Courier, Sender

STATE_KEY: Final = "letters"
_BEAT_S: Final = 0.2


class DeliveryOptions(Options):
    """What every sink that delivers events understands."""

    events: EventKinds | None = Field(
        None,
        min_length=1,
        description=f"Kinds of events to deliver; by default all: {', '.join(KINDS)}.",
    )
    queue: Path | None = Field(
        None,
        description="A file for events that wait; what is in it at the end of a run, the next one"
        " delivers. By default they wait in the run's folder and are lost with it.",
    )
    max_queue: int = Field(
        10_000, ge=1, description="Most events that wait; of more, the oldest are lost."
    )
    keep_s: float = Field(
        86_400, gt=0, description="Seconds after which an event that nobody takes is given up."
    )
    timeout_s: float = Field(10, gt=0, le=600, description="Seconds that one try may take.")
    end_wait_s: float = Field(
        5,
        ge=0,
        le=3600,
        description="Seconds to deliver the rest at the end of a run; less than `drain_s` of the"
        " deploy file, after which a run that is stopped ends.",
    )


class DeliverySink:
    """What the sinks that deliver events share; a kind says who delivers them."""

    Options: type[DeliveryOptions] = DeliveryOptions
    needs_image = False
    has_file_per_source = False
    needs_events = True

    def __init__(self, options: Any, context: SinkContext) -> None:
        """Remember options and run; `_is_new` is for couriers: no event was committed before."""
        self._options = options
        self._context = context
        self._staged: list[Letter] = []
        self._count = 0
        self._opened = ExitStack()
        self._is_new = True

    def courier(self) -> Courier:
        """Make what delivers the letters.

        Raises:
            ConfigError: it cannot work as the options say.
        """
        raise NotImplementedError

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Open the outbox and begin to deliver.

        Raises:
            ConfigError: the queue cannot be written, or the receiver cannot be one.
        """
        self._is_new = STATE_KEY not in states
        courier = self.courier()
        self._outbox = Outbox(self._queue_path(), self._context.run_id, self._options.max_queue)
        self._opened.callback(self._outbox.close)
        if STATE_KEY in states:
            self._count, letters = msgpack.unpackb(states[STATE_KEY])
            self._put([Letter(*letter) for letter in letters])
        options = self._options
        self._sender = Sender(self._outbox, courier, options.keep_s, self._context.warn)
        self._sender.start()
        self._opened.callback(self._end)

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        """Stage the events of the frames; publish nothing."""
        for message in messages:
            self._staged += self._letters(message)
        return [()] * len(messages)

    def finish(self, source_id: str) -> None:
        """Do nothing: nothing is held but what `committed` queues."""

    def states(self) -> dict[str, bytes]:
        """How many events were queued before, and those that are staged."""
        if not self._staged:
            return {}
        letters = [(letter.id, letter.topic, letter.body) for letter in self._staged]
        return {STATE_KEY: msgpack.packb((self._count, letters))}

    def committed(self) -> None:
        """Queue the staged events.

        Raises:
            EngineError: the system refuses to write.
        """
        if self._staged:
            staged, self._staged = self._staged, []
            self._put(staged)
            self._sender.wake()

    def close(self) -> None:
        """Deliver what can be delivered in `end_wait_s`, and say what was not."""
        self._opened.close()

    def _queue_path(self) -> Path | None:
        if self._options.queue is not None or self._context.folder is None:
            path: Path | None = self._options.queue
            return None if path is None else path.expanduser()
        return self._context.folder / f"{self._context.node}.outbox"

    def _letters(self, message: FrameMessage) -> list[Letter]:
        wanted, run_id = self._options.events, self._context.run_id
        names = self._context.class_names.get(message.model or "", ())
        return [
            Letter(
                event_id(event, message, run_id),
                f"{message.source_id}/{event.kind}",
                event_line(event, message, run_id, names),
            )
            for event in message.events
            if wanted is None or event.kind in wanted
        ]

    def _put(self, letters: list[Letter]) -> None:
        lost = self._outbox.lost
        self._outbox.put(self._count, letters)
        self._count += len(letters)
        if self._outbox.lost > lost == 0:
            most = self._options.max_queue
            self._context.warn(
                f"{self._context.node}: more than {most} events wait, the oldest are lost"
            )

    def _end(self) -> None:
        """Wait for the rest to be delivered, but not for ever."""
        deadline_s = time.monotonic() + self._options.end_wait_s
        while len(self._outbox) and time.monotonic() < deadline_s:
            self._context.on_wait()
            time.sleep(_BEAT_S)
        self._sender.stop()
        if left := len(self._outbox):
            then = "and are lost: state `queue` to keep them"
            if self._options.queue is not None:
                then = f"and wait in {self._options.queue} for the next run"
            self._context.warn(f"{self._context.node}: {left} events were not delivered {then}")
