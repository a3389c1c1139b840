"""`streamdet graph GRAPH`: draw a graph."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from streamdet.commands.graph_arguments import add_graph_arguments, graph_from
from streamdet.graph.mermaid import to_mermaid
from streamdet.graph.svg import to_svg

_FORMATS = {"mermaid": to_mermaid, "svg": to_svg}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `graph`."""
    add_graph_arguments(parser)
    parser.add_argument(
        "--format", choices=_FORMATS, default="mermaid", help="what to print (default: mermaid)"
    )


def run(args: Namespace) -> int:
    """Print the drawing.

    Raises:
        ConfigError: the graph is wrong.
    """
    sys.stdout.write(_FORMATS[args.format](graph_from(args)))
    return 0
