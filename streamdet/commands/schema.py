"""`streamdet schema`: print the JSON Schema of graph files, for editors."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from streamdet.graph.schema import graph_schema


def add_arguments(parser: ArgumentParser) -> None:
    """Add nothing: the schema is one for all graphs."""


def run(args: Namespace) -> int:
    """Print the schema."""
    print(json.dumps(graph_schema(), indent=2))
    return 0
