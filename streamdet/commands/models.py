"""`streamdet models`: list, show, add one's own, fetch published weights, build, pack, measure."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Final

from streamdet.commands import models_add, models_build, models_measure, models_pack
from streamdet.commands.model_text import fact_lines, list_lines
from streamdet.commands.models_build import parameters, report_network
from streamdet.errors import EngineError
from streamdet.models.model_config import load_model_config

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
    models_build.add_arguments(build)


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
        "build": models_build.run,
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
        print(f"  {'parameters':<13}  {parameters(args.name)}")


def _pull(args: Namespace) -> None:
    from streamdet.building.pull import pull

    report_network(args.name, pull(args.name, partial(print, flush=True)))
