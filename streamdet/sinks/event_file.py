"""Writes each event as a line of "streamdet-event/1" JSON, all sources in one file."""

from __future__ import annotations

from collections.abc import Sequence

from streamdet.formats.event_json import event_line
from streamdet.messages import FrameMessage
from streamdet.sinks.line_file import LineFileSink


class EventFileSink(LineFileSink):
    """One line per event that the graph's analytics notice, each exactly once."""

    needs_events = True

    def lines(self, message: FrameMessage, class_names: Sequence[str]) -> bytes:
        """The lines of the frame's events."""
        run_id = self._context.run_id
        return b"".join(
            event_line(event, message, run_id, class_names) + b"\n" for event in message.events
        )
