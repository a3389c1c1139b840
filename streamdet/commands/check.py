"""`streamdet check GRAPH`: say whether a graph is right, and what it is made of."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from streamdet.commands.graph_arguments import add_graph_arguments, graph_from
from streamdet.graph import Node, PipelineGraph
from streamdet.graph.mermaid import caption


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `check`."""
    add_graph_arguments(parser)


def run(args: Namespace) -> int:
    """Check a graph; print a line for each node.

    Raises:
        ConfigError: something is wrong.
    """
    graph = graph_from(args)
    processes = sum(group.replicas for group in graph.groups)
    print(f"{graph.path}: right, {len(graph.nodes)} nodes in {processes} processes")
    print(table(graph))
    return 0


def table(graph: PipelineGraph) -> str:
    """List the nodes in columns: name, kind, what it reads, its process."""
    rows = [
        (node.name, caption(node), _reads(node), f"process {node.process}")
        for node in graph.nodes.values()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(f"  {line}" for line in lines)


def _reads(node: Node) -> str:
    if node.role != "source":
        return f"reads {', '.join(node.reads)}"
    ids = ", ".join(item.source_id for item in node.items[:3])
    more = len(node.items) - 3
    return f"{ids} and {more} more" if more > 0 else ids
