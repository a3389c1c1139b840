"""The ways in which `streamdet label` gets its labels: from a detector, or from rendered scenes."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streamdet import __version__
from streamdet.commands.label_arguments import (
    NO_TRACKER,
    FoundSource,
    detector_options,
    find_sources,
)
from streamdet.detectors.make import make_detector
from streamdet.detectors.parts.options import DetectorOptions, sized_by
from streamdet.errors import ConfigError
from streamdet.evaluation.images import ImageDetector
from streamdet.evaluation.truths.street import LEAST_SEEN
from streamdet.labelling.following import Follow, followed_by, make_tracker, untracked
from streamdet.labelling.labeller import ByDetector, ByScene, Labeller
from streamdet.models.model_config import ModelConfig, load_model_config
from streamdet.sources.street import CLASS_NAMES
from streamdet.sources.synthetic import SyntheticSource


@dataclass(frozen=True, slots=True)
class Labelling:
    """What is to be done.

    Attributes:
        footage: the sources, each with who labels it.
        info: what the file says of all labels.
        class_names: class id -> name, of all classes that are looked for.
    """

    footage: Sequence[tuple[FoundSource, Labeller]]
    info: Mapping[str, Any]
    class_names: Mapping[int, str]


def by_detector(args: Namespace) -> Labelling:
    """Label with a detector.

    Raises:
        ConfigError: an argument is wrong.
        EngineError: the model cannot run here.
    """
    model = load_model_config(args.model)
    options = detector_options(args, model)
    found = find_sources(args)
    model = sized_by(options, model)
    detector, runtime = make_detector(options, model)
    detect, lowest = ImageDetector(detector, model), options.score_thresh or 0.0
    labellers = [
        ByDetector(detect, _follow(args, each.kind, lowest), args.score_thresh) for each in found
    ]
    info = {
        "description": "labels by a detector: nobody has looked at them",
        "made_by": f"streamdet {__version__}",
        "model": model.name,
        "sha256": None if model.weights is None else model.weights.sha256,
        "runtime": runtime,
        "score_thresh": args.score_thresh,
        "ignore_thresh": options.score_thresh,
        "tracker": args.tracker or "byte_track, none for folders of images",
        "sources": args.sources,
    }
    return Labelling(
        list(zip(found, labellers, strict=True)), info, dict(_class_names(model, options))
    )


def by_scene(args: Namespace) -> Labelling:
    """Label rendered scenes with what is true.

    `--classes` may name some that no scene has: a training then learns that they are not there.

    Raises:
        ConfigError: a source is no scene, or another argument is wrong.
    """
    names = CLASS_NAMES if args.classes is None else tuple(args.classes.split(","))
    if not all(names):
        raise ConfigError(f"--classes must be names with commas between, got {args.classes!r}")
    known = dict(zip(CLASS_NAMES, range(len(CLASS_NAMES)), strict=True))
    footage: list[tuple[FoundSource, Labeller]] = []
    for each in find_sources(args):
        if not isinstance(each.source, SyntheticSource):
            raise ConfigError(f"{each.uri}: --exact wants a rendered scene, synthetic:street?...")
        class_ids = [known[name] for name in names if name in known]
        footage.append((each, ByScene(each.source, class_ids)))
    info = {
        "description": "labels of rendered scenes: exact",
        "made_by": f"streamdet {__version__}",
        "least_seen": LEAST_SEEN,
        "sources": args.sources,
    }
    others = enumerate((name for name in names if name not in known), start=len(known))
    class_names = {known[name]: name for name in names if name in known} | dict(others)
    return Labelling(footage, info, class_names)


def _follow(args: Namespace, kind: str, ignore_thresh: float) -> Follow:
    # Images of a folder need not follow each other.
    tracker = args.tracker or (NO_TRACKER if kind == "images" else "byte_track")
    if tracker == NO_TRACKER:
        return untracked
    return followed_by(make_tracker(tracker, args.score_thresh, ignore_thresh))


def _class_names(model: ModelConfig, options: DetectorOptions) -> Iterator[tuple[int, str]]:
    for class_id, name in enumerate(model.classes):
        if name != "N/A" and (options.classes is None or name in options.classes):
            yield class_id, name
