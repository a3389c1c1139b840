"""`streamdet models pack`: a trained model as it ships, checked against what it was made from."""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from streamdet.detectors.make import make_detector
from streamdet.errors import ConfigError
from streamdet.evaluation.agreement import SAME_IOU, SAME_SCORE, Agreement, agreement
from streamdet.evaluation.image_file import read_image
from streamdet.evaluation.images import ImageDetector
from streamdet.image import Pixels
from streamdet.models.built_network import find_network
from streamdet.models.model_config import ModelConfig, find_weights, load_model_config
from streamdet.registry import load
from streamdet.sources.resolve import list_images
from streamdet.sources.scene_uri import SceneSpec
from streamdet.sources.street import Street
from streamdet.system.atomic_file import write_whole

LEAST_SHARE: Final = 0.95
"""Of the detections that must be found again. Of two proposals with nearly the same score the other
one may remain, and with it another box: 0.97 of a Faster R-CNN's after one epoch of training. RoI
Pool gives all proposals of the same cells the same score: 0.88 of a Fast R-CNN's."""

_FRAMES: Final = range(0, 300, 25)


def add_arguments(parser: ArgumentParser) -> None:
    """Add what is packed and where it goes."""
    parser.add_argument(
        "trained", type=Path, metavar="TRAINED", help="what `train` left: its folder or the .yaml"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="gets NAME.onnx and NAME.yaml"
    )
    parser.add_argument("--name", metavar="NAME", help="its name (default: the trained model's)")
    parser.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="images that both forms must agree on (default: frames of synthetic:street)",
    )
    parser.add_argument(
        "--least",
        type=float,
        default=LEAST_SHARE,
        metavar="SHARE",
        help="share of the detections that both forms must agree on (default: %(default)s); less"
        " where RoI Pool gives many regions one score, and either may stay",
    )


def run(args: Namespace) -> None:
    """Build, pack, compare; only a network that agrees is put into the output folder.

    Raises:
        ConfigError: there is no trained model, its network is too large, --least is no share, or
            the two disagree.
        EngineError: torch is missing, or a file cannot be written.
    """
    from streamdet.building.build import build
    from streamdet.building.pack import pack, pack_fitted

    if args.images is not None and not args.images.is_dir():
        raise ConfigError(f"--images {args.images}: there is no such folder")
    if not 0 < args.least <= 1:
        raise ConfigError(f"--least {args.least:g}: must be above 0 and at most 1")
    model = load_model_config(str(_configuration(args.trained)))
    name = args.name or model.name
    if model.network is None:
        packed = pack_fitted(model, name, args.output)
        print(f"{find_weights(packed)}: {_megabytes(find_weights(packed))}, as it was fitted")
        _tell_of(packed, args.output)
        return
    with tempfile.TemporaryDirectory(prefix="streamdet-pack-") as folder:
        print(f"building the network of {model.name}", flush=True)
        built = build(model.argument, Path(folder) / "built").path
        packed = pack(built, model, name, Path(folder) / "packed")
        original = model.model_copy(update={"folder": built.parent})
        for runtime in model.runtimes:
            print(compared(original, packed, runtime, args.images, args.least), flush=True)
        before, after = (_megabytes(path) for path in (built, find_network(packed).path))
        for path in (Path(folder) / "packed").iterdir():
            write_whole(args.output / path.name, path.read_bytes())
    print(f"{args.output / name}.onnx: {after}, {before} as it was built")
    _tell_of(packed, args.output)


def _tell_of(packed: ModelConfig, folder: Path) -> None:
    name = packed.name
    print(f"{folder / name}.yaml: the model; what is known of it belongs into {name}.md")


def _configuration(trained: Path) -> Path:
    if not trained.is_dir():
        return trained
    found = sorted(trained.glob("*.yaml"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ConfigError(f"{trained}: wanted one .yaml in it, a trained model's, got {names}")
    return found[0]


def compared(
    original: ModelConfig,
    packed: ModelConfig,
    runtime: str,
    images: Path | None,
    least: float = LEAST_SHARE,
) -> str:
    """Run both forms over the images; returns how they compare, in a sentence.

    Args:
        original: the model as it was built.
        packed: the same, packed.
        runtime: kind of what runs both.
        images: folder of images; None: frames of a rendered street.
        least: share of the detections on which they must agree.

    Raises:
        ConfigError: they disagree, or find nothing to compare.
    """
    first, second = (_detector(model, runtime) for model in (original, packed))
    pairs = ((first(image), second(image)) for image in _images(images))
    return verdict(runtime, agreement(pairs, original.score_thresh), least)


def verdict(runtime: str, found: Agreement, least: float = LEAST_SHARE) -> str:
    """Say in a sentence how both forms compare.

    Raises:
        ConfigError: they disagree, or find nothing to compare.
    """
    text = (
        f"{runtime}: {found.found_again} of {found.detections} detections in {found.images}"
        f" images are the same before and after packing (IoU {SAME_IOU}, score within"
        f" {SAME_SCORE})"
    )
    if found.detections == 0:
        raise ConfigError(f"{text}: wanted images with something to find, by --images DIR")
    if found.share < least:
        raise ConfigError(f"{text}: wanted {least:.0%} of them")
    return f"{text}; scores differ by at most {found.score_difference:.4f}"


def _detector(model: ModelConfig, runtime: str) -> ImageDetector:
    values = {"model": model.name, "runtime": runtime, "precision": "fp32"}
    options = load("detector", model.detector).Options(**values)
    return ImageDetector(make_detector(options, model)[0], model)


def _images(folder: Path | None) -> Iterator[Pixels]:
    if folder is None:
        street = Street(SceneSpec())
        yield from map(street.render, _FRAMES)
        return
    yield from map(read_image, list_images(str(folder.absolute())))


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.2f} MB"
