"""`streamdet models`: list, show, add one's own, fetch published weights, build, pack, measure."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from streamdet.commands import models_add, models_measure, models_pack
from streamdet.commands.model_text import fact_lines, list_lines
from streamdet.errors import ConfigError, EngineError
from streamdet.models.built_network import NetworkFile
from streamdet.models.model_config import cache_folder, find_file, load_model_config

_NAME: Final = "a model's name, or the path of its .yaml"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the forms and their arguments."""
    forms = parser.add_subparsers(dest="form", metavar="FORM", required=True)
    forms.add_parser("list", help="list the models: who trained them, what is on this machine")
    show = forms.add_parser("show", help="tell what is known of one model")
    pull = forms.add_parser("pull", help="fetch a model's published weights and build its network")
    build = forms.add_parser("build", help="build a model's network from weights that are here")
    measure = forms.add_parser("measure", help="measure which runtime is the fastest, and keep it")
    for form in (show, pull, build, measure):
        form.add_argument("name", metavar="NAME", help=_NAME)
    models_add.add_arguments(
        forms.add_parser("add", help="write the model file of your own ONNX network, after a trial")
    )
    models_pack.add_arguments(
        forms.add_parser("pack", help="make a trained model small and ready to be shipped")
    )
    models_measure.add_arguments(measure)
    add_random_argument(build)
    build.add_argument(
        "--output", type=Path, metavar="DIR", help="where it goes (default: the cache)"
    )


def add_random_argument(parser: ArgumentParser) -> None:
    """Add `--random SEED`, for networks that nobody has trained."""
    parser.add_argument(
        "--random", type=_seed, metavar="SEED", help="random weights instead of the model's"
    )


def run(args: Namespace) -> int:
    """Do what the form says.

    Raises:
        ConfigError: there is no such model, or its weights are missing or wrong.
        EngineError: weights cannot be fetched, or a network cannot be built here.
    """
    forms: dict[str, Callable[[Namespace], None]] = {
        "list": _list,
        "show": _show,
        "pull": _pull,
        "build": _build,
        "add": models_add.run,
        "pack": models_pack.run,
        "measure": models_measure.run,
    }
    try:
        forms[args.form](args)
    except PermissionError as exc:
        raise EngineError(f"{exc.filename} cannot be written: permission denied") from exc
    return 0


def _list(_args: Namespace) -> None:
    print("\n".join(list_lines()))


def _show(args: Namespace) -> None:
    print("\n".join(fact_lines(args.name)))
    if load_model_config(args.name).network is not None and find_spec("torch") is not None:
        print(f"  {'parameters':<13}  {_parameters(args.name)}")


def _pull(args: Namespace) -> None:
    from streamdet.building.pull import pull

    _report(args.name, pull(args.name, partial(print, flush=True)))


def _build(args: Namespace) -> None:
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
    _report(args.name, build(args.name, args.output or cache_folder(), args.random))


def _report(name: str, built: NetworkFile) -> None:
    """Say what was built, and when runs will not find it."""
    size = f"{built.path.stat().st_size / 1e6:.1f} MB, {_parameters(name)} parameters"
    print(f"{built.path}: {size}{', ' + built.remark if built.remark else ''}")
    found = find_file(built.path.name, load_model_config(name).folder)
    if found is None or not found.samefile(built.path):
        print(f"to use it, name its folder in STREAMDET_MODELS: {built.path.parent.absolute()}")


def _parameters(name: str) -> str:
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
