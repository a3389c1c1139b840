"""The tracks of a source, from when each was first seen until it has ended, as rows of records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Final, Self

import msgpack

from streamdet.detections import class_label
from streamdet.formats.event_parts import id_of
from streamdet.formats.frame_json import CONFIDENCE_DECIMALS, rfc3339
from streamdet.messages import FrameMessage
from streamdet.records.rows import TrackRow

LOST_S: Final = 2.0
"""A track that was not seen for this long has ended."""
TELL_EVERY_S: Final = 10.0
"""How often the row of a track that lasts is written again."""


@dataclass(slots=True)
class _Track:
    first_frame: int
    label: str
    score: float
    frames: int
    began_ns: int
    ended_ns: int
    began_pts_s: float | None
    ended_pts_s: float | None
    seen_s: float
    told_s: float | None
    zones: list[str]
    attributes: dict[str, str] = field(default_factory=dict)


_values = attrgetter(*(each.name for each in fields(_Track)))  # astuple copies deeply, and is slow


@dataclass(slots=True)
class RecordedTracks:
    """What is known of the tracks of one source.

    Attributes:
        run_id: names the run.
        source_id: names the source.
        now_s: when its last frame was taken, seconds; see frame_times.taken_s.
        tracks: number -> track, of those that have not ended.
    """

    run_id: str
    source_id: str
    now_s: float = 0.0
    tracks: dict[int, _Track] = field(default_factory=dict)

    def see(self, message: FrameMessage, names: Sequence[str], classes: Sequence[str]) -> None:
        """Take the next frame, which is no dropped one; `now_s` is set.

        Args:
            message: the frame.
            names: of the model's classes.
            classes: those that count; without any all.
        """
        found = message.detections
        if found is None:
            return
        scores, class_ids = found.scores.tolist(), found.class_ids.tolist()
        for row, number in enumerate(found.tracks()):
            label = class_label(names, class_ids[row])
            if number is not None and (not classes or label in classes):
                track = self._follow(message, number, label, scores[row])
                zones = () if found.zones is None else found.zones[row]
                track.zones += [zone for zone in zones if zone not in track.zones]
                track.attributes |= {} if found.attributes is None else found.attributes[row]

    def rows(self, min_frames: int) -> list[TrackRow]:
        """List the rows to write: of tracks that are new, have ended, or last.

        Args:
            min_frames: tracks that were seen in fewer frames are left out.
        """
        return [
            self._row(number, track, is_over=is_over)
            for number, track, is_over in list(self._due())
            if track.frames >= min_frames
        ]

    def state(self) -> bytes:
        """All that later rows depend on; b"" where there is no track."""
        if not self.tracks:
            return b""
        tracks = [(number, *_values(track)) for number, track in self.tracks.items()]
        packed: bytes = msgpack.packb((self.now_s, tracks))
        return packed

    @classmethod
    def restored(cls, run_id: str, source_id: str, state: bytes) -> Self:
        """Go on as the one that returned `state` would."""
        now_s, tracks = msgpack.unpackb(state)
        return cls(run_id, source_id, now_s, {n: _Track(*values) for n, *values in tracks})

    def _follow(self, message: FrameMessage, number: int, label: str, score: float) -> _Track:
        frame = message.frame
        pts_s = None if frame.pts_ns is None else frame.pts_ns / 1e9
        now_ns = frame.captured_ns
        track = self.tracks.get(number)
        if track is None:
            track = self.tracks[number] = _Track(
                frame.index, label, score, 0, now_ns, now_ns, pts_s, pts_s, self.now_s, None, []
            )
        if score > track.score:
            track.label, track.score = label, score
        track.frames += 1
        track.ended_ns, track.ended_pts_s, track.seen_s = now_ns, pts_s, self.now_s
        return track

    def _due(self) -> Iterator[tuple[int, _Track, bool]]:
        for number, track in list(self.tracks.items()):
            if self.now_s - track.seen_s > LOST_S:
                del self.tracks[number]
                yield number, track, True
            elif track.told_s is None or self.now_s - track.told_s >= TELL_EVERY_S:
                yield number, track, False

    def _row(self, number: int, track: _Track, *, is_over: bool) -> TrackRow:
        track.told_s = self.now_s
        return TrackRow(
            id=id_of(self.run_id, self.source_id, "track", track.first_frame, number),
            began_at=rfc3339(track.began_ns),
            ended_at=rfc3339(track.ended_ns),
            is_over=is_over,
            source_id=self.source_id,
            run=self.run_id,
            label=track.label,
            track=number,
            frames=track.frames,
            confidence=round(track.score, CONFIDENCE_DECIMALS),
            zones=json.dumps(track.zones, ensure_ascii=False),
            began_pts_s=track.began_pts_s,
            ended_pts_s=track.ended_pts_s,
            attributes=json.dumps(track.attributes, ensure_ascii=False),
        )

    def end_all(self) -> None:
        """Have all tracks end with the next `rows`: the source has ended."""
        self.now_s += 2 * LOST_S
