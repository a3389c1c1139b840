"""Lines that tell what a run publishes, while it does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from streamdet.errors import ConfigError, StreamdetError
from streamdet.events import EVENT_FIELD, PLACES
from streamdet.graph import PipelineGraph

EVERY_S: Final = 0.5
_AMOUNTS: Final = {"dwell_s": "{:g} s", "speed_mps": "{:g} m/s", "seen_frames": "{} frames"}
"""Key of an event -> how its value is written."""


class LiveView:
    """Prints, twice a second, the newest published frame of a run.

    Args:
        graph: the graph whose first Redis sink is followed.
        print_line: where lines go.
    """

    def __init__(self, graph: PipelineGraph, print_line: Callable[[str], None]) -> None:
        """Find the stream; touches nothing.

        Raises:
            ConfigError: the graph has no Redis sink.
        """
        if not graph.public_streams:
            raise ConfigError(
                f"--live: wanted a graph with a redis_stream sink, {graph.name} has none"
            )
        self._stream = graph.public_streams[0]
        self._print = print_line
        self._due_s = 0.0
        self._last_id: bytes | None = None

    def show(self, redis_url: str) -> None:
        """Print the newest frame, if it is time and there is a new one."""
        from streamdet.transport.tailing import newest

        if time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + EVERY_S
        try:
            entry = newest(redis_url, self._stream)
        except StreamdetError:
            return
        if entry is not None and entry.id != self._last_id:
            self._last_id = entry.id
            self._print(describe(entry.fields))


def describe(fields: Mapping[str, bytes]) -> str:
    """Say in one line what an entry of a public stream holds; one of a foreign format as it is."""
    try:
        if EVENT_FIELD in fields:
            return _event(json.loads(fields[EVENT_FIELD]))
        return _frame(json.loads(fields["metadata"]))
    except (KeyError, ValueError, TypeError, AttributeError):
        return as_it_is(fields)


def as_it_is(fields: Mapping[str, bytes]) -> str:
    """Show an entry's `metadata` or `event`, or all its fields where it has none, on one line."""
    for name in ("metadata", EVENT_FIELD):
        if name in fields:
            return _text(fields[name])
    return "  ".join(f"{name}={_text(value)}" for name, value in fields.items())


def _text(value: bytes) -> str:
    return value.decode(errors="backslashreplace").replace("\n", "\\n")


def _frame(message: Mapping[str, Any]) -> str:
    if message["schema"] != "streamdet/1":
        raise ValueError("a foreign format")
    head = f"{message['source_id']:<16} frame {message['frame_id']:>6}"
    if "dropped" in message:
        return f"{head}  dropped: {message['dropped']}"
    objects = [_object(found) for found in message["objects"]]
    return f"{head}  {len(objects):>2} objects  {'  '.join(objects)}".rstrip()


def _event(event: Mapping[str, Any]) -> str:
    """Say in one line what happened, where, to whom, and what is counted now."""
    if event["schema"] != "streamdet-event/1":
        raise ValueError("a foreign format")
    what = [event["event"], event.get("state"), event.get("direction"), event.get("reason")]
    place = (event.get(key) for key in PLACES.values())
    whom = _named(event)
    counts = ", ".join(f"{name} {count}" for name, count in event.get("counts", {}).items())
    objects = [_named(each) for each in event.get("objects", ())]
    amounts = (form.format(event[key]) for key, form in _AMOUNTS.items() if key in event)
    said = " ".join(filter(None, what))
    parts = (said, *place, whom, *amounts, *objects, counts, event.get("path"))
    frame = f"frame {event['frame_id']:>6}" if "frame_id" in event else f"{'':>12}"
    head = f"{event.get('source_id') or event['node']:<16} {frame}"
    return f"{head}  {'  '.join(filter(None, parts))}"


def _named(event: Mapping[str, Any]) -> str:
    number = "" if event.get("track") is None else f"#{event['track']}"
    return f"{event.get('label', '')}{number}"


def _object(found: Mapping[str, Any]) -> str:
    number = "" if found["id"] is None else f"#{found['id']}"
    x1, y1, x2, y2 = (round(edge) for edge in found["bbox"])
    said = "".join(f" {value}" for value in found.get("attributes", {}).values())
    return f"{found['label']}{number}{said} {found['confidence']:.2f} [{x1} {y1} {x2} {y2}]"
