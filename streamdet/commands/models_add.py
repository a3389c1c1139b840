"""`streamdet models add`: write the model file of an ONNX network of one's own, after a trial."""

from __future__ import annotations

import shlex
import tempfile
from argparse import ArgumentParser, Namespace
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from streamdet.building.own_network import KINDS, OwnNetwork, model_values, read_network
from streamdet.building.recognition import (
    Findings,
    class_counts,
    recognised,
    shapes_in_use,
)
from streamdet.commands.class_names import check_single_name, class_names
from streamdet.config.suggestions import listed
from streamdet.detections import Detections
from streamdet.detectors.make import make_detector
from streamdet.errors import ConfigError, EngineError, to_install
from streamdet.evaluation.image_file import read_image
from streamdet.evaluation.images import ImageDetector
from streamdet.image import Pixels
from streamdet.models.model_config import ImageInput, ModelConfig, load_model_config
from streamdet.registry import load
from streamdet.runtimes import Runtime, RuntimeOptions
from streamdet.sinks.drawing import Trails, draw_detections
from streamdet.sinks.yuv_image import YuvImage
from streamdet.sources.scene_uri import SceneSpec
from streamdet.sources.street import Street
from streamdet.system.atomic_file import write_whole

_RUNTIMES: Final = ("onnxruntime", "openvino")
_TRIAL_FRAME: Final = 100
"""Of the rendered street, for a trial without an image: people and cars are in view."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the form's arguments."""
    parser.epilog = "example: streamdet models add gates.onnx --classes gate,fence --image yard.jpg"
    parser.add_argument("network", type=Path, metavar="FILE.onnx", help="the network")
    parser.add_argument(
        "--classes",
        metavar="NAMES",
        help="what class ids mean: a,b,c, a text file with a name a line, or coco80 (default: what"
        " the file itself says)",
    )
    parser.add_argument("--kind", choices=KINDS, help="kind of detector (default: found out)")
    parser.add_argument(
        "--hw",
        nargs=2,
        type=int,
        metavar=("H", "W"),
        help="size of its image, if the file has none",
    )
    parser.add_argument(
        "--force", action="store_true", help="write the model file anew where it exists"
    )
    parser.add_argument(
        "--image", type=Path, metavar="FILE", help="trial image (default: a rendered street)"
    )


def run(args: Namespace) -> None:
    """Recognise the network, detect in the trial image, write the model file and the drawn image.

    Raises:
        ConfigError: the file, an argument or the image cannot be used; nothing is written.
        EngineError: no runtime can run the network.
    """
    model_file = args.network.with_suffix(".yaml")
    values = _values(args)
    image = _street() if args.image is None else read_image(args.image)
    if model_file.exists() and not args.force:
        raise ConfigError(
            f"{model_file} exists: use it as the model, or say --force to write it anew"
        )
    model, found, runtime = _trial(values, args.network, image)
    drawn = args.network.with_name(f"{args.network.stem}-trial.jpg")
    write_whole(drawn, _drawn(image, found, model.classes))
    write_whole(model_file, _text(values, args.network).encode())
    height, width = values["input"]["hw"]
    print(f"{args.network}: {model.detector}, images of {width} x {height}, {_counted(model)}")
    print(f"trial by {runtime} on {args.image or 'a rendered street'}: {_seen(found, model)}")
    print(f"{drawn}: look whether the boxes are where they belong; if not, see docs/own-model.md")
    print(f"{model_file}: the model; to use it:")
    print(f"  streamdet run people --source my.mp4 {_sets(model_file, model)} --output boxes.mp4")


def _values(args: Namespace) -> dict[str, Any]:
    """Find the values of the model file."""
    network = read_network(args.network)
    hw = _hw(network, args.hw)
    classes = class_names(args.classes) if args.classes else network.classes
    source = "--classes" if args.classes else "the file itself"
    shapes = shapes_in_use(runtime := _runtime(network, hw), hw)
    counts = class_counts(shapes, hw)
    if args.classes:
        check_single_name(args.classes, network.path, counts)
    found = Findings(shapes, counts, classes, source, args.kind)
    return model_values(network, recognised(network, hw, found, runtime), hw, classes)


def _hw(network: OwnNetwork, stated: list[int] | None) -> tuple[int, int]:
    if stated is None and network.hw is None:
        raise ConfigError(
            f"{network.path}: takes images of any size; choose one, such as --hw 640 640"
        )
    hw = network.hw if stated is None else (stated[0], stated[1])
    assert hw is not None
    if network.hw not in (None, hw):
        raise ConfigError(f"{network.path}: takes images of (H, W) {network.hw}, not {hw}")
    return hw


def _runtime(network: OwnNetwork, hw: tuple[int, int]) -> Runtime:
    kind = next((name for name in _RUNTIMES if find_spec(name)), None)
    if kind is None:
        raise EngineError(f"no runtime is installed: {to_install(*_RUNTIMES)}")
    image_input = ImageInput(name=network.input_name, hw=hw)
    runtime: Runtime = load("runtime", kind)(network.path, image_input, RuntimeOptions())
    return runtime


def _trial(
    values: dict[str, Any], network: Path, image: Pixels
) -> tuple[ModelConfig, Detections, str]:
    """Detect by the model file as it will be; returns the model, what it finds, what runs it."""
    with tempfile.TemporaryDirectory(prefix="streamdet-add-") as folder:
        path = Path(folder) / f"{network.stem}.yaml"
        path.write_text(_text(values, network), encoding="utf-8")
        model = load_model_config(str(path))
    model = model.model_copy(update={"folder": network.absolute().parent})
    options = load("detector", model.detector).Options(model=model.name)
    detector, runtime = make_detector(options, model)
    return model, ImageDetector(detector, model)(image), runtime


def _text(values: dict[str, Any], network: Path) -> str:
    head = (
        f"# Written by `streamdet models add {network.name}`; what fits is up to you, see"
        " docs/own-model.md.\n"
    )
    return head + yaml.safe_dump(
        values, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )


def _street() -> Pixels:
    return Street(SceneSpec()).render(_TRIAL_FRAME)


def _drawn(image: Pixels, found: Detections, classes: tuple[str, ...]) -> bytes:
    """Draw as the mp4 output does; returns a JPEG."""
    import cv2

    height, width = (side - side % 2 for side in image.shape[:2])
    canvas = cv2.cvtColor(image[:height, :width], cv2.COLOR_BGR2YUV_I420)
    labels = [classes[class_id] for class_id in found.class_ids]
    draw_detections(YuvImage.of_i420(np.asarray(canvas, np.uint8)), found, labels, Trails())
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(canvas, cv2.COLOR_YUV2BGR_I420))
    return encoded.tobytes()


def _sets(model_file: Path, model: ModelConfig) -> str:
    """Write what makes the graph `people`, which keeps the class person, use a model."""
    sets = [f"detect.model={model_file}"]
    if "person" not in model.classes:
        sets.append("detect.classes=null")
    return " ".join(f"--set {shlex.quote(entry)}" for entry in sets)


def _counted(model: ModelConfig) -> str:
    count = len(model.classes)
    return f"{count} class{'' if count == 1 else 'es'} ({listed(model.classes)})"


def _seen(found: Detections, model: ModelConfig) -> str:
    counts = Counter(model.classes[class_id] for class_id in found.class_ids)
    if not counts:
        return f"nothing above score {model.score_thresh:g}; try an --image with something to find"
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())
