"""`streamdet bench NAME...`: measure, and hold what was measured against its aim."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from streamdet.bench.machine import describe, wait_until_quiet
from streamdet.bench.material import Material, find_material
from streamdet.bench.metrics import Outcome, table
from streamdet.errors import ConfigError

BENCHES: Final[dict[str, tuple[str, str]]] = {
    "pipeline": ("pipeline", "the whole pipeline against a plain loop"),
    "limit": ("limit", "the whole pipeline against the bare cost of its stages"),
    "hop": ("hop", "what it costs to hand a frame to the next process"),
    "copies": ("copies", "full-frame copies at 1080p"),
    "memory": ("memory", "memory over 20,000 frames"),
    "accuracy": ("accuracy", "accuracy of the default precision against fp32"),
    "trackers": ("tracker_metrics", "our trackers against the trackers library"),
    "families": ("families", "R-CNN, SPP-net, Fast and Faster R-CNN; OverFeat's windows"),
    "people": ("compared:people", "the built-in model `people` beside others"),
    "street": ("compared:street", "the built-in model `street` beside others"),
    "family_accuracy": ("family_accuracy", "these trained alike: mAP, time; takes 15 min"),
    "start": ("start", "how soon a run publishes, checks, and has a killed stage back"),
}
"""Name -> module of streamdet.bench (its `run`, or module:function), what is measured."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `bench`."""
    names = ", ".join(f"{name} ({text})" for name, (_, text) in BENCHES.items())
    parser.add_argument(
        "names", nargs="+", choices=list(BENCHES), metavar="NAME", help=f"one of: {names}"
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="write every measurement")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="the developers' test data; default STREAMDET_TEST_DATA, else ../shared/data",
    )


def run(args: Namespace) -> int:
    """Run benches one after another; 1 if an aim is missed.

    Raises:
        ConfigError: there is no test data, or no folder for the results.
    """
    material = find_material(args.data)
    if args.json is not None and not args.json.absolute().parent.is_dir():
        raise ConfigError(f"--json: there is no folder {args.json.parent}")
    machine = describe()
    print(f"{machine['cpu']}, {machine['cores']} cores, load {machine['load'][0]:.1f}")
    results: dict[str, dict[str, Any]] = {}
    for name in args.names:
        busy = wait_until_quiet()
        text = BENCHES[name][1]
        print(f"{name}: {text}; others use {busy:.2f} cores", flush=True)
        outcome = find_bench(name)(material)
        results[name] = {"others_cores_before": busy, **outcome.as_dict()}
        print("\n".join(table(outcome)), flush=True)
        if args.json is not None:
            args.json.write_text(json.dumps({"machine": machine, "benches": results}) + "\n")
    return 0 if all(result["reached"] for result in results.values()) else 1


def find_bench(name: str) -> Callable[[Material], Outcome]:
    """Import what measures: a module's `run`, or the function that is named."""
    module, _, function = BENCHES[name][0].partition(":")
    bench: Callable[[Material], Outcome] = getattr(
        import_module(f"streamdet.bench.{module}"), function or "run"
    )
    return bench
