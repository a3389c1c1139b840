"""`streamdet run GRAPH`: run a graph to its end and account for every frame."""

from __future__ import annotations

import json
import signal
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from streamdet.commands.graph_arguments import add_graph_arguments, graph_from
from streamdet.commands.live import LiveView
from streamdet.commands.progress_view import progress_view
from streamdet.commands.report_text import report_lines
from streamdet.detectors.parts.options import NetworkOptions, choose_runtime
from streamdet.errors import ConfigError
from streamdet.graph import PipelineGraph
from streamdet.model_config import find_weights
from streamdet.report import Report, Snapshot
from streamdet.settings import load_settings
from streamdet.supervisor import STOP_SIGNALS, Supervisor

EXIT_CODES = {"done": 0, "failed": 1, "stopped": 130}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `run`."""
    add_graph_arguments(parser)
    parser.add_argument(
        "--redis", metavar="URL|embedded", help="the Redis server, instead of the deploy file's"
    )
    parser.add_argument(
        "--deploy", default="local", metavar="NAME", help="settings of this machine, or their path"
    )
    parser.add_argument("--report", type=Path, metavar="R.json", help="write the report as JSON")
    parser.add_argument(
        "--live", action="store_true", help="print what is published, as it is published"
    )


def run(args: Namespace) -> int:
    """Run a graph.

    Raises:
        ConfigError: something is wrong, before anything has started.
    """
    _interrupt_on_every_stop_signal()
    graph = graph_from(args)
    settings = load_settings(args.deploy, redis=args.redis)
    _check_report_path(args.report)
    _check_models(graph)
    with progress_view(sys.stdout) as view:
        supervisor = Supervisor(graph, settings)
        live = LiveView(graph, view.print) if args.live else None

        def show(snapshot: Snapshot) -> None:
            view.show(snapshot)
            if live is not None:
                live.show(supervisor.redis_url)

        supervisor.on_progress = show
        report = supervisor.run()
    for line in report_lines(report):
        print(line)
    if args.report is not None:
        args.report.write_text(json.dumps(report.as_dict(), indent=2) + "\n")
    _complain(report)
    return 1 if report.outcome == "done" and not report.is_good else EXIT_CODES[report.outcome]


def _interrupt_on_every_stop_signal() -> None:
    """Until the run has begun (and heeds them itself), all stop signals are like Ctrl-C."""
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def _check_report_path(path: Path | None) -> None:
    if path is not None and not path.absolute().parent.is_dir():
        raise ConfigError(f"--report: there is no folder {path.parent}")


def _check_models(graph: PipelineGraph) -> None:
    """Find weights and runtimes now, rather than in a worker."""
    for node in graph.role("detector"):
        if node.model is not None and isinstance(node.options, NetworkOptions):
            find_weights(node.model)
            choose_runtime(node.options, node.model)


def _complain(report: Report) -> None:
    for source in report.sources:
        for warning in source.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        if source.error is not None:
            print(f"error: {source.error}", file=sys.stderr)
    for warning in report.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if report.failure is not None:
        print(f"error: {report.failure}", file=sys.stderr)
