"""The arguments of `streamdet label`, checked."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from streamdet.commands.set_options import add_set_argument, options_text
from streamdet.config.validation import checked
from streamdet.config.yaml_loader import YamlText
from streamdet.detectors.parts.built_in import built_in
from streamdet.detectors.parts.options import DetectorOptions
from streamdet.errors import ConfigError
from streamdet.models.model_config import ModelConfig
from streamdet.registry import load, names
from streamdet.sources import Source
from streamdet.sources.resolve import resolve
from streamdet.system.redaction import short

NO_TRACKER: Final = "none"
_OF_A_DETECTOR: Final = {
    "model": "street",
    "score_thresh": 0.6,
    "ignore_thresh": None,
    "tracker": None,
    "set": [],
}
_OWN: Final = {"score_thresh": "--ignore-thresh", "classes": "--classes", "model": "--model"}


@dataclass(frozen=True, slots=True)
class FoundSource:
    """One stream of frames.

    Attributes:
        uri: as the user said it.
        kind: see registry.py.
        source_id: its name; no other of the run has it.
        source: the frames.
    """

    uri: str
    kind: str
    source_id: str
    source: Source


def add_label_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `label`."""
    add = parser.add_argument
    add("sources", nargs="+", metavar="SOURCE", help="video, folder of images, glob, scene")
    add("--output", type=Path, required=True, metavar="DIR",
        help="empty or new: gets images/ and labels.json (COCO)")  # fmt: skip
    add("--model", help="what detects (default: %(default)s)")
    add("--exact", action="store_true",
        help="of rendered scenes, write what is true; nothing is detected")  # fmt: skip
    add("--classes", metavar="NAME,NAME",
        help="look for these only (default: all of the model or scene); with --exact also those"
        " that are not there")  # fmt: skip
    add("--score-thresh", type=float, metavar="S",
        help="objects are detections from this score on, and all of a track whose median reaches"
        " it (default: %(default)s)")  # fmt: skip
    add("--ignore-thresh", type=float, metavar="S",
        help="others from this score on are neither object nor background (default: half of"
        " --score-thresh)")  # fmt: skip
    add("--tracker", choices=[*sorted(names("tracker")), NO_TRACKER],
        help=f"(default: byte_track; {NO_TRACKER} for folders of images)")  # fmt: skip
    sampling = parser.add_mutually_exclusive_group().add_argument
    sampling("--every", type=int, metavar="N", help="look at each N-th frame only")
    sampling("--fps", type=float, metavar="F", help="look at this many frames a second at most")
    add("--max-frames", type=int, metavar="K", help="look at this many frames of a source at most")
    add("--keep-every", type=int, default=1, metavar="N",
        help="write each N-th of the frames that are looked at (default: %(default)s)")  # fmt: skip
    add_set_argument(parser, "iou_thresh=0.6, of the detector")
    parser.set_defaults(**_OF_A_DETECTOR)
    parser.epilog = (
        "What is seen of a source is kept in memory and its labels are written when it ends or at"
        " a Ctrl-C: a SIGKILL leaves its images without labels."
    )


def check_arguments(args: Namespace) -> None:
    """Check what no options model knows.

    Raises:
        ConfigError: a number is out of its bounds, or --exact stands beside a detector's argument.
    """
    for name, default in _OF_A_DETECTOR.items():
        if args.exact and getattr(args, name) != default:
            raise ConfigError(
                f"--{name.replace('_', '-')}: is of a detector, and --exact asks none"
            )
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


def detector_options(args: Namespace, model: ModelConfig) -> DetectorOptions:
    """Make the detector's options; their `score_thresh` is what makes an ignored region.

    By default that is not below what is built into a network.

    Raises:
        ConfigError: an option is wrong.
    """
    text = options_text(args.set)
    for name, argument in _OWN.items():
        if name in text.values:
            raise ConfigError(f"--set {name}: say it with {argument}")
    lowest, known = args.ignore_thresh, built_in(model)
    if lowest is None:
        floor = 0.0 if known is None else known.score_thresh
        lowest = max(args.score_thresh / 2, floor)
    values: dict[str, Any] = {**text.values, "score_thresh": lowest, "model": model.argument}
    if args.classes is not None:
        values["classes"] = args.classes.split(",")
    options: DetectorOptions = checked(load("detector", model.detector).Options, text, (), values)
    return options


def find_sources(args: Namespace) -> list[FoundSource]:
    """Find all sources, each with a name of its own.

    Raises:
        ConfigError: there is no such source, or the sampling is wrong.
    """
    text = YamlText("the command line", places={("every",): "--every", ("fps",): "--fps"})
    sampling = {name: getattr(args, name) for name in ("every", "fps")}
    values = {name: value for name, value in sampling.items() if value is not None}
    found: list[FoundSource] = []
    for uri in args.sources:
        kind, items = resolve(uri, taken=[each.source_id for each in found])
        if kind == "live":
            raise ConfigError(f"{short(uri)}: label reads what ends, not a live source; record it")
        source_class = load("source", kind)
        options = checked(source_class.Options, text, (), values)
        for item in items:
            source = source_class(item.uri, options)
            found.append(FoundSource(uri, kind, item.source_id, source))
    return found
