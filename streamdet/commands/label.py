"""`streamdet label SOURCE...`: label footage with a detector, as pictures to train on."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from streamdet import __version__
from streamdet.assemble import make_detector
from streamdet.commands.label_arguments import (
    Footage,
    add_label_arguments,
    check_numbers,
    detector_options,
    find_footage,
)
from streamdet.commands.progress_through import progress_through
from streamdet.commands.report_text import counted
from streamdet.commands.stop_signals import INTERRUPTED, counted_stops
from streamdet.detectors.parts.options import DetectorOptions
from streamdet.errors import ConfigError, FrameError, SourceError
from streamdet.evaluation.pictures import Detect, PictureDetector
from streamdet.labelling.following import begun_earlier
from streamdet.labelling.footage import Pictures, SeenFrame, look_at
from streamdet.labelling.label_file import LabelFile
from streamdet.labelling.verdicts import judge
from streamdet.model_config import ModelConfig, load_model_config
from streamdet.sources import Position


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
    check_numbers(args)
    model = load_model_config(args.model)
    options = detector_options(args, model)
    footage = find_footage(args, options.score_thresh or 0.0)
    detector, runtime = make_detector(options, model)
    _make_folder(args.output)
    labels = _label_file(args, model, options, runtime)
    detect, failures = PictureDetector(detector, model), []
    with counted_stops("frame") as stops:
        for each in footage:
            try:
                _label(each, args, detect, labels, lambda: bool(stops))
            except (SourceError, FrameError) as exc:
                failures.append(f"{each.source_id}: {exc}")
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
    footage: Footage,
    args: Namespace,
    detect: Detect,
    labels: LabelFile,
    wants_stop: Callable[[], bool],
) -> None:
    """Label a source as far as it can be read, or until a stop.

    Raises:
        SourceError: it cannot be read (on).
        FrameError: a picture cannot be converted.
        EngineError: a picture cannot be written.
    """

    def look_up() -> None:
        if wants_stop():
            raise _Stopped

    total = footage.source.probe().frame_count
    if args.max_frames is not None:
        total = args.max_frames if total is None else min(total, args.max_frames)
    frames = islice(footage.source.frames(Position(), look_up), args.max_frames)
    pictures = Pictures(args.output / "images", footage.source_id, args.keep_every)
    looked = look_at(frames, detect, footage.follow, pictures)
    seen: list[SeenFrame] = []
    try:
        for frame in progress_through(looked, f"frames of {footage.source_id}", sys.stdout, total):
            seen.append(frame)
            look_up()
    except _Stopped:
        pass
    finally:
        found = begun_earlier([frame.found for frame in seen])
        labels.add(footage.source_id, seen, judge(found, args.score_thresh))
    for warning in footage.source.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as exc:
        raise ConfigError(f"--output {folder}: cannot be made: {exc.strerror}") from exc
    if not is_empty:
        raise ConfigError(f"--output {folder}: holds something already, wanted an empty folder")


def _label_file(
    args: Namespace, model: ModelConfig, options: DetectorOptions, runtime: str
) -> LabelFile:
    info = {
        "description": "labels by a detector: nobody has looked at them",
        "made_by": f"streamdet {__version__}",
        "model": model.name,
        "sha256": None if model.weights is None else model.weights.sha256,
        "runtime": runtime,
        "score_thresh": args.score_thresh,
        "ignore_thresh": options.score_thresh,
        "tracker": args.tracker or "byte_track, none for folders of pictures",
        "sources": args.sources,
    }
    return LabelFile(args.output / "labels.json", info, dict(_class_names(model, options)))


def _class_names(model: ModelConfig, options: DetectorOptions) -> Iterator[tuple[int, str]]:
    for class_id, name in enumerate(model.classes):
        if name != "N/A" and (options.classes is None or name in options.classes):
            yield class_id, name


def _told(labels: LabelFile) -> str:
    counts = labels.counts
    return (
        f"{counted(counts['pictures'], 'picture')}, {counted(counts['objects'], 'object')},"
        f" {counted(counts['ignored'], 'ignored region')}"
    )
