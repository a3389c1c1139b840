"""`streamdet tail [STREAM]`: print what is published, like `tail -f`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from streamdet.commands.live import describe
from streamdet.errors import ConfigError, TransportError
from streamdet.settings import load_settings
from streamdet.transport.run_folder import ADDRESS_FILE, live_runs
from streamdet.transport.tailing import follow


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `tail`."""
    parser.add_argument("stream", nargs="?", default="detections", metavar="STREAM")
    parser.add_argument("--redis", metavar="URL", help="the server; else the run under way here")
    parser.add_argument("--all", action="store_true", help="begin with what is there already")
    parser.add_argument("--json", action="store_true", help="print each message as it is")
    parser.add_argument("--count", type=int, metavar="N", help="end after N messages")
    parser.add_argument("--timeout", type=float, metavar="S", help="end after S silent seconds")


def run(args: Namespace) -> int:
    """Follow a stream until it is interrupted, `--count` is reached or nothing comes any more.

    Raises:
        ConfigError: there is no server to follow.
    """
    printed, silent_s = 0, 0.0
    url = args.redis or _running_server()
    try:
        for message in follow(url, args.stream, "0" if args.all else "$"):
            if message is None:
                silent_s += 0.5
                if args.timeout is not None and silent_s >= args.timeout:
                    return 0
                continue
            silent_s = 0.0
            text = message.fields["metadata"].decode() if args.json else describe(message.fields)
            print(text, flush=True)
            printed += 1
            if printed == args.count:
                return 0
    except TransportError as exc:
        if args.redis or not printed:
            raise
        print(f"the run has ended: {exc}", file=sys.stderr)
    return 0


def _running_server() -> str:
    settings = load_settings()
    if not settings.is_embedded:
        return settings.redis.reveal()
    for folder in live_runs():
        if (folder / ADDRESS_FILE).exists():
            return (folder / ADDRESS_FILE).read_text()
    raise ConfigError("no run is under way on this machine: name a server with --redis URL")
