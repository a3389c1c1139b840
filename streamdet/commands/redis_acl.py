"""`streamdet redis-acl GRAPH`: print rules that let each program do what it must, and no more."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from typing import Final

from streamdet.commands.graph_arguments import add_set_argument
from streamdet.config.deploy import load_settings
from streamdet.errors import ConfigError
from streamdet.graph import load_graph
from streamdet.transport.access_rules import lines, roles

ROLES: Final = ("run", "operator", "consumer", "reader")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `redis-acl`."""
    parser.add_argument(
        "graph",
        metavar="GRAPH",
        help="graph file, or a shipped one: its streams stand in the rules",
    )
    add_set_argument(parser)
    parser.add_argument(
        "--deploy", default="local", metavar="NAME", help="settings of this machine, or their path"
    )
    parser.add_argument(
        "--role", action="append", choices=ROLES, help="only this one; may be repeated"
    )
    parser.add_argument(
        "--prefix",
        default="streamdet-",
        metavar="TEXT",
        help="what the users' names begin with (default: streamdet-)",
    )
    parser.epilog = (
        "It prints commands for redis-cli, for Redis 7 or newer, and touches no server. Put a"
        " password in the place of each PASSWORD, and name the user in the address:"
        " redis://streamdet-run:PASSWORD@HOST. Nobody may run a command of @dangerous or @admin."
    )


def run(args: Namespace) -> int:
    """Print the rules.

    Raises:
        ConfigError: the graph is wrong, or a name cannot stand in a rule.
    """
    if not re.fullmatch(r"[\w.-]*", args.prefix):
        raise ConfigError("--prefix may have letters, digits and _ . - only")
    settings = load_settings(args.deploy)
    streams = load_graph(args.graph, overrides=args.set).public_streams
    public = dict.fromkeys([*streams, settings.events, settings.dead_letters])
    wanted = [role for role in roles([*public]) if not args.role or role.name in args.role]
    print("\n".join(lines(wanted, args.prefix)))
    return 0
