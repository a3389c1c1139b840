"""`streamdet tail [STREAM]`: print what is published, like `tail -f`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import Final

from streamdet.commands.live import as_it_is, describe
from streamdet.config.deploy import load_settings
from streamdet.errors import ConfigError, TransportError
from streamdet.transport.run_folder import live_servers
from streamdet.transport.tailing import WAIT_MS, follow, streams

_SHOWN: Final = 20


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `tail`."""
    parser.add_argument(
        "stream",
        nargs="?",
        default="detections",
        metavar="STREAM",
        help="key of the Redis stream, the `stream` of a graph's sink (default: detections)",
    )
    parser.add_argument(
        "--redis",
        metavar="URL",
        help="the server; by default STREAMDET_REDIS, else the newest run on this machine",
    )
    parser.add_argument("--all", action="store_true", help="begin with what is there already")
    parser.add_argument("--json", action="store_true", help="print each message as it is")
    parser.add_argument("--count", type=_positive, metavar="N", help="end after N messages")
    parser.add_argument("--timeout", type=float, metavar="S", help="end after S silent seconds")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"must be at least 1, got {text!r}")
    return int(text)


def run(args: Namespace) -> int:
    """Follow a stream until it is interrupted, `--count` is reached or nothing comes any more.

    Raises:
        ConfigError: there is no server to follow.
        TransportError: it does not answer.
    """
    url = args.redis or _stated_server()
    try:
        printed = _follow(args, url or _newest_run())
    except TransportError as exc:
        if url is not None:
            raise
        print(f"the run has ended: {exc}", file=sys.stderr)
    else:
        if not printed:
            silence = f"nothing came from stream {args.stream!r} in {args.timeout:g} s"
            print(silence, file=sys.stderr)
    return 0


def _follow(args: Namespace, url: str) -> int:
    """Print messages; returns how many."""
    shown = as_it_is if args.json else describe
    if args.stream not in (there := streams(url)):
        known = f"there is {', '.join(there[:_SHOWN])}" if there else "there is none"
        known += " ..." if len(there) > _SHOWN else ""
        print(f"there is no stream {args.stream!r} yet; {known}; waiting for it", file=sys.stderr)
    printed, silent_s = 0, 0.0
    for message in follow(url, args.stream, "0" if args.all else "$"):
        if message is None:
            silent_s += WAIT_MS / 1000
        else:
            silent_s = 0.0
            print(shown(message.fields), flush=True)
            printed += 1
        if printed == args.count or (args.timeout is not None and silent_s >= args.timeout):
            break
    return printed


def _stated_server() -> str | None:
    settings = load_settings()
    return None if settings.is_embedded else settings.redis.reveal()


def _newest_run() -> str:
    """Find the private server of the newest run on this machine; say so if there are several."""
    runs = live_servers()
    if not runs:
        raise ConfigError("no run is under way on this machine: name a server with --redis URL")
    (name, url), *others = runs.items()
    if others:
        known = ", ".join(f"--redis {other}" for _, other in others)
        print(f"following run {name}, the newest; others under way: {known}", file=sys.stderr)
    return url
