"""Writes the best image of each track as a .jpg, once.

The best image so far lies in the run's folder, so that it outlives a killed process; what is said
of it is committed with its frame. A much better one replaces it. When the track ends, or has lasted
for `max_wait_s`, it is recorded: see the note "once" in recorder.py.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Final

import msgpack
from pydantic import Field

from streamdet.errors import FrameError
from streamdet.formats.event_parts import event_text, id_of
from streamdet.formats.frame_json import BBOX_DECIMALS, CONFIDENCE_DECIMALS, rfc3339
from streamdet.formats.recording_events import SnapshotEvent
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.sinks import PublicEntry, SinkContext
from streamdet.sinks.background_writer import RETRY_S
from streamdet.sinks.best_images import BestImage, SourceTracks
from streamdet.sinks.frame_times import is_live, taken_s
from streamdet.sinks.objects_wanted import Sighting, Watched
from streamdet.sinks.recorded_files import Recorded
from streamdet.sinks.recorder import (
    LATEST_FRAME_S,
    Recorder,
    RecorderOptions,
    changes,
    file_name,
    write_synced,
)
from streamdet.sinks.track_images import Look, jpeg, rank
from streamdet.transport.bus import event_entry

_BETTER: Final = 1.1
"""An image must be so much better to replace another: each costs its encoding."""


class SnapshotOptions(RecorderOptions):
    """Options of `snapshot`."""

    image: Look = Field(
        "crop", description="crop: the object's box; frame: all of the image, with the box drawn."
    )
    margin: float = Field(
        0.1, ge=0, le=2, description="What a crop shows around the box, as a share of its sides."
    )
    quality: int = Field(90, ge=1, le=100, description="Quality of the JPEG, 1 to 100.")
    max_wait_s: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="Of a track that lasts longer, the best image of these seconds is written.",
    )


class SnapshotSink:
    """The best image of each track as a .jpg: largest, surest, not cut off by the border."""

    Options = SnapshotOptions
    needs_image = True
    has_file_per_source = False
    needs_tracks = True
    options_may_change = True

    def __init__(
        self,
        options: SnapshotOptions,
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
        self._options = options
        self._context = context
        self._clock_ns = clock_ns
        self._folder = (context.folder or Path()) / "snapshots" / context.node
        self._recorder: Recorder[Recorded] = Recorder(options, context, retry_s)
        self._sources = defaultdict[str, SourceTracks](lambda: SourceTracks(Watched(options)))
        self._over: dict[str, BestImage] = {}
        self._committed: dict[str, bytes] = {}
        self._useless: list[Path] = []
        self._warned = ""

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Go on with the tracks and images that were committed.

        Raises:
            ConfigError: the folder cannot be written to.
        """
        self._recorder.open()
        self._committed = dict(states)
        for key, state in states.items():
            source_id, _, track = key.partition("/")
            if track:
                self._over[key] = BestImage.restored(msgpack.unpackb(state))
            else:
                self._sources[source_id] = SourceTracks.restored(self._options, state)
        self._begin_writing()

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        """Look for better images; what is announced is no frame's own: see `take_public`."""
        for message, image in zip(messages, images, strict=True):
            source = self._sources[message.source_id]
            live = is_live(self._context, message.source_id)
            source.now_s = max(source.now_s, taken_s(message, live=live))
            names = self._context.class_names.get(message.model or "", ())
            for sighting, _ in source.watched.update(message, names, source.now_s):
                if image is not None and sighting.track is not None:
                    self._look_at(message, image, sighting)
            self._end(message.source_id, source.over(self._options.max_wait_s, source.now_s))
        return [()] * len(messages)

    def take_public(self) -> list[PublicEntry]:
        """Announce the files that were written; end the tracks of a camera that sends nothing."""
        late_s = self._clock_ns() / 1e9 - LATEST_FRAME_S
        for source_id, source in self._sources.items():
            if is_live(self._context, source_id) and source.now_s < late_s:
                self._end(source_id, source.over(self._options.max_wait_s, late_s))
        entries = self._recorder.take_events()
        for done in self._recorder.take_done():
            source_id = done.key.partition("/")[0]
            best = self._over.pop(done.key)
            self._useless.append(self._image_path(source_id, best))
            if done.result is not None:
                entries.append(self._entry(source_id, best, done.result))
        return entries

    def finish(self, source_id: str) -> None:
        """End the source's tracks, and wait until their files are written."""
        source = self._sources.pop(source_id, None)
        if source is not None:
            self._end(source_id, source.over(0.0, source.now_s))
        self._begin_writing()
        self._recorder.finish()

    def states(self) -> dict[str, bytes]:
        """What is known of the tracks, and the images to be recorded."""
        now = {name: state for name, each in self._sources.items() if (state := each.state())}
        now |= {key: msgpack.packb(astuple(best)) for key, best in self._over.items()}
        changed, self._committed = changes(self._committed, now), now
        return changed

    def committed(self) -> None:
        """Begin to record the images that are over; remove those that are of no use any more."""
        self._begin_writing()
        while self._useless:
            self._useless.pop().unlink(missing_ok=True)

    def close(self) -> None:
        """Begin no other file."""
        self._recorder.close()

    def _look_at(self, message: FrameMessage, image: Image, sighting: Sighting) -> None:
        """Keep an object's image if it is much better than what there was."""
        source, track = self._sources[message.source_id], sighting.track
        assert message.detections is not None
        assert track is not None
        if track in source.recorded:
            return
        xyxy = tuple(message.detections.xyxy[sighting.row].tolist())
        found = rank(xyxy, sighting.score, image.hw)
        had = source.best.get(track)
        if had is not None and found <= (had.rank[0], had.rank[1] * _BETTER):
            return
        best = BestImage(
            track=track,
            class_id=sighting.class_id,
            label=sighting.label,
            score=sighting.score,
            xyxy=xyxy,
            rank=found,
            frame_id=message.index,
            captured_ns=message.frame.captured_ns,
        )
        if not self._keep(message.source_id, best, image):
            return
        source.best[track] = best
        if had is not None:
            self._useless.append(self._image_path(message.source_id, had))

    def _keep(self, source_id: str, best: BestImage, image: Image) -> bool:
        """Write an image into the run's folder; returns whether that was possible."""
        options, path = self._options, self._image_path(source_id, best)
        try:
            coded = jpeg(image.bgr(), best.xyxy, options.image, options.margin, options.quality)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(coded)
        except FrameError:  # the box lies outside the image
            return False
        except OSError as exc:
            self._warn_once(f"{self._folder} takes no images: {exc.strerror}")
            path.unlink(missing_ok=True)
            return False
        self._warned = ""
        return True

    def _warn_once(self, problem: str) -> None:
        if problem != self._warned:
            self._warned = problem
            self._context.warn(f"{self._context.node}: {problem}")

    def _image_path(self, source_id: str, best: BestImage) -> Path:
        return self._folder / source_id / f"{best.track}-{best.frame_id}.jpg"

    def _end(self, source_id: str, over: Sequence[BestImage]) -> None:
        self._over |= {f"{source_id}/{best.track}": best for best in over}

    def _begin_writing(self) -> None:
        self._recorder.begin(
            {key: partial(self._record, key, best) for key, best in self._over.items()}
        )

    def _record(self, key: str, best: BestImage) -> Recorded:
        """Write the file of a track.

        Raises:
            OSError: the system refuses.
        """
        source_id = key.partition("/")[0]
        coded = self._image_path(source_id, best).read_bytes()
        name = file_name(source_id, best.captured_ns, best.label, best.track, ".jpg")
        return self._recorder.write(name, partial(write_synced, coded))

    def _entry(self, source_id: str, best: BestImage, file: Recorded) -> PublicEntry:
        path = str(file.path.absolute())
        event = SnapshotEvent(
            id=id_of(self._context.run_id, source_id, "snapshot", path),
            run=self._context.run_id,
            source_id=source_id,
            path=path,
            bytes=file.size,
            frame_id=best.frame_id,
            captured_at=rfc3339(best.captured_ns),
            track=best.track,
            class_id=best.class_id,
            label=best.label,
            confidence=round(best.score, CONFIDENCE_DECIMALS),
            bbox=[round(edge, BBOX_DECIMALS) for edge in best.xyxy],
        )
        return event_entry(self._context.events, event_text(event))
