"""`streamdet bench NAME...`: measure, and hold what was measured against its aim."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from streamdet.bench.machine import describe, wait_until_quiet
from streamdet.bench.material import Material, find_material
from streamdet.bench.metrics import Outcome, table
from streamdet.errors import ConfigError
from streamdet.system.atomic_file import checked_output, write_whole

Benches = Mapping[str, tuple[str, str]]

BENCHES: Final[Benches] = {
    "pipeline": ("streamdet.bench.pipeline:run", "the whole pipeline against a plain loop"),
    "limit": (
        "streamdet.bench.limit:run",
        "the whole pipeline against the bare cost of its stages",
    ),
    "hop": ("streamdet.bench.hop:run", "what it costs to hand a frame to the next process"),
    "copies": ("streamdet.bench.copies:run", "full-frame copies at 1080p"),
    "memory": ("streamdet.bench.memory:run", "memory over 20,000 frames"),
    "accuracy": ("streamdet.bench.accuracy:run", "accuracy of the default precision against fp32"),
    "trackers": (
        "streamdet.bench.tracker_metrics:run",
        "our trackers against the trackers library",
    ),
    "families": (
        "streamdet.bench.families:run",
        "R-CNN, SPP-net, Fast and Faster R-CNN; OverFeat's windows",
    ),
    "start": (
        "streamdet.bench.start:run",
        "how soon a run publishes, checks, and has a killed stage back",
    ),
    "archive": (
        "streamdet.bench.archive:run",
        "an archive of short files, and one long file, against what the machine could do",
    ),
    "sampling": (
        "streamdet.bench.sampling:run",
        "what it costs an archive to look at fewer frames",
    ),
    "latency": (
        "streamdet.bench.latency:run",
        "from a live camera's frame to a reader of Redis, by stage",
    ),
}
"""Name -> "module:function", what is measured."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `bench`."""
    add_bench_arguments(parser, BENCHES)


def add_bench_arguments(parser: ArgumentParser, benches: Benches) -> None:
    """Add the arguments of a program that measures: names of `benches`, --json, --data."""
    names = ", ".join(f"{name} ({text})" for name, (_, text) in benches.items())
    parser.add_argument(
        "names", nargs="+", choices=list(benches), metavar="NAME", help=f"one of: {names}"
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="write every measurement")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="the developers' test data; default STREAMDET_TEST_DATA, else ../shared/data",
    )


def run(args: Namespace) -> int:
    """Run benches one after another; see `run_benches`."""
    return run_benches(args, BENCHES)


def run_benches(args: Namespace, benches: Benches, *, quiet_s: float = 20.0) -> int:
    """Run benches one after another; 1 if an aim is missed.

    Args:
        args: see `add_bench_arguments`.
        benches: what there is to measure.
        quiet_s: how long to wait at most before each, in seconds, until others leave the machine.

    Raises:
        ConfigError: there is no test data, or the results cannot be written.
    """
    material = find_material(args.data)
    if args.json is not None:
        check_json(args.json)
    machine = describe()
    print(f"{machine['cpu']}, {machine['cores']} cores, load {machine['load'][0]:.1f}")
    results: dict[str, dict[str, Any]] = {}
    for name in args.names:
        busy = wait_until_quiet(quiet_s)
        place, text = benches[name]
        print(f"{name}: {text}; others use {busy:.2f} cores", flush=True)
        outcome = find_bench(place)(material)
        results[name] = {"others_cores_before": busy, **outcome.as_dict()}
        print("\n".join(table(outcome)), flush=True)
        if args.json is not None:
            text = json.dumps({"machine": machine, "benches": results}) + "\n"
            write_whole(args.json, text.encode())
    return 0 if all(result["reached"] for result in results.values()) else 1


def check_json(path: Path) -> None:
    """Check where the results are to be written.

    Raises:
        ConfigError: they cannot be.
    """
    try:
        checked_output(path)
    except ConfigError as exc:
        raise ConfigError(f"--json {path}: {exc}") from exc


def find_bench(place: str) -> Callable[[Material], Outcome]:
    """Import the function that measures, "module:function"."""
    module, _, function = place.partition(":")
    bench: Callable[[Material], Outcome] = getattr(import_module(module), function)
    return bench
