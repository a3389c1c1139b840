"""Writes the seconds before and after an event as .mp4, as the camera encoded them.

An event is an object that is wanted by the options; it lasts as long as the object is seen. Events
that overlap, with the seconds around them, make one clip. An event that is longer than a clip may
be is recorded from its start. Times are those of the monotonic clock at which frames came to the
camera's worker, so that a wall clock that is set changes no clip.
"""

from __future__ import annotations

import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import msgpack
from pydantic import Field

from streamdet.errors import EngineError
from streamdet.formats.event_parts import event_text, id_of
from streamdet.formats.frame_json import CONFIDENCE_DECIMALS, rfc3339
from streamdet.formats.recording_events import ClipEvent, ClipObject
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.sinks import PublicEntry, SinkContext
from streamdet.sinks.background_writer import RETRY_S
from streamdet.sinks.clip_events import Clip, ClipTimes, SourceEvents
from streamdet.sinks.clip_file import find_parts, write_part
from streamdet.sinks.recorded_files import Recorded
from streamdet.sinks.recorder import LATEST_FRAME_S, Recorder, RecorderOptions, changes, file_name
from streamdet.transport.bus import event_entry
from streamdet.transport.packet_ring import RING_BYTES, held_folder, hold, ring_folder

_HOLD_EVERY_NS: Final = 500_000_000


class ClipOptions(RecorderOptions):
    """Options of `clip`."""

    events: tuple[str, ...] = Field(
        (),
        description="Kinds of events of analytics (zone_enter, line_crossed ...). If any are named,"
        " a clip is written for them, not for objects; `classes` and `zones` hold for them, too.",
    )
    before_s: float = Field(5.0, ge=0, le=300, description="Seconds of a clip before its event.")
    after_s: float = Field(5.0, ge=0, le=300, description="Seconds of a clip after its event.")
    max_s: float = Field(60.0, ge=1, le=3600, description="The longest clip, seconds.")
    ring_bytes: int = Field(
        RING_BYTES,
        ge=2**20,
        description="Most bytes of encoded video that are kept of each camera for an event.",
    )


@dataclass(frozen=True, slots=True)
class ClipFile:
    """A file of a clip.

    Attributes:
        file: the file.
        starts_ns: wall clock when its first image was taken.
        ends_ns: wall clock when its last image was taken.
    """

    file: Recorded
    starts_ns: int
    ends_ns: int


