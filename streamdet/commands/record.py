"""`streamdet record`: keep what comes to a stage of a running run in one file, to be replayed."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from streamdet.commands.search import positive
from streamdet.config.suggestions import nearest
from streamdet.errors import ConfigError
from streamdet.registry import role_of
from streamdet.run.description import RunDescription, read_description
from streamdet.run.stage_recorder import Limits, StageRecorder, first_frames
from streamdet.system.atomic_file import checked_output
from streamdet.system.process import stop_signals_to
from streamdet.transport.run_folder import live_runs
from streamdet.worker.taps import Wanted

SUFFIX: Final = ".sdrec"
MOST_BYTES: Final = 4_000_000_000


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `record`."""
    parser.add_argument(
        "run", nargs="?", metavar="RUN", help="the run's id or graph; by default the only one here"
    )
    parser.add_argument("--stage", required=True, metavar="NODE", help="the node, e.g. detect")
    parser.add_argument(
        "-o", "--output", required=True, metavar=f"X{SUFFIX}", help="the file; replaced if there"
    )
    parser.add_argument(
        "--images",
        action="store_true",
        help="keep the images, too: what a detector needs. THEY SHOW WHAT THE CAMERAS SEE",
    )
    parser.add_argument("--frames", type=positive, metavar="N", help="end after N frames")
    parser.add_argument("--seconds", type=float, metavar="S", help="end after S seconds")
    parser.add_argument(
        "--max-bytes",
        type=positive,
        default=MOST_BYTES,
        metavar="N",
        help=f"end when so much lies beside the file, uncompressed (default {MOST_BYTES})",
    )
    parser.epilog = (
        "It ends by --frames, --seconds, Ctrl-C or with the run, and is for runs of this machine"
        " and user. No address of a camera is in the file."
    )


def run(args: Namespace) -> int:
    """Record.

    Raises:
        ConfigError: there is no such run or stage, or nothing came.
        EngineError: the file cannot be written.
    """
    folder, description = _run_of(args.run)
    _check_stage(description, args.stage)
    try:
        output = checked_output(args.output)
    except ConfigError as exc:
        raise ConfigError(f"--output {args.output}: {exc}") from exc
    parts = output.absolute().with_name(f".{output.name}.{folder.name}.parts")
    starts = first_frames(folder)
    wanted = Wanted(args.stage, str(parts), args.images, description.graph, starts)
    limits = Limits(args.frames, args.seconds, args.max_bytes)
    stateful = [name for name, stage in description.stages.items()
                if role_of(stage.kind) in ("tracker", "analytics")]  # fmt: skip
    recorder = StageRecorder(folder, wanted, limits, stateful)
    stops: list[int] = []
    print(f"recording {args.stage} of run {folder.name} ({description.graph}); Ctrl-C ends it",
          file=sys.stderr, flush=True)  # fmt: skip
    with stop_signals_to(lambda number, frame: stops.append(number)):
        recorded = recorder.record(output, lambda: bool(stops))
    print(f"{output}: {recorded.frames} frames, {recorded.with_image} with images, "
          f"{recorded.size} bytes")  # fmt: skip
    if recorded.left_out:
        print(f"left out: {recorded.left_out} frames after a gap", file=sys.stderr)
    if recorded.problem:
        print(f"ended early: {recorded.problem}", file=sys.stderr)
    return 1 if recorded.problem else 0


def _run_of(name: str | None) -> tuple[Path, RunDescription]:
    """Find a run of this machine.

    Raises:
        ConfigError: there is none of that name, or several without one.
    """
    described = ((folder, read_description(folder)) for folder in live_runs())
    there = [(folder, known) for folder, known in described if known is not None]
    found = [each for each in there if name in (None, each[0].name, each[1].graph)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{folder.name} ({described.graph})" for folder, described in there)
    if not there:
        raise ConfigError("no run is under way on this machine")
    if not found:
        raise ConfigError(f"there is no run {name!r} on this machine; there is {known}")
    raise ConfigError(f"name one of the runs under way: {known}")


def _check_stage(description: RunDescription, stage: str) -> None:
    kind = description.stages.get(stage)
    if kind is None:
        hint = nearest(stage, description.stages)
        raise ConfigError(f"--stage {stage}: the run has no such node; {hint}")
    if role_of(kind.kind) == "source":
        raise ConfigError(f"--stage {stage}: nothing comes to a source: name a node that reads it")
