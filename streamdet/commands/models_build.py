"""`streamdet models build`: a model's network from its weights, or compiled for one runtime."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Final

from streamdet.commands import models_compile
from streamdet.errors import ConfigError
from streamdet.models.built_network import NetworkFile
from streamdet.models.model_config import cache_folder, find_file, load_model_config

_EPILOG: Final = """\
Without --runtime: the ONNX file that all runtimes read, from weights that are here.
With it: that network in a lower precision, or a TensorRT engine, each with a passport (.json) of
what it was made of. An engine is built on any machine by TensorRT-RTX; none has been executed yet.
docs/tensorrt.md says more.

examples:
  streamdet models build faster_rcnn_resnet18 --random 0
  streamdet models build street_rcnn --runtime tensorrt --target sm_89,sm_120 --precision fp16
  streamdet models build people --runtime openvino --precision int8 --calibration images/ \\
      --truth val.json --images val/
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `models build`, but for the model's name."""
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    add_random_argument(parser)
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="where it goes (default: the cache)"
    )
    models_compile.add_arguments(parser)


def add_random_argument(parser: ArgumentParser) -> None:
    """Add `--random SEED`, for networks that nobody has trained."""
    parser.add_argument(
        "--random", type=_seed, metavar="SEED", help="random weights instead of the model's"
    )


def run(args: Namespace) -> None:
    """Build a network, or compile one.

    Raises:
        ConfigError: arguments do not go together, or weights are missing or wrong.
        EngineError: a package is missing, or refuses the network.
    """
    if args.runtime is None:
        models_compile.refuse_arguments(args)
        _build_network(args)
    else:
        models_compile.run(args)


def _build_network(args: Namespace) -> None:
    from streamdet.building.build import build

    model = load_model_config(args.name)
    if not model.is_built:
        why = (
            "has nothing to build: its detector runs no network"
            if model.input is None
            else "needs no building: its weights file holds the network"
        )
        raise ConfigError(f"model {model.name!r} {why}")
    if model.weights is None and args.random is None:
        raise ConfigError(
            f"nobody has trained model {model.name!r}: --random 0 gives it random weights"
        )
    print(f"building the network of {model.name}", flush=True)
    report_network(args.name, build(args.name, args.output or cache_folder(), args.random))


def report_network(name: str, built: NetworkFile) -> None:
    """Say what was built, and when runs will not find it."""
    size = f"{built.path.stat().st_size / 1e6:.1f} MB, {parameters(name)} parameters"
    print(f"{built.path}: {size}{', ' + built.remark if built.remark else ''}")
    found = find_file(built.path.name, load_model_config(name).folder)
    if found is None or not found.samefile(built.path):
        print(f"to use it, name its folder in STREAMDET_MODELS: {built.path.parent.absolute()}")


def parameters(name: str) -> str:
    """Count the numbers that training would set, with separators."""
    from torch import nn

    from streamdet.building.build import make_network

    network = make_network(name)
    assert isinstance(network, nn.Module)
    return f"{sum(parameter.numel() for parameter in network.parameters()):,}"


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) >= 2**63:
        raise ArgumentTypeError(f"must be a whole number from 0 on, got {text!r}")
    return int(text)
