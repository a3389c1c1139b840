"""`streamdet replay`: work again on what `streamdet record` has kept, with any graph."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from streamdet.commands.graph_arguments import add_set_argument
from streamdet.formats.frame_json import native_json
from streamdet.graph import load_graph
from streamdet.graph.overrides import OUTPUT_FORMATS
from streamdet.messages import FrameMessage
from streamdet.replay import Replay

_OUTPUT: Final = "output-"
"""How the names of the sinks begin that --output adds."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `replay`."""
    parser.add_argument("recording", type=Path, metavar="X.sdrec", help="of `streamdet record`")
    parser.add_argument("graph", metavar="GRAPH", help="graph file, or a shipped one: people")
    parser.add_argument(
        "--stage",
        metavar="NODE",
        help="the node that gets the recorded input; by default the one of the same name or role",
    )
    parser.add_argument(
        "--output",
        action="append",
        default=[],
        metavar="PATH",
        help=f"what to write, by what it ends in: {OUTPUT_FORMATS}; may be repeated",
    )
    add_set_argument(parser)
    parser.add_argument(
        "--json", action="store_true", help="print each frame, as it would be published"
    )
    parser.epilog = (
        "It works in one process, without Redis. The graph's own sinks are left out: nothing is"
        " published, nobody is alerted, no file of a run is overwritten."
    )


def run(args: Namespace) -> int:
    """Replay.

    Raises:
        StreamdetError: the recording or the graph is wrong, or they do not fit.
    """
    graph = load_graph(args.graph, outputs=args.output, overrides=args.set, to_caller=True)
    outputs = [f"{_OUTPUT}{number}" for number in range(1, len(args.output) + 1)]
    replay = Replay(args.recording, graph, args.stage, outputs)
    with TemporaryDirectory(prefix="streamdet-replay-") as folder:
        totals = _work(replay, replay.results(Path(folder)), as_json=args.json)
    out = sys.stderr if args.json else sys.stdout
    runtime = replay.runtimes.get(replay.stage.name)
    by = f" by {runtime}" if runtime else ""
    print(f"{replay.stage.name} of {graph.name}{by}: {totals['frames']} frames,"
          f" {totals['objects']} objects, {totals['events']} events", file=out)  # fmt: skip
    for reason, count in sorted(totals.items()):
        if reason.startswith(_DROPPED):
            print(f"  {reason}: {count}", file=out)
    if replay.problem:
        print(replay.problem, file=sys.stderr)
    return 1 if replay.problem else 0


_DROPPED: Final = "dropped: "


def _work(replay: Replay, frames: Iterable[FrameMessage], *, as_json: bool) -> Counter[str]:
    totals: Counter[str] = Counter()
    for frame in frames:
        totals["frames"] += 1
        totals["objects"] += 0 if frame.detections is None else len(frame.detections)
        totals["events"] += len(frame.events)
        if frame.drop_reason is not None:
            totals[f"{_DROPPED}{frame.drop_reason}"] += 1
        if as_json:
            names = replay.class_names.get(frame.model or "", ())
            print(native_json(frame, replay.header.run_id, names).decode())
    return totals