class ClipSink:
    """The seconds before and after an event of a live source, as the camera encoded them (.mp4)."""

    Options = ClipOptions
    needs_image = False
    has_file_per_source = False
    needs_packets = True

    def __init__(
        self,
        options: ClipOptions,
        context: SinkContext,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        retry_s: float = RETRY_S,
    ) -> None:
        """Remember options and run.

        Args:
            options: of the node.
            context: of the run.
            clock_ns: the monotonic clock.
            retry_s: pause after the system refused to write, seconds.
        """
        self._clock_ns = clock_ns
        self._options = options
        self._context = context
        self._folder = context.folder or Path()
        self._recorder: Recorder[list[ClipFile]] = Recorder(options, context, retry_s)
        lengths_s = (options.before_s, options.after_s, options.max_s)
        times = ClipTimes(*(round(length_s * 1e9) for length_s in lengths_s))
        self._events = defaultdict[str, SourceEvents](
            lambda: SourceEvents(options, times, options.events)
        )
        self._committed: dict[str, bytes] = {}
        self._over: dict[str, Clip] = {}
        self._held_ns: dict[str, int] = {}
        self._written: list[str] = []

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Go on with the clips that were committed.

        Raises:
            ConfigError: the folder cannot be written to.
        """
        self._recorder.open()
        self._committed = dict(states)
        for key, state in states.items():
            source_id, _, since = key.partition("/")
            if since:
                self._over[key] = Clip.restored(msgpack.unpackb(state))
            else:
                self._events[source_id].restore(state)
        self._let_go()
        self._begin_writing()

    def _let_go(self) -> None:
        """Remove the packets that a killed process kept for clips that are written."""
        wanted = set(self._over)
        for name, events in self._events.items():
            wanted |= {f"{name}/{events.clip.since_ns}"} if events.clip is not None else set()
        for folder in self._held("").glob("*/*"):
            if f"{folder.parent.name}/{folder.name}" not in wanted:
                shutil.rmtree(folder, ignore_errors=True)

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        """Look for events; what is announced is no frame's own: see `take_public`."""
        for message in messages:
            names = self._context.class_names.get(message.model or "", ())
            events = self._events[message.source_id]
            over = events.update(message, names)
            for clip in over:
                self._end(message.source_id, clip)
            if events.clip is not None:
                self._hold(message.source_id, events.clip, message.timings[0].start_ns)
        return [()] * len(messages)

    def take_public(self) -> list[PublicEntry]:
        """Announce the clips that were written; end those whose camera sends nothing."""
        latest_ns = self._clock_ns() - round((self._options.before_s + LATEST_FRAME_S) * 1e9)
        for source_id, events in self._events.items():
            for clip in events.close_before(latest_ns):
                self._end(source_id, clip)
        entries = self._recorder.take_events()
        for done in self._recorder.take_done():
            source_id = done.key.partition("/")[0]
            clip = self._over.pop(done.key)
            entries += [self._entry(source_id, clip, file) for file in done.result or ()]
            self._written.append(done.key)
        return entries

    def finish(self, source_id: str) -> None:
        """End the source's clip, and wait until it is written."""
        events = self._events.pop(source_id, None)
        if events is not None and events.clip is not None:
            self._end(source_id, events.clip)
        self._begin_writing()
        self._recorder.finish()

    def states(self) -> dict[str, bytes]:
        """What is known of the objects, the clip that has begun and those to be written."""
        now = {name: state for name, each in self._events.items() if (state := each.state())}
        now |= {key: msgpack.packb(clip.state()) for key, clip in self._over.items()}
        changed, self._committed = changes(self._committed, now), now
        return changed

    def committed(self) -> None:
        """Begin to write the clips that are over; let go of the packets of those written."""
        self._begin_writing()
        while self._written:
            shutil.rmtree(self._held(self._written.pop()), ignore_errors=True)

    def close(self) -> None:
        """Begin no other file."""
        self._recorder.close()

    def _end(self, source_id: str, clip: Clip) -> None:
        self._keep(source_id, clip)
        self._over[f"{source_id}/{clip.since_ns}"] = clip

    def _hold(self, source_id: str, clip: Clip, now_ns: int) -> None:
        """Keep the packets of a clip that goes on, now and then: the ring holds them meanwhile."""
        if now_ns - self._held_ns.get(source_id, 0) >= _HOLD_EVERY_NS:
            self._held_ns[source_id] = now_ns
            self._keep(source_id, clip)

    def _keep(self, source_id: str, clip: Clip) -> None:
        ring = ring_folder(self._folder) / source_id
        with suppress(OSError):  # a clip lacks what cannot be kept: the disk is full
            hold(ring, clip.since_ns, self._held(f"{source_id}/{clip.since_ns}"))

    def _held(self, key: str) -> Path:
        return held_folder(self._folder) / self._context.node / key

    def _begin_writing(self) -> None:
        self._recorder.begin(
            {k: partial(self._write_clip, k, clip) for k, clip in self._over.items()}
        )

    def _write_clip(self, key: str, clip: Clip) -> list[ClipFile]:
        """Write the files of a clip: one, more where the camera's format changed.

        Raises:
            EngineError: there are no packets, or an .mp4 takes none of them.
            OSError: the system refuses.
        """
        source_id = key.partition("/")[0]
        first = next(iter(clip.kinds), "event")
        track, _, label, _ = next(iter(clip.objects.values()), (None, 0, first, 0.0))
        held = self._held(key)
        files = []
        for part in find_parts(held, clip.since_ns, clip.until_ns):
            name = file_name(source_id, part.starts_ns, label, track, ".mp4")
            file = self._recorder.write(name, partial(write_part, held, part))
            files.append(ClipFile(file, part.starts_ns, part.ends_ns))
        if not files:
            raise EngineError(f"{source_id}: a clip was not written: none of its video was kept")
        return files

    def _entry(self, source_id: str, clip: Clip, written: ClipFile) -> PublicEntry:
        path = str(written.file.path.absolute())
        event = ClipEvent(
            id=id_of(self._context.run_id, source_id, "clip", path),
            run=self._context.run_id,
            source_id=source_id,
            path=path,
            bytes=written.file.size,
            starts_at=rfc3339(written.starts_ns),
            ends_at=rfc3339(written.ends_ns),
            events=list(clip.kinds),
            objects=[
                ClipObject(
                    track=track,
                    class_id=class_id,
                    label=label,
                    confidence=round(score, CONFIDENCE_DECIMALS),
                )
                for track, class_id, label, score in clip.objects.values()
            ],
        )
        return event_entry(self._context.events, event_text(event))
