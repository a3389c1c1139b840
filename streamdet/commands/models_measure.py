"""`streamdet models measure`: measure again which runtime is the fastest for a model's network."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import Final

from streamdet.errors import ConfigError
from streamdet.models.measured_choice import ranked
from streamdet.system.cores import cores

_MOST: Final = 256


def add_arguments(parser: ArgumentParser) -> None:
    """Add the form's arguments; the name is added by `models`."""
    parser.epilog = "example: streamdet models measure people --processes 2 --input 544x960"
    parser.add_argument(
        "--processes",
        type=_processes,
        metavar="N",
        help="how many run the network at once (default: the number of cores, as replicas: auto)",
    )
    parser.add_argument(
        "--input",
        metavar="HxW",
        help="height x width of the network's image (default: the model's own)",
    )


def run(args: Namespace) -> None:
    """Measure, print the table, keep it.

    Raises:
        ConfigError: the model has no network, it is missing or damaged, or does not take --input.
        EngineError: no runtime is installed, or each one failed.
    """
    from streamdet.config.validation import checked
    from streamdet.config.yaml_loader import YamlText
    from streamdet.detectors.parts.options import NetworkOptions, sized_by
    from streamdet.detectors.parts.runtime_choice import measure_again
    from streamdet.models.built_network import find_network
    from streamdet.models.input_size import hw_text
    from streamdet.models.model_config import load_model_config

    model = load_model_config(args.name)
    if model.input is None:
        raise ConfigError(f"model {model.name!r} has nothing to measure: it runs no network")
    processes = args.processes or cores()
    stated = {} if args.input is None else {"input": args.input}
    options: NetworkOptions = checked(
        NetworkOptions, YamlText("--"), (), {"model": args.name, **stated}
    )
    model = model if args.input is None else sized_by(options, model)
    choice = measure_again(options, model, find_network(model).path, processes)
    assert model.input is not None
    many = f"{processes} process{'' if processes == 1 else 'es'} of 1 thread"
    print(f"{model.name} at {hw_text(model.input.hw)}, {many}")
    for candidate, speed in ranked(choice.table):
        print(f"  {candidate!s:<20}  {speed}{'  chosen' if candidate == choice.candidate else ''}")
    if choice.warning:
        print(f"warning: {choice.warning}")


def _processes(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MOST:
        raise ArgumentTypeError(f"must be a whole number from 1 to {_MOST}, got {text!r}")
    return int(text)
