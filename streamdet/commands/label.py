"""`streamdet label SOURCE...`: label footage, as images to train on."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from streamdet.commands.counted_stops import counted_stops
from streamdet.commands.label_arguments import FoundSource, add_label_arguments, check_arguments
from streamdet.commands.label_ways import by_detector, by_scene
from streamdet.commands.progress_through import progress_through
from streamdet.commands.report_text import counted
from streamdet.errors import ConfigError, FrameError, SourceError
from streamdet.labelling.footage import Images, SeenFrame, look_at
from streamdet.labelling.label_file import LabelFile
from streamdet.labelling.labeller import Labeller
from streamdet.sources import Position
from streamdet.system.stop_signals import INTERRUPTED


class _Stopped(Exception):  # noqa: N818  not an error
    """The user has asked to stop."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `label`."""
    add_label_arguments(parser)


def run(args: Namespace) -> int:
    """Label all sources; a stop signal leaves the labels of what was seen so far.

    Raises:
        ConfigError: an argument is wrong.
        EngineError: the model cannot run here, or nothing can be written.
    """
    check_arguments(args)
    labelling = by_scene(args) if args.exact else by_detector(args)
    _make_folder(args.output)
    labels = LabelFile(args.output / "labels.json", labelling.info, labelling.class_names)
    failures = []
    with counted_stops("frame") as stops:
        for found, labeller in labelling.footage:
            try:
                _label(found, labeller, args, labels, lambda: bool(stops))
            except (SourceError, FrameError) as exc:
                failures.append(f"{found.source_id}: {exc}")
            labels.write(is_complete=False)
            if stops:
                break
    labels.write(is_complete=not stops and not failures)
    for sentence in failures:
        print(f"error: {sentence}", file=sys.stderr)
    print(f"{args.output}: {_told(labels)}")
    if stops:
        return INTERRUPTED
    return 1 if failures else 0


def _label(
    found: FoundSource,
    labeller: Labeller,
    args: Namespace,
    labels: LabelFile,
    wants_stop: Callable[[], bool],
) -> None:
    """Label a source as far as it can be read, or until a stop.

    Raises:
        SourceError: it cannot be read (on).
        FrameError: an image cannot be converted.
        EngineError: an image cannot be written.
    """

    def look_up() -> None:
        if wants_stop():
            raise _Stopped

    total = found.source.probe().frame_count
    if args.max_frames is not None:
        total = args.max_frames if total is None else min(total, args.max_frames)
    frames = islice(found.source.frames(Position(), look_up), args.max_frames)
    images = Images(args.output / "images", found.source_id, args.keep_every)
    looked = look_at(frames, labeller.see, images)
    seen: list[SeenFrame] = []
    try:
        for frame in progress_through(looked, f"frames of {found.source_id}", sys.stdout, total):
            seen.append(frame)
            look_up()
    except _Stopped:
        pass
    finally:
        labels.add(found.source_id, seen, labeller.judge([frame.found for frame in seen]))
    for warning in found.source.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as exc:
        raise ConfigError(f"--output {folder}: cannot be made: {exc.strerror}") from exc
    if not is_empty:
        raise ConfigError(f"--output {folder}: holds something already, wanted an empty folder")


def _told(labels: LabelFile) -> str:
    counts = labels.counts
    return (
        f"{counted(counts['images'], 'image')}, {counted(counts['objects'], 'object')},"
        f" {counted(counts['ignored'], 'ignored region')}"
    )
