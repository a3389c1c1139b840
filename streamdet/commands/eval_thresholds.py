"""`streamdet eval thresholds NAME`: a model's boxes and tracks at each threshold, to choose one."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from streamdet.commands.progress_through import progress_through
from streamdet.commands.set_options import add_set_argument, options_text
from streamdet.config.validation import checked
from streamdet.detections import Detections
from streamdet.detectors.make import make_detector
from streamdet.detectors.parts.options import DetectorOptions, sized_by
from streamdet.errors import ConfigError
from streamdet.evaluation.image_file import read_image
from streamdet.evaluation.images import ImageDetector, find_images
from streamdet.evaluation.thresholds import LOW, BoxPoint, TrackPoint, box_points, track_points
from streamdet.evaluation.truth import Truth
from streamdet.evaluation.truths.images import read_truth
from streamdet.evaluation.truths.video import check_video_truth, read_video_truth
from streamdet.models.input_size import choice_of, hw_text
from streamdet.models.model_config import Hw, ModelConfig, load_model_config
from streamdet.registry import load
from streamdet.sources import Position, Source
from streamdet.sources.resolve import resolve

_TRACKER: Final = "byte_track"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was found in a video, or in images.

    Attributes:
        title: what was looked at, and at which size of input.
        truth: what is there.
        found: image id -> objects from `LOW` on, in its pixels.
        is_video: whether these are the frames of one, in order.
    """

    title: str
    truth: Truth
    found: dict[int, Detections]
    is_video: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the model, what it looks at, and the truths."""
    parser.epilog = (
        "example: streamdet eval thresholds people --source street.mp4 --truth gt.txt"
        " --set input=544x960; the point that you choose goes into the model's file, as"
        " score_thresh and tracking, at `sizes` for that size"
    )
    parser.add_argument("model", metavar="NAME", help="a model's name, or the path of its .yaml")
    parser.add_argument(
        "--source",
        action="append",
        required=True,
        metavar="X",
        help="a video, or a folder of images; may be repeated",
    )
    parser.add_argument(
        "--truth",
        action="append",
        default=[],
        type=Path,
        metavar="TRUTH",
        help="of each --source in turn: COCO's .json, or MOTChallenge's .txt of a video",
    )
    add_set_argument(parser, "input=544x960")


def run(args: Namespace) -> None:
    """Look at each source once and print its boxes and tracks at each threshold.

    Raises:
        ConfigError: an argument, a video or a truth is wrong.
        EngineError: the model cannot run here.
    """
    if len(args.truth) != len(args.source):
        raise ConfigError(
            f"wanted a --truth for each --source, got {len(args.truth)} for {len(args.source)}"
        )
    pairs = list(zip(args.source, args.truth, strict=True))
    for source, path in pairs:
        if not Path(source).is_dir():
            check_video_truth(source, path)
    stated = load_model_config(args.model)
    options = _options(stated, args.set)
    model = sized_by(options, stated)
    detector, runtime = make_detector(options, model)
    detect = ImageDetector(detector, model)
    print(f"{model.name}, {runtime}, {_TRACKER} from {LOW:g} on")
    for source, path in pairs:
        look = _look_at_images if Path(source).is_dir() else _look_at_video
        seen = look(source, path, detect, model)
        print("\n".join(_lines(seen, options.classes or model.classes, model)))


def _options(model: ModelConfig, entries: list[str]) -> DetectorOptions:
    text = options_text(entries)
    values: dict[str, Any] = {"score_thresh": LOW, **text.values, "model": model.argument}
    options: DetectorOptions = checked(load("detector", model.detector).Options, text, (), values)
    return options


def _look_at_video(uri: str, path: Path, detect: ImageDetector, model: ModelConfig) -> _Seen:
    name, items = resolve(uri)
    if name != "file" or len(items) != 1:
        raise ConfigError(f"--source {uri}: wanted the file of one video, or a folder of images")
    kind: Any = load("source", name)
    source: Source = kind(items[0].uri, kind.Options())
    info = source.probe()
    frames = progress_through(source.frames(Position()), "frames", sys.stdout, info.frame_count)
    found = {number: detect(frame.image.bgr()) for number, frame in enumerate(frames, start=1)}
    truth = read_video_truth(uri, path, len(found), info.hw)
    return _Seen(f"{uri}, input {_input(model, info.hw)}", truth, found, is_video=True)


def _look_at_images(folder: str, path: Path, detect: ImageDetector, model: ModelConfig) -> _Seen:
    truth = read_truth(path, Path(folder))
    images = progress_through(find_images(truth, Path(folder)), "images", sys.stdout)
    found = {image.image_id: detect(read_image(file, image.stated_hw)) for image, file in images}
    hws = dict.fromkeys(_input(model, image.hw) for image in truth.images.values())
    return _Seen(f"{path}, input {', '.join(hws)}", truth, found, is_video=False)


def _input(model: ModelConfig, hw: Hw) -> str:
    assert model.input is not None
    choice = choice_of(model)
    return hw_text(model.input.hw if choice is None else choice.hw_for(hw))


def _lines(seen: _Seen, classes: Sequence[str], model: ModelConfig) -> Iterator[str]:
    shared = [name for name in classes if name in seen.truth.category_ids]
    if not shared:
        raise ConfigError(f"{seen.truth.name}: has no class of model {model.name!r}")
    truth = seen.truth.of_classes(shared)
    ids = {model.classes.index(name): truth.category_ids[name] for name in shared}
    yield seen.title
    yield from map(_box_line, box_points(truth, seen.found, ids))
    if seen.is_video and any(each.track_id is not None for each in truth.objects):
        frames = [found for _, found in sorted(seen.found.items())]
        yield from map(_track_line, track_points(truth, frames, ids, load("tracker", _TRACKER)))


def _box_line(point: BoxPoint) -> str:
    return (
        f"  boxes   score_thresh {point.score_thresh:.2f}  recall {point.recall:.3f}"
        f"  precision {point.precision:.3f}  F1 {point.f1:.3f}"
    )


def _track_line(point: TrackPoint) -> str:
    scores = point.scores
    recall, precision = scores.recall or 0.0, scores.precision or 0.0
    return (
        f"  tracks  high_thresh {point.high_thresh:.2f}  new_thresh {point.new_thresh:.2f}"
        f"  MOTA {scores.mota:.3f}  IDF1 {scores.idf1:.3f}  recall {recall:.3f}"
        f"  precision {precision:.3f}  switches {scores.switches}"
    )
