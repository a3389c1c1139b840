"""The command `streamdet`: runs a subcommand and turns errors into a line and an exit code.

Exit codes: 0 done, 1 failed, 2 bad usage or configuration, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from streamdet import __version__
from streamdet.errors import ConfigError, StreamdetError
from streamdet.url_text import redacted

COMMANDS: Final[dict[str, str]] = {
    "run": "run a graph: decode, detect, track, publish",
    "tail": "print what is being published, like tail -f",
    "track": "run a tracker over a file of detections in MOT format",
    "check": "check a graph file and say what it is made of",
    "graph": "draw a graph as Mermaid or SVG",
    "schema": "print the JSON Schema of graph files, for editors",
}
"""Name -> help; each is a module of streamdet.commands, imported only when it is the one to run."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `streamdet` and return its exit code; errors are lines on stderr.

    Args:
        argv: arguments after the program's name; those of this process by default.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    args = _parser(arguments).parse_args(arguments)
    try:
        code: int = import_module(f"streamdet.commands.{args.command}").run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (`| head`) has gone: Python would complain of it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as exc:  # noqa: BLE001 (the outermost edge)
        return _report(exc, args)
    return code


def _parser(arguments: Sequence[str]) -> ArgumentParser:
    """Build the parser; only the command that is asked for has its arguments added."""
    parser = ArgumentParser(prog="streamdet", description="Streaming video detection.")
    parser.add_argument("--version", action="version", version=f"streamdet {__version__}")
    _add_debug(parser, default=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    asked = next((word for word in arguments if not word.startswith("-")), None)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
        _add_debug(command, default=SUPPRESS)
        if name == asked:
            import_module(f"streamdet.commands.{name}").add_arguments(command)
    return parser


def _add_debug(parser: ArgumentParser, *, default: bool | str) -> None:
    parser.add_argument(
        "--debug", action="store_true", default=default, help="show where an error comes from"
    )


def _report(exc: Exception, args: Namespace) -> int:
    if args.debug:
        sys.excepthook(type(exc), exc, exc.__traceback__)
    is_ours = isinstance(exc, StreamdetError)
    text = str(exc) if is_ours else f"{type(exc).__name__}: {exc} (a bug: --debug shows where)"
    for line in text.splitlines():
        print(f"error: {redacted(line)}", file=sys.stderr)
    return 2 if isinstance(exc, ConfigError) else 1


if __name__ == "__main__":
    sys.exit(main())
