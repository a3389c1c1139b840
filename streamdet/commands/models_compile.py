"""`streamdet models build NAME --runtime ...`: lower, measure, refuse or compile, report."""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamdet.errors import ConfigError
from streamdet.models.model_config import Arithmetic, ModelConfig, cache_folder, load_model_config

if TYPE_CHECKING:
    from streamdet.building.build_engine import BuildOrder, Prepared
    from streamdet.evaluation.precision import Accuracy
    from streamdet.evaluation.truth import Truth, TruthImage
    from streamdet.models.build_passport import BuildPassport

_RUNTIMES: Final = ("tensorrt", "onnxruntime", "openvino")
_PRECISIONS: Final = ("fp32", "fp16", "bf16", "int8")
_WITH_RUNTIME: Final = (
    "target", "precision", "calibration", "truth", "images", "limit", "recipe", "layers",
)  # fmt: skip


def add_arguments(parser: ArgumentParser) -> None:
    """Add what goes with `--runtime`."""
    group = parser.add_argument_group("compile for one runtime")
    group.add_argument("--runtime", choices=_RUNTIMES, help="what will run it")
    group.add_argument(
        "--target", metavar="SM", help="tensorrt: the GPUs' compute capabilities, e.g. sm_89,sm_120"
    )
    group.add_argument(
        "--precision",
        choices=_PRECISIONS,
        help="tensorrt: fp32 (default), fp16 or int8; onnxruntime: int8; openvino: bf16 or int8",
    )
    group.add_argument(
        "--calibration", type=Path, metavar="DIR", help="int8: images as the model will see them"
    )
    group.add_argument(
        "--truth", type=Path, metavar="TRUTH", help="measure its AP beside fp32's: as `eval model`"
    )
    group.add_argument("--images", type=Path, metavar="DIR", help="the images of --truth")
    group.add_argument("--limit", type=int, metavar="N", help="measure on N of them, evenly chosen")
    group.add_argument(
        "--recipe", type=Path, metavar="YAML", help="how (default: engines/recipes/NAME.yaml)"
    )
    group.add_argument(
        "--layers", action="store_true", default=None, help="list each layer's type and precision"
    )


def refuse_arguments(args: Namespace) -> None:
    """Refuse what means nothing without `--runtime`.

    Raises:
        ConfigError: there is such an argument.
    """
    for name in _WITH_RUNTIME:
        if getattr(args, name) is not None:
            runtimes = "tensorrt" if name == "target" else ", ".join(_RUNTIMES)
            raise ConfigError(f"--{name} goes with --runtime {runtimes}")


def run(args: Namespace) -> None:
    """Compile a model's network, unless the file that is there has a passport that fits.

    Raises:
        ConfigError: arguments do not go together, or the precision costs too much accuracy.
        EngineError: a package is missing, or refuses the network.
    """
    from streamdet.building.build_engine import finish, lower, prepare, random_folder, why_rebuilt

    order = _order(args)
    subject = _subject(args, order.model)
    made = prepare(order, args.random)
    default = cache_folder() if args.random is None else random_folder(args.random)
    folder = args.output or default
    why = why_rebuilt(made, folder)
    if why is None and subject is None:
        _show_kept(made, folder, args)
        return
    again = f": what is there does not fit, {why}" if why else ""
    print(f"building {_title(made)}{again}", flush=True)
    lowered = lower(made)
    accuracy = None if subject is None else _measured(made, lowered, subject)
    path, passport = finish(made, lowered, folder, None if accuracy is None else accuracy.as_dict())
    _report(path, passport, with_layers=bool(args.layers))


def _order(args: Namespace) -> BuildOrder:
    from streamdet.building.build_engine import PRECISIONS, BuildOrder
    from streamdet.building.engine_recipe import engine_recipe
    from streamdet.runtimes.tensorrt.library import check_targets

    model = load_model_config(args.name)
    if args.precision is None and args.runtime != "tensorrt":
        raise ConfigError(
            f"--runtime {args.runtime} wants --precision {' or '.join(PRECISIONS[args.runtime])}"
            " (fp32 needs no file of its own)"
        )
    return BuildOrder(
        model=model,
        runtime=args.runtime,
        precision=args.precision or "fp32",
        targets=() if args.target is None else check_targets(args.target),
        recipe=engine_recipe(model, args.recipe),
        calibration=args.calibration,
    )


Subject = tuple["Truth", "list[tuple[TruthImage, Path]]"]
"""A truth, and its images with their files."""


