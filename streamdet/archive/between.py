"""Tracks the frames that were looked at, and puts boxes into those between (`--detect-every`).

The tracker sees the frames that were looked at as if there were no others: what `every: n` of the
source gives. A track that is in two of them in a row is put into the frames between, on the
straight line from one box of the tracker's filter to the other, by the frames' times, marked
`interpolated`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from streamdet.detections import UNTRACKED, Detections
from streamdet.messages import FrameMessage
from streamdet.sources import UNSEEN
from streamdet.stages import Job, Stage


def seen(jobs: Iterator[Job]) -> Iterator[Job]:
    """Leave out the frames that were not looked at; the others are numbered from 0."""
    looked_at = (job for job in jobs if job.message.drop_reason != UNSEEN)
    for index, job in enumerate(looked_at):
        yield replace(job, message=_numbered(job.message, index))


def tracked(frames: Iterator[Job], trackers: Sequence[Stage]) -> Iterator[FrameMessage]:
    """Track frames, all of one file.

    Args:
        frames: in order, numbered through, with detections where they were looked at, and with
            images if a tracker looks at them.
        trackers: see only those, numbered as `seen` does.

    Yields:
        The same frames, none of them `UNSEEN` any more.
    """
    before: FrameMessage | None = None
    between: list[FrameMessage] = []
    index = 0
    for frame in frames:
        message = frame.message
        if message.drop_reason == UNSEEN:
            between.append(message)
            continue
        jobs = [replace(frame, message=_numbered(message, index))]
        index += 1
        for stage in trackers:
            jobs = stage.process(jobs)
        after = _numbered(jobs[0].message, message.index)
        yield from _filled(before, between, after)
        yield after
        before, between = after, []
    yield from _filled(before, between, None)


def _filled(
    before: FrameMessage | None, between: Sequence[FrameMessage], after: FrameMessage | None
) -> Iterator[FrameMessage]:
    """Give frames the tracks that are on both sides of them."""
    first, last = _objects(before), _objects(after)
    _, of_first, of_last = np.intersect1d(_ids(first), _ids(last), return_indices=True)
    first, last = first[of_first], last[of_last]
    tracks = (_ids(first) != UNTRACKED).nonzero()[0]
    model = next((each.model for each in (after, before) if each is not None), None)
    for number, message in enumerate(between, 1):
        share = _share(before, message, after, number / (len(between) + 1))
        yield replace(
            message,
            drop_reason=None,
            model=model,
            detections=_put(first[tracks], last[tracks], share),
        )


def _put(first: Detections, last: Detections, share: float) -> Detections:
    return Detections(
        first.xyxy + (last.xyxy - first.xyxy) * np.float32(share),
        first.scores + (last.scores - first.scores) * np.float32(share),
        first.class_ids,
        _ids(first),
        interpolated=np.ones(len(first), np.bool_),
    )


def _share(
    before: FrameMessage | None, message: FrameMessage, after: FrameMessage | None, counted: float
) -> float:
    """How far a frame lies from the one before to the one after: by time, else as counted."""
    if before is None or after is None:
        return counted
    begin, now, end = before.frame.pts, message.frame.pts, after.frame.pts
    if begin is None or now is None or end is None or not begin < now < end:
        return counted
    return (now - begin) / (end - begin)


def _objects(message: FrameMessage | None) -> Detections:
    if message is None or message.detections is None or message.drop_reason is not None:
        return Detections.empty()
    return message.detections


def _ids(found: Detections) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    ids = found.track_ids
    return np.full(len(found), UNTRACKED, np.int64) if ids is None else ids


def _numbered(message: FrameMessage, index: int) -> FrameMessage:
    return replace(message, frame=replace(message.frame, index=index))
