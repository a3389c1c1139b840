"""`python -m benchmarks NAME...`: comparisons that need the developers' test data."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Final

from streamdet.commands.bench import add_bench_arguments, run_benches
from streamdet.errors import StreamdetError

BENCHES: Final[dict[str, tuple[str, str]]] = {
    "people": ("benchmarks.compared:people", "the built-in model `people` beside others"),
    "street": ("benchmarks.compared:street", "the built-in model `street` beside others"),
    "street_by_time": (
        "benchmarks.street_by_time:run",
        "AP of street models at equal CPU time, several input sizes",
    ),
    "public_detections": (
        "benchmarks.public_detections:run",
        "what an oracle and our tracker make of MOT15's public detections; updates a second",
    ),
    "camera_latency": (
        "benchmarks.camera_latency:run",
        "`streamdet bench latency`, of a camera that speaks RTSP",
    ),
    "serve_load": (
        "benchmarks.serve_load:run",
        "`streamdet serve` with 50 clients and 20 previews; takes 2 min",
    ),
    "families": (
        "benchmarks.families:run",
        "R-CNN, SPP-net, Fast and Faster R-CNN as they ship: mAP, time; takes 20 min",
    ),
}


def main() -> int:
    """Run the comparisons that the command line names; 1 if an aim is missed, 2 if one cannot."""
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add_bench_arguments(parser, BENCHES)
    try:
        return run_benches(parser.parse_args(), BENCHES)
    except StreamdetError as exc:
        print(f"benchmarks: {exc}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
