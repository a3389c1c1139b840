"""`streamdet run GRAPH`: run a graph to its end and account for every frame."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from streamdet.commands.camera_view import CameraView
from streamdet.commands.graph_arguments import (
    add_graph_arguments,
    add_machine_arguments,
    graph_from,
    settings_from,
)
from streamdet.commands.live import LiveView
from streamdet.commands.output_files import OutputFiles
from streamdet.commands.progress_view import progress_view
from streamdet.commands.report_text import add_stages_argument, report_lines
from streamdet.errors import EngineError
from streamdet.graph.outputs import check_report, read_twice
from streamdet.run.missing_parts import refuse_missing
from streamdet.run.report import Report, Snapshot
from streamdet.run.supervisor import Supervisor
from streamdet.system.atomic_file import write_whole
from streamdet.system.stop_signals import INTERRUPTED

EXIT_CODES = {"done": 0, "failed": 1, "stopped": INTERRUPTED}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `run`."""
    add_graph_arguments(parser, is_run=True)
    add_machine_arguments(parser)
    parser.add_argument(
        "--report", metavar="R.json", help="write the report as JSON; replaced if it exists"
    )
    add_stages_argument(parser)
    parser.add_argument(
        "--live",
        action="store_true",
        help="print, twice a second, the newest frame that a redis_stream sink has published",
    )
    parser.epilog = (
        "SIGINT, SIGTERM or SIGHUP ends a run cleanly. A systemd unit wants KillMode=mixed, so that"
        " only the main process gets the signal."
    )


def run(args: Namespace) -> int:
    """Run a graph.

    Raises:
        ConfigError: something is wrong, before anything has started.
    """
    graph = graph_from(args)
    settings = settings_from(args)
    report_path = None if args.report is None else check_report(graph, args.report)
    refuse_missing(graph)
    if doubled := read_twice(graph):
        _warn(doubled)
    outputs = OutputFiles.of(graph)
    supervisor = Supervisor(graph, settings)
    with progress_view(sys.stdout) as view:
        live = LiveView(graph, view.print) if args.live else None
        cameras = CameraView(view.print)

        def show(snapshot: Snapshot) -> None:
            view.show(snapshot)
            cameras.show(snapshot)
            if live is not None:
                live.show(supervisor.redis_url)

        supervisor.on_progress = show
        supervisor.on_warning = _warn
        report = supervisor.run()
    with supervisor.counting_signals():  # a stopped run still prints its report
        _tell(report, report_path, outputs, args)
    return 1 if report.outcome == "done" and not report.is_good else EXIT_CODES[report.outcome]


def _tell(report: Report, path: Path | None, outputs: OutputFiles, args: Namespace) -> None:
    """Write and print the report, complaints last.

    Raises:
        EngineError: it cannot be written to its file.
    """
    unwritten = None if path is None else _write(report, path)
    if not any(source.published or source.dropped for source in report.sources):
        outputs.remove_empty()
    written = outputs.written()
    if path is not None and unwritten is None:
        written = [*written, path]
    for line in report_lines(report, written, with_stages=args.stages):
        print(line)
    for kept in outputs.kept():
        print(f"  left as it was: {kept}: no frame came")
    sys.stdout.flush()
    _complain(report)
    for traceback in report.tracebacks if args.debug else ():
        print(traceback, file=sys.stderr)
    if unwritten is not None:
        raise unwritten


def _complain(report: Report) -> None:
    for source in report.sources:
        for warning in source.warnings:
            _warn(warning)
        if source.failure is not None:
            print(f"error: {source.failure}", file=sys.stderr)
    if report.failure is not None:
        print(f"error: {report.failure}", file=sys.stderr)


def _write(report: Report, path: Path) -> EngineError | None:
    try:
        write_whole(path, (json.dumps(report.as_dict(), indent=2) + "\n").encode())
    except EngineError as exc:
        return EngineError(f"--report {exc}")
    return None


def _warn(warning: str) -> None:
    print(f"warning: {warning}", file=sys.stderr)
