"""Makes the outputs of one file of its segments' detections: tracker, analytics, sinks, in order.

Runs in a process of its own. The tracker sees what it would see in an uncut run, frame by frame, so
its boxes and ids are the same; the sinks are those of a run.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from streamdet.analytics import Analytics, AnalyticsContext
from streamdet.archive.between import seen, tracked
from streamdet.archive.file_summary import FileSummary
from streamdet.archive.folder import SUFFIXES, ArchiveFolder
from streamdet.archive.offline_tracks import OfflineTracks
from streamdet.archive.store_copy import keep_summary
from streamdet.errors import EngineError, StreamdetError
from streamdet.formats.segment_file import read_segment
from streamdet.graph import Node
from streamdet.graph.overrides import OUTPUT_KINDS
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.registry import load
from streamdet.sinks import Sink, SinkContext
from streamdet.sources import Position
from streamdet.sources.file import FileOptions, FileSource
from streamdet.sources.media_file import MediaPlace
from streamdet.stages import Job, Stage
from streamdet.stages.analytics import AnalyticsStage, EventStream
from streamdet.stages.track import TrackStage
from streamdet.system.atomic_file import sync_folder, write_whole
from streamdet.system.process import set_name
from streamdet.trackers.options import TrackerOptions

JOIN: Final = "streamdet.archive.join:join"
_BATCH: Final = 64


@dataclass(frozen=True, slots=True)
class JoinTask:
    """What it takes to make a file's outputs.

    Attributes:
        archive: the folder.
        source_id: the file's name in the outputs.
        path: the file.
        segments: the files of its detections, in order.
        nodes: tracker and analytics, in order.
        formats: of the outputs.
        run_id: names the archive.
        class_names: model name -> class names.
        options: of the source, to decode it again for a drawn video.
    """

    archive: ArchiveFolder
    source_id: str
    path: MediaPlace
    segments: tuple[Path, ...]
    nodes: tuple[Node, ...]
    formats: tuple[str, ...]
    run_id: str
    class_names: Mapping[str, tuple[str, ...]]
    options: FileOptions

    @property
    def answer(self) -> Path:
        """Where the result is written."""
        return self.archive.temporary / f"{self.source_id}.answer"


@dataclass(slots=True)
class FileResult:
    """What came of a file.

    Attributes:
        frames: its frames, dropped ones among them.
        dropped: those without a result.
        objects: objects that were published.
        tracks: how many tracks they belong to; None without a tracker.
    """

    frames: int = 0
    dropped: int = 0
    objects: int = 0
    tracks: int | None = None

    def add(self, message: FrameMessage) -> None:
        """Count a frame."""
        self.frames += 1
        if message.drop_reason is not None:
            self.dropped += 1
        elif message.detections is not None:
            self.objects += len(message.detections)
            ids = message.detections.track_ids
            if ids is not None:
                self.tracks = max(self.tracks or 0, int(ids.max(initial=0)))


def join(task: JoinTask) -> int:
    """Make the outputs of a file, and write what came of it; returns the exit code."""
    set_name("sd:join", f"streamdet archive: join {task.source_id}")
    try:
        answer: dict[str, Any] = {"result": asdict(joined(task))}
    except StreamdetError as exc:
        answer = {"error": str(exc)}
    except OSError as exc:
        answer = {"error": f"{exc.filename or task.archive.path}: {exc.strerror}"}
    write_whole(task.answer, json.dumps(answer).encode())
    return 0


def joined(task: JoinTask) -> FileResult:
    """Make the outputs of a file; they appear whole.

    Raises:
        EngineError: an output cannot be written, or a file of detections is missing.
        SourceError: the file cannot be decoded again for a drawn video.
    """
    outputs = (task.archive.output(task.source_id, form) for form in task.formats)
    parts = [task.archive.temporary / path.name for path in outputs]
    sinks = [_sink(task, form, part) for form, part in zip(task.formats, parts, strict=True)]
    try:
        result = _write(task, sinks)
    finally:
        for sink in sinks:
            sink.close()
    for part in parts:
        task.archive.place(part)
    if task.archive.store is not None:
        keep_summary(task.archive, task.source_id)
    sync_folder(task.archive.summaries)
    return result


def _sink(task: JoinTask, form: str, path: Path) -> Sink:
    kind = load("sink", OUTPUT_KINDS[SUFFIXES[form]][0])
    context = SinkContext(task.run_id, {task.source_id: str(task.path)}, task.class_names)
    sink: Sink = kind(kind.Options(path=path), context)
    sink.restore({})
    return sink


def _write(task: JoinTask, sinks: Sequence[Sink]) -> FileResult:
    result, summary = FileResult(), FileSummary()
    trackers, stages = _trackers(task), _analyses(task)
    images = _images(task) if any(sink.needs_image for sink in sinks) else None
    jobs_of_file = _jobs(task, with_images=_looks(task.nodes))
    messages = tracked(jobs_of_file, trackers) if trackers else _messages(task)
    size = 1 if images is not None else _BATCH  # an image is valid until the next is decoded
    while batch := list(itertools.islice(messages, size)):
        jobs = [Job(message) for message in batch]
        for stage in stages:
            jobs = stage.process(jobs)
        done = [job.message for job in jobs]
        for message in done:
            result.add(message)
            summary.add(message, task.class_names.get(message.model or "", ()))
        shown = [_image(images, message) for message in done]
        for sink in sinks:
            sink.write(done, shown)
            _commit(sink)
    for sink in sinks:
        sink.finish(task.source_id)
        _commit(sink)
    summary.write(task.archive.summary(task.source_id))
    return result


def _commit(sink: Sink) -> None:
    sink.states()
    sink.committed()


def _looks(nodes: Sequence[Node]) -> bool:
    """Whether a tracker looks at images."""
    return any(getattr(node.options, "needs_image", False) for node in nodes)


def _jobs(task: JoinTask, *, with_images: bool) -> Iterator[Job]:
    """Go through the frames of all segments; each image is valid until the next job."""
    images = _images(task) if with_images else None
    for message in _messages(task):
        yield Job(message, _image(images, message))


def _messages(task: JoinTask) -> Iterator[FrameMessage]:
    """Go through the frames of all segments, numbered through."""
    frames = itertools.chain.from_iterable(map(read_segment, task.segments))
    for index, message in enumerate(frames):
        yield replace(message, frame=replace(message.frame, source_id=task.source_id, index=index))


def _trackers(task: JoinTask) -> list[Stage]:
    stages: list[Stage] = []
    for node in task.nodes:
        if node.role == "tracker":
            kind, options = load(node.role, node.kind), node.options
            assert isinstance(options, TrackerOptions)
            stages.append(TrackStage(kind, options, node.tracking_by_hw))
            if options.finishing is not None:
                # The tracker runs twice, and gives the same twice: all frames at once are too many.
                first = TrackStage(kind, options, node.tracking_by_hw)
                again = seen(_jobs(task, with_images=_looks(task.nodes)))
                stages.append(OfflineTracks(again, first, options.finishing))
    return stages


def _analyses(task: JoinTask) -> list[Stage]:
    events = EventStream("", task.run_id, task.class_names)  # nothing of it is published
    stages: list[Stage] = []
    for node in task.nodes:
        if node.role == "analytics":
            context = AnalyticsContext(task.source_id, task.class_names, node=node.name)
            make = partial(_analytics, load(node.role, node.kind), node.options, context)
            stages.append(AnalyticsStage(node.name, make, events))
    return stages


def _analytics(kind: Any, options: Any, context: AnalyticsContext, source_id: str) -> Analytics:
    analytics: Analytics = kind(options, context)
    return analytics


def _images(task: JoinTask) -> Iterator[Image]:
    source = FileSource(str(task.path), task.options)
    return (frame.image for frame in source.frames(Position()))


def _image(images: Iterator[Image] | None, message: FrameMessage) -> Image | None:
    if images is None:
        return None
    image = next(images, None)
    if image is None:
        name = message.source_id
        raise EngineError(f"{name}: ended at frame {message.index} when it was decoded again")
    return image
