"""`streamdet label SOURCE...`: label footage with a detector, as pictures to train on."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from streamdet import __version__
from streamdet.assemble import make_detector
from streamdet.commands.progress_through import progress_through
from streamdet.commands.report_text import counted
from streamdet.commands.set_options import add_set_argument, options_text
from streamdet.commands.stop_signals import INTERRUPTED, counted_stops
from streamdet.detectors.parts.built_in import built_in
from streamdet.detectors.parts.options import DetectorOptions
from streamdet.errors import ConfigError, SourceError
from streamdet.evaluation.pictures import Detect, PictureDetector
from streamdet.field_errors import checked
from streamdet.labelling.following import (
    Follow,
    begun_earlier,
    followed_by,
    make_tracker,
    untracked,
)
from streamdet.labelling.footage import Pictures, SeenFrame, look_at
from streamdet.labelling.label_file import LabelFile
from streamdet.labelling.verdicts import Rule, judge
from streamdet.model_config import ModelConfig, load_model_config
from streamdet.registry import KINDS, load
from streamdet.sources import Position, Source
from streamdet.sources.resolve import resolve
from streamdet.yaml_text import YamlText

_NO_TRACKER: Final = "none"
_OWN: Final = {"score_thresh": "--ignore-thresh", "classes": "--classes", "model": "--model"}


class _Stopped(Exception):  # noqa: N818  not an error
    """The user has asked to stop."""


@dataclass(frozen=True, slots=True)
class _Footage:
    """One stream of frames: its name, the source itself, who follows objects, what they must be."""

    source_id: str
    source: Source
    follow: Follow
    rule: Rule


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `label`."""
    add = parser.add_argument
    add("sources", nargs="+", metavar="SOURCE", help="video, folder of pictures, glob, scene")
    add("--output", type=Path, required=True, metavar="DIR",
        help="empty or new: gets images/ and labels.json (COCO)")  # fmt: skip
    add("--model", default="yolox_nano", help="what detects (default: %(default)s)")
    add("--classes", metavar="NAME,NAME", help="look for these only (default: all of the model)")
    add("--score-thresh", type=float, default=0.5, metavar="S",
        help="detections from this score on are objects (default: %(default)s)")  # fmt: skip
    add("--ignore-thresh", type=float, metavar="S",
        help="weaker ones from this score on are neither object nor background, unless a sure track"
        " has them (default: half of --score-thresh)")  # fmt: skip
    add("--tracker", choices=[*sorted(KINDS["tracker"]), _NO_TRACKER],
        help=f"(default: byte_track; {_NO_TRACKER} for folders of pictures)")  # fmt: skip
    sampling = parser.add_mutually_exclusive_group().add_argument
    sampling("--every", type=int, metavar="N", help="look at each N-th frame only")
    sampling("--fps", type=float, metavar="F", help="look at this many frames a second at most")
    add("--max-frames", type=int, metavar="K", help="look at this many frames of a source at most")
    add("--keep-every", type=int, default=1, metavar="N",
        help="write each N-th of the frames that are looked at (default: %(default)s)")  # fmt: skip
    add_set_argument(parser, "iou_thresh=0.6, of the detector")


def run(args: Namespace) -> int:
    """Label all sources; a stop signal leaves the labels of what was seen so far.

    Raises:
        ConfigError: an argument is wrong.
        EngineError: the model cannot run here, or nothing can be written.
    """
    _check_numbers(args)
    model = load_model_config(args.model)
    options = _detector_options(args, model)
    footage = _footage(args, options.score_thresh or 0.0)
    detector, runtime = make_detector(options, model)
    _make_folder(args.output)
    labels = _label_file(args, model, options, runtime)
    detect = PictureDetector(detector, model)
    failures = []
    with counted_stops("frame") as stops:
        for each in footage:
            try:
                _label(each, args, detect, labels, lambda: bool(stops))
            except SourceError as exc:
                failures.append(str(exc))
            labels.write(is_complete=False)
            if stops:
                break
    labels.write(is_complete=not stops and not failures)
    for sentence in failures:
        print(f"error: {sentence}", file=sys.stderr)
    print(f"{args.output}: {_told(labels)}; {args.output / 'labels.json'}")
    if stops:
        return INTERRUPTED
    return 1 if failures else 0


def _label(
    footage: _Footage,
    args: Namespace,
    detect: Detect,
    labels: LabelFile,
    wants_stop: Callable[[], bool],
) -> None:
    """Label a source as far as it can be read, or until a stop.

    Raises:
        SourceError: it cannot be read (on).
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
        labels.add(footage.source_id, seen, judge(found, footage.rule))
    for warning in footage.source.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _check_numbers(args: Namespace) -> None:
    """Check what no options model knows.

    Raises:
        ConfigError: a number is out of its bounds.
    """
    for name in ("keep_every", "max_frames"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise ConfigError(f"--{name.replace('_', '-')} must be 1 or more, got {value}")
    if not 0 < args.score_thresh <= 1:
        raise ConfigError(f"--score-thresh must be above 0 and at most 1, got {args.score_thresh}")
    lowest = args.ignore_thresh
    if lowest is not None and not 0 < lowest <= args.score_thresh:
        raise ConfigError(
            f"--ignore-thresh must be above 0 and at most --score-thresh {args.score_thresh},"
            f" got {lowest}"
        )


def _detector_options(args: Namespace, model: ModelConfig) -> DetectorOptions:
    text = options_text(args.set)
    for name, argument in _OWN.items():
        if name in text.values:
            raise ConfigError(f"--set {name}: say it with {argument}")
    lowest = args.score_thresh / 2 if args.ignore_thresh is None else args.ignore_thresh
    known = built_in(model)
    if args.ignore_thresh is None and known is not None:
        lowest = min(max(lowest, known.score_thresh), args.score_thresh)
    values: dict[str, Any] = {**text.values, "score_thresh": lowest, "model": model.argument}
    if args.classes is not None:
        values["classes"] = args.classes.split(",")
    options: DetectorOptions = checked(load("detector", model.detector).Options, text, (), values)
    return options


def _footage(args: Namespace, ignore_thresh: float) -> list[_Footage]:
    """Find all sources, each with a name of its own."""
    text = YamlText("the command line", places={("every",): "--every", ("fps",): "--fps"})
    sampling = {name: getattr(args, name) for name in ("every", "fps")}
    values = {name: value for name, value in sampling.items() if value is not None}
    found: list[_Footage] = []
    for uri in args.sources:
        kind, items = resolve(uri, taken=[each.source_id for each in found])
        source_class = load("source", kind)
        options = checked(source_class.Options, text, (), values)
        for item in items:
            follow, rule = _follow(args, kind, ignore_thresh)
            source = source_class(item.uri, options)
            found.append(_Footage(item.source_id, source, follow, rule))
    return found


def _follow(args: Namespace, kind: str, ignore_thresh: float) -> tuple[Follow, Rule]:
    tracker = args.tracker or (_NO_TRACKER if kind == "images" else "byte_track")
    least = args.score_thresh
    if tracker == _NO_TRACKER:
        return untracked, Rule(least, alone_thresh=least)
    follow = followed_by(make_tracker(tracker, least, ignore_thresh))
    return follow, Rule(least, alone_thresh=(least + 1) / 2)


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
        "tracker": args.tracker or f"byte_track, {_NO_TRACKER} for pictures",
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
