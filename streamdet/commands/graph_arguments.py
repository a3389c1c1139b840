"""The arguments of every command that works on a graph, and on the machine it runs on."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from streamdet.config.deploy import DeploySettings, load_settings
from streamdet.config.files import shipped_names
from streamdet.graph import PipelineGraph, load_graph
from streamdet.graph.overrides import OUTPUT_FORMATS


def add_graph_arguments(parser: ArgumentParser, *, is_run: bool = False) -> None:
    """Add GRAPH, --source, --output and --set.

    Args:
        parser: gets them.
        is_run: whether the command writes the outputs; the others only look at the graph.
    """
    output = (
        "a file that exists is overwritten, .records are added to"
        if is_run
        else "this command writes none"
    )
    parser.add_argument(
        "graph",
        metavar="GRAPH",
        help=f"graph file, or a shipped one: {', '.join(shipped_names('pipelines'))}",
    )
    parser.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="X",
        help="file, folder (not its subfolders), glob (** goes down), synthetic:street or a live "
        "source (rtsp://..., see docs/live.md) for the graph's source; repeat it for more",
    )
    parser.add_argument(
        "--output",
        action="append",
        default=[],
        metavar="PATH",
        help=f"an output beside the graph's own, by what it ends in: {OUTPUT_FORMATS}; {output}; "
        "may be repeated",
    )
    add_set_argument(parser)


def add_set_argument(parser: ArgumentParser) -> None:
    """Add --set."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NODE.OPTION=VALUE",
        help="change an option of the graph, e.g. detect.score_thresh=0.4; may be repeated",
    )


def add_machine_arguments(parser: ArgumentParser) -> None:
    """Add --redis and --deploy."""
    parser.add_argument(
        "--redis", metavar="URL|embedded", help="the Redis server, instead of the deploy file's"
    )
    parser.add_argument(
        "--deploy", default="local", metavar="NAME", help="settings of this machine, or their path"
    )


def graph_from(args: Namespace, path: str | None = None) -> PipelineGraph:
    """Load the graph that the arguments describe.

    Args:
        args: of the command line.
        path: another graph file in place of theirs.

    Raises:
        ConfigError: the graph or an argument is wrong.
    """
    return load_graph(
        path or args.graph, sources=args.source, outputs=args.output, overrides=args.set
    )


def settings_from(args: Namespace) -> DeploySettings:
    """Load how this machine runs graphs.

    Raises:
        ConfigError: the deploy file or the server's address is wrong.
    """
    return load_settings(args.deploy, redis=args.redis)
