"""`streamdet run GRAPH`: run a graph to its end and account for every frame."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from streamdet.commands.graph_arguments import (
    add_graph_arguments,
    add_machine_arguments,
    graph_from,
    settings_from,
)
from streamdet.commands.live import LiveView
from streamdet.commands.output_files import OutputFiles
from streamdet.commands.report_text import add_stages_argument
from streamdet.commands.run_log import RunLog, add_log_argument, run_log
from streamdet.commands.run_views import conclude, connect_views, written_files
from streamdet.commands.service_view import ServiceView
from streamdet.errors import EngineError
from streamdet.graph.outputs import check_report
from streamdet.run.missing_parts import refuse_missing
from streamdet.run.report import Report
from streamdet.run.supervisor import Supervisor
from streamdet.system.atomic_file import write_whole


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
    add_log_argument(parser)
    parser.epilog = (
        "SIGINT or SIGTERM ends a run cleanly. SIGHUP applies the graph file of a run with cameras"
        " again (see `streamdet apply --help`), and ends any other, and one whose terminal was"
        " closed. A systemd unit wants KillMode=mixed: only the main process is to get the signal."
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
    outputs = OutputFiles.of(graph)
    supervisor = Supervisor(graph, settings)
    service = ServiceView()
    with run_log(args.log, sys.stdout, with_stages=args.stages) as log:
        shows = [service.show]
        if args.live:
            live = LiveView(graph, log.print)
            shows.append(lambda snapshot: live.show(supervisor.redis_url))
        connect_views(supervisor, graph, args, log, *shows)
        report = supervisor.run()
    service.end()
    with supervisor.counting_signals():  # a stopped run still prints its report
        _tell(report, report_path, outputs, log)
    return conclude(report, args)


def _tell(report: Report, path: Path | None, outputs: OutputFiles, log: RunLog) -> None:
    """Write and tell the report, complaints last.

    Raises:
        EngineError: it cannot be written to its file.
    """
    unwritten = None if path is None else _write(report, path)
    written = written_files(report, outputs)
    if path is not None and unwritten is None:
        written = [*written, path]
    log.end(report, written, outputs.kept())
    if unwritten is not None:
        raise unwritten


def _write(report: Report, path: Path) -> EngineError | None:
    try:
        write_whole(path, (json.dumps(report.as_dict(), indent=2) + "\n").encode())
    except EngineError as exc:
        return EngineError(f"--report {exc}")
    return None
