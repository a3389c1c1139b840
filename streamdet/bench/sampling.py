"""What looking at fewer frames costs an archive, against looking at every one.

A clip is detected once, in every frame. What an archive would have found with fewer of them is made
from these detections by the archive's own code: a detector looks at each frame by itself.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from streamdet.archive.between import tracked
from streamdet.archive.detection_graph import SplitGraph, split
from streamdet.archive.folder import ArchiveFolder
from streamdet.archive.manifest import Manifest
from streamdet.bench.material import Material
from streamdet.bench.measured import CLI
from streamdet.bench.metrics import Metric, Outcome
from streamdet.detections import UNTRACKED, Detections
from streamdet.evaluation.mot import results_of, score
from streamdet.formats.segment_file import read_segment
from streamdet.graph import load_graph
from streamdet.messages import FrameMessage
from streamdet.registry import load
from streamdet.sinks.segments import SUFFIX
from streamdet.sources import UNSEEN, Position
from streamdet.sources.file import FileOptions, FileSource
from streamdet.stages import Job
from streamdet.stages.track import TrackStage

_NOTHING: Final = replace(Detections.empty(), track_ids=np.zeros(0, np.int64))
_STEPS: Final = (2, 3, 5, 10)
_SAMPLED: Final = {
    "source.fps=5": FileOptions(fps=5),
    "source.keyframes_only=true": FileOptions(keyframes_only=True),
}

Frames = dict[int, Detections]
"""Number of a frame -> its tracks."""


def run(material: Material) -> Outcome:
    """Measure on three clips: people on a lawn at 10 fps, a crowd, a crossing at 1080p."""
    names = ("pets09-s2l1.avi", "people-crowd.mp4", "crossing-1080p-long.mp4")
    metrics: list[Metric] = []
    for name in names:
        clip = material.folder / "videos" / name
        parts = split(load_graph("people", sources=[str(clip)]))
        metrics += measure(clip, parts, detected(clip, material))
    notes = (
        "against the tracks of every frame; of frames that are left out nothing is asked",
        "tracks: how many there are, against how many in every frame",
    )
    return Outcome(metrics, {}, notes)


def detected(clip: Path, material: Material) -> list[FrameMessage]:
    """Detect in every frame, by an archive of one file."""
    with tempfile.TemporaryDirectory(prefix="sd-bench-") as folder:
        archive = ArchiveFolder(Path(folder) / "out")
        command = [*CLI, "archive", "people", "--source", str(clip), "--output", str(archive.path)]
        subprocess.run(command, env=material.environ, stdout=subprocess.DEVNULL, check=True)
        with Manifest(archive.manifest, is_read_only=True) as manifest:
            paths = [archive.segments / f"{s.name}{SUFFIX}" for s in manifest.segments(1)]
        return list(_numbered(message for path in paths for message in read_segment(path)))


def measure(clip: Path, parts: SplitGraph, messages: Sequence[FrameMessage]) -> Iterator[Metric]:
    """Compare each way of looking at fewer frames.

    Args:
        clip: the video.
        parts: the graph whose tracker is used.
        messages: its frames, as they were detected.
    """
    everything = tracks(parts, messages)
    for step in _STEPS:
        some = (_seen(message, step) for message in messages)
        yield from _compared(f"{clip.stem} --detect-every {step}", everything, tracks(parts, some))
    for name, options in _SAMPLED.items():
        times = {frame.pts for frame in FileSource(str(clip), options).frames(Position())}
        found = tracks(parts, [each for each in messages if each.frame.pts in times])
        wanted = {number: everything[number] for number in found}
        share = len(found) / len(messages)
        yield Metric(f"{clip.stem} {name}: frames", share)
        yield from _compared(f"{clip.stem} {name}", wanted, found, _count(everything))


def tracks(parts: SplitGraph, messages: Iterable[FrameMessage]) -> Frames:
    """Track frames as an archive does."""
    node = next(node for node in parts.join if node.role == "tracker")
    kind: Callable[..., object] = load(node.role, node.kind)
    stage = TrackStage(kind, node.options, node.tracking_by_hw)  # type: ignore[arg-type]
    found: Frames = {}
    for message in tracked(map(Job, messages), [stage]):
        objects = message.detections or _NOTHING
        ids = objects.track_ids
        found[message.index] = _NOTHING if ids is None else objects[ids != UNTRACKED]
    return found


def _compared(
    name: str, wanted: Frames, found: Frames, all_tracks: int | None = None
) -> Iterator[Metric]:
    numbers = sorted(wanted)
    rows = [results_of(of[number] for number in numbers) for of in (wanted, found)]
    _, scores = score([(rows[0], rows[1])])
    yield Metric(f"{name}: recall", scores.recall or 0.0)
    yield Metric(f"{name}: precision", scores.precision or 0.0)
    yield Metric(f"{name}: IDF1", scores.idf1)
    yield Metric(f"{name}: tracks", _count(found) / max(1, all_tracks or _count(wanted)))


def _count(frames: Frames) -> int:
    ids = [each.track_ids for each in frames.values()]
    return len({one for some in ids if some is not None for one in some.tolist()})


def _seen(message: FrameMessage, step: int) -> FrameMessage:
    """Leave a frame as it is if it is looked at; else take away what was found in it."""
    if message.index % step == 0:
        return message
    return replace(message, detections=None, drop_reason=UNSEEN)


def _numbered(messages: Iterable[FrameMessage]) -> Iterator[FrameMessage]:
    for index, message in enumerate(messages):
        yield replace(message, frame=replace(message.frame, index=index))
