"""`streamdet eval published FRAMES.jsonl`: what a run wrote against the truth of its video."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from streamdet.commands.report_text import counted
from streamdet.errors import ConfigError
from streamdet.evaluation.box_metrics import BoxMetrics, box_metrics
from streamdet.evaluation.frames import Published, of_frames, read_published
from streamdet.evaluation.truths.video import check_video_truth, read_video_truth
from streamdet.sources.scene_uri import SCHEME, SceneSpec, parse_scene


def add_arguments(parser: ArgumentParser) -> None:
    """Add the file, and what the video's truth is."""
    parser.add_argument("published", type=Path, metavar="FRAMES.jsonl", help="what a run wrote")
    parser.add_argument(
        "--source",
        metavar="X",
        help="the rendered scene of the run, synthetic:street..., which knows its own truth; of any"
        " other video --truth says it",
    )
    parser.add_argument(
        "--classes", metavar="A,B", help="only these; by default all classes of the truth"
    )


def run(args: Namespace) -> None:
    """Score the boxes of all frames and print a line for each class.

    Raises:
        ConfigError: the file is not what a run wrote of one video, or the truth is wrong.
    """
    source: str = args.source or ""
    if not source and args.truth is None:
        raise ConfigError(
            f"{args.published}: does not say what is true: name the truth with --truth GT.txt or"
            " TRUTH.json, or the rendered scene of the run with --source synthetic:street"
        )
    check_video_truth(source, args.truth)
    frames = _frames(args.published)
    if source.startswith(SCHEME):
        _check_times(frames, parse_scene(source), args.published)
    truth = read_video_truth(source, args.truth, len(frames), frames[0].hw)
    if args.classes is not None:
        truth = truth.of_classes(args.classes.split(","))
    of = f" of {source}" if source else ""
    print(f"{args.published}: {counted(len(frames), 'frame')}{of}, boxes at IoU 0.5")
    for metrics in box_metrics(truth, of_frames(frames, truth)):
        print(f"  {metrics_line(metrics)}")
    for note in truth.notes:
        print(f"  note: {note}")


def metrics_line(metrics: BoxMetrics) -> str:
    """Say how good the boxes of one class are."""
    right = (
        "no box" if metrics.precision is None else f"{metrics.precision:.1%} of the boxes correct"
    )
    return (
        f"{metrics.name}: AP50 {metrics.ap50:.3f}, {metrics.recall:.1%} of {metrics.objects} found,"
        f" {right}"
    )


def _check_times(frames: Sequence[Published], scene: SceneSpec, path: Path) -> None:
    """Check that a scene's frames are all there: a graph may leave out every second one."""
    for frame in frames:
        due_ns = round((frame.number - 1) * 1_000_000_000 / scene.fps)
        if frame.pts_ns is None or abs(frame.pts_ns - due_ns) > 1:
            raise ConfigError(
                f"{path}: frame {frame.number} must stand at {due_ns} ns, got {frame.pts_ns}:"
                " the run was of another scene, or its graph leaves frames out"
            )


def _frames(path: Path) -> list[Published]:
    frames = read_published(path)
    numbers = [frame.number for frame in frames]
    if numbers != list(range(1, len(frames) + 1)) or not frames:
        raise ConfigError(
            f"{path}: wanted all frames of one video, each once, got {len(frames)} lines up to"
            f" frame {max(numbers, default=0)}"
        )
    return frames
