"""`streamdet schema`: print the JSON Schema of graph files, published messages or events."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from streamdet.formats.event_json import event_schema
from streamdet.formats.message_schema import message_schema
from streamdet.graph.schema import graph_schema

SCHEMAS = {"graph": graph_schema, "message": message_schema, "event": event_schema}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the argument of `schema`."""
    parser.add_argument(
        "what",
        nargs="?",
        choices=list(SCHEMAS),
        default="graph",
        help="of graph files, for editors (the default), or of the messages or events of a run",
    )


def run(args: Namespace) -> int:
    """Print a schema."""
    print(json.dumps(SCHEMAS[args.what](), indent=2))
    return 0
