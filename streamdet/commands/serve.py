"""`streamdet serve GRAPH`: run a graph, with an HTTP API and a web page beside it."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamdet.commands.graph_arguments import (
    add_graph_arguments,
    add_machine_arguments,
    graph_from,
    settings_from,
)
from streamdet.commands.output_files import OutputFiles
from streamdet.commands.report_text import add_stages_argument
from streamdet.commands.run_log import add_log_argument, run_log
from streamdet.commands.run_views import conclude, connect_views, written_files
from streamdet.commands.service_view import ServiceView
from streamdet.errors import ConfigError, to_install
from streamdet.run.missing_parts import refuse_missing
from streamdet.run.supervisor import Supervisor

if TYPE_CHECKING:
    from streamdet.server.service import Service

DEFAULT_LISTEN: Final = "127.0.0.1:8080"
POLL_S: Final = 0.2


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `serve`."""
    add_graph_arguments(parser, is_run=True)
    add_machine_arguments(parser)
    add_stages_argument(parser)
    add_log_argument(parser)
    parser.add_argument(
        "--listen",
        default=DEFAULT_LISTEN,
        metavar="HOST:PORT",
        help=f"address of the page and the API (default {DEFAULT_LISTEN}: this machine only)",
    )
    parser.add_argument(
        "--tokens",
        type=Path,
        metavar="FILE",
        help="YAML with `viewer: TOKEN` and `operator: TOKEN`, readable by you only; else "
        "STREAMDET_VIEWER_TOKEN and STREAMDET_OPERATOR_TOKEN",
    )
    parser.epilog = (
        "Without tokens it listens on this machine only. When the sources have ended, the page"
        " stays until Ctrl-C. The API describes itself at /api/v1/openapi.json."
    )


def run(args: Namespace) -> int:
    """Run a graph and serve it.

    Raises:
        ConfigError: something is wrong, before anything has started.
    """
    try:
        from streamdet.server import app, listen, service
        from streamdet.server.access import is_local, load_tokens
    except ModuleNotFoundError as exc:
        raise ConfigError(
            f"serve needs {exc.name}, which is not installed: {to_install('server')}"
        ) from exc

    graph, settings = graph_from(args), settings_from(args)
    tokens = load_tokens(args.tokens)
    host, port = _address(args.listen)
    if not tokens and not is_local(host):
        raise ConfigError(
            f"--listen {args.listen}: others could see the cameras: state tokens (--tokens FILE,"
            " or STREAMDET_OPERATOR_TOKEN)"
        )
    refuse_missing(graph)
    supervisor = Supervisor(graph, settings)
    supervisor.is_shared = not is_local(host)
    bound = listen.bound_socket(host, port)
    served = service.Service(lambda: supervisor.graph, settings.events)
    url = f"http://{host}:{bound.getsockname()[1]}/"
    with supervisor.counting_signals(), listen.serving(app.create_app(served, tokens), bound):
        return _serve(supervisor, served, args, url)


def _serve(supervisor: Supervisor, served: Service, args: Namespace, url: str) -> int:
    """Run the graph; then stay until a stop signal, if none has come."""
    outputs, notify = OutputFiles.of(served.graph), ServiceView()
    supervisor.on_folder = lambda folder: served.attach(folder, lambda: supervisor.redis_url)
    with run_log(args.log, sys.stdout, with_stages=args.stages) as log:
        connect_views(supervisor, served.graph, args, log, notify.show)
        log.note(f"{url}  (Ctrl-C ends it)")
        report = supervisor.run()
    served.end(report)
    log.end(report, written_files(report, outputs), outputs.kept())
    while not supervisor.stops:
        time.sleep(POLL_S)
    notify.end()
    return conclude(report, args)


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"--listen {listen}: wanted HOST:PORT, such as {DEFAULT_LISTEN}")
    return host.strip("[]"), int(port)