def _subject(args: Namespace, model: ModelConfig) -> Subject | None:
    """Read what is measured on; None: nothing is."""
    from streamdet.commands.eval_model import shared_classes
    from streamdet.evaluation.images import find_images
    from streamdet.evaluation.truths.images import read_truth

    if args.truth is None and args.images is None and args.limit is None:
        return None
    if args.truth is None or args.images is None:
        raise ConfigError("--truth and --images go together: the truth, and the images it is of")
    if args.limit is not None and args.limit < 1:
        raise ConfigError(f"--limit must be 1 or more, got {args.limit}")
    truth = shared_classes(read_truth(args.truth, args.images), model, None)
    images = find_images(truth, args.images)
    if args.limit is not None and args.limit < len(images):
        images = [images[index * len(images) // args.limit] for index in range(args.limit)]
        kept = {image.image_id: image for image, _ in images}
        objects = tuple(each for each in truth.objects if each.image_id in kept)
        truth = replace(truth, images=kept, objects=objects)
    return truth, images


def _measured(made: Prepared, lowered: Any, subject: Subject) -> Accuracy:
    """Measure AP in both precisions; refuse the lower one where it costs too much.

    What is for TensorRT is executed by ONNX Runtime on the CPU: the same file, other kernels.
    """
    from streamdet.commands.progress_through import progress_through
    from streamdet.evaluation.precision import (
        Accuracy,
        Executed,
        average_precision,
        check_accuracy,
    )

    order = made.order
    truth, images = subject
    runtime = "onnxruntime" if order.runtime == "tensorrt" else order.runtime
    names: dict[str, Arithmetic] = {"bf16": "bf16", "int8": "int8"}
    arithmetic = names.get(order.precision, "fp32")
    with tempfile.TemporaryDirectory(prefix="streamdet-lowered-") as folder:
        path = made.network.path
        if order.precision != "bf16":
            path = Path(folder) / "network.onnx"
            path.write_bytes(lowered.SerializeToString())
        files = {
            "fp32": Executed(made.network.path, runtime),
            order.precision: Executed(path, runtime, arithmetic),
        }
        found = {
            name: average_precision(
                order.model, file, truth, progress_through(images, f"images, {name}", sys.stdout)
            )
            for name, file in files.items()
        }
    (fp32, _), (low, said) = found["fp32"], found[order.precision]
    accuracy = Accuracy(fp32, low, len(images), Path(truth.name).name, said)
    check_accuracy(accuracy, order.precision, order.recipe.tolerance)
    return accuracy


def _title(made: Prepared) -> str:
    origin = made.origin
    targets = f" for {origin['targets']}" if origin["targets"] else ""
    remark = f" ({made.network.remark})" if made.network.remark else ""
    return f"{made.order.model.name}{remark}, {origin['precision']}, {origin['runtime']}{targets}"


def _show_kept(made: Prepared, folder: Path, args: Namespace) -> None:
    from streamdet.models.build_passport import file_name, read_build_passport

    path = folder / file_name(made.order.model, made.origin)
    print(f"{_title(made)}: is built already, its passport fits")
    _report(path, read_build_passport(path), with_layers=bool(args.layers))


def _report(path: Path, passport: BuildPassport, *, with_layers: bool) -> None:
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    print(f"  executed     {passport.execution}")
    if passport.layers:
        counts = Counter(layer["precision"] for layer in passport.layers)
        told = ", ".join(f"{number} {name}" for name, number in counts.most_common())
        print(f"  layers       {len(passport.layers)}: {told}")
    for name, number in Counter(passport.plugins).items():
        kinds = {each["precision"] for each in passport.layers if each["plugin"] == name}
        print(f"  plugin       {name}: {number}, {' and '.join(sorted(kinds))}")
    if passport.calibration:
        told = "{images} images of {folder}".format_map(passport.calibration)
        print(f"  calibration  {told}")
    print(f"  accuracy     {_accuracy_text(passport.accuracy)}")
    print(f"  passport     {path.with_suffix('.json')}")
    for layer in passport.layers if with_layers else ():
        kind = layer["plugin"] or layer["type"]
        print(f"    {layer['precision']:<6} {kind:<18} {layer['name']}")


def _accuracy_text(accuracy: dict[str, Any] | None) -> str:
    if accuracy is None:
        return "not measured: --truth and --images name what to measure on"
    return (
        "AP {AP:.3f}, fp32 has {AP_fp32:.3f} ({images} images of {truth}, {measured_with})"
    ).format_map(accuracy)
