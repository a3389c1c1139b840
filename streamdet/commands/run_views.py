"""What `streamdet run` and `streamdet serve` have in common: what they say, and how they end."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Final

from streamdet.commands.camera_view import CameraView, FirstFrameView
from streamdet.commands.graph_arguments import graph_from
from streamdet.commands.output_files import OutputFiles
from streamdet.commands.run_log import RunLog
from streamdet.graph import PipelineGraph
from streamdet.graph.outputs import read_twice
from streamdet.run.report import Report, Snapshot
from streamdet.run.supervisor import Supervisor
from streamdet.system.stop_signals import INTERRUPTED

_EXIT_CODES: Final = {"done": 0, "failed": 1, "stopped": INTERRUPTED}


def connect_views(
    supervisor: Supervisor,
    graph: PipelineGraph,
    args: Namespace,
    log: RunLog,
    *shows: Callable[[Snapshot], None],
) -> None:
    """Have a run say in its log what happens; what may not be meant is said at once.

    Args:
        supervisor: of the run, which has not begun.
        graph: the same.
        args: of the command: the graph's file is read again with them when it is applied.
        log: the run's.
        shows: are given each snapshot, too.
    """
    views = (log.show, CameraView(log.camera).show, FirstFrameView(log.warn).show, *shows)

    def show(snapshot: Snapshot) -> None:
        for view in views:
            view(snapshot)

    if doubled := read_twice(graph):
        log.warn(doubled)
    supervisor.on_progress = show
    supervisor.on_warning = log.warn
    supervisor.on_note = log.print
    supervisor.on_change = log.change
    supervisor.load = lambda path: graph_from(args, path)


def written_files(report: Report, outputs: OutputFiles) -> list[Path]:
    """List the files that a run has written; those that it made without a frame are removed."""
    if not any(source.published or source.dropped for source in report.sources):
        outputs.remove_empty()
    return outputs.written()


def conclude(report: Report, args: Namespace) -> int:
    """Print the tracebacks if `--debug` asks for them.

    Returns:
        The exit code: 1 for a run that failed, or with a source that did.
    """
    for traceback in report.tracebacks if args.debug else ():
        print(traceback, file=sys.stderr)
    return 1 if report.outcome == "done" and not report.is_good else _EXIT_CODES[report.outcome]
