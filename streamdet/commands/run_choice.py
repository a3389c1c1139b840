"""The arguments of every command that changes a running run: which one."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from streamdet.run.control import RunControl, find_run


def add_run_arguments(parser: ArgumentParser) -> None:
    """Add --run and --redis."""
    parser.add_argument(
        "--run",
        metavar="NAME",
        help="the run, by its id or its graph's name (`streamdet status` has both); by default the"
        " only one",
    )
    parser.add_argument(
        "--redis",
        metavar="URL",
        help="look for it on this server; by default among your runs on this machine",
    )


def run_from(args: Namespace) -> RunControl:
    """Find the run that the arguments choose.

    Raises:
        ConfigError: there is none, or more than one.
        TransportError: the server does not answer.
    """
    return find_run(args.run, args.redis)
