"""The command `streamdet`: runs a subcommand and turns errors into a line and an exit code.

Exit codes: 0 done; 1 failed, also (without a word) when the reader of its output has gone; 2 bad
usage or configuration; 130 interrupted.

This module imports next to nothing, so that signals are handled as early as possible.
"""

from __future__ import annotations

import errno
import os
import signal
import sys

from streamdet.system.stop_signals import INTERRUPTED, STOP_SIGNALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Sequence
    from types import FrameType
    from typing import TextIO

COMMANDS: dict[str, str] = {
    "run": "run a graph: decode, detect, track, publish",
    "archive": "detect in many files, resumed after anything; a row for each in files.csv",
    "serve": "run a graph with a web page and an HTTP API",
    "status": "show how the runs of this machine are doing",
    "camera": "list, add, remove, pause and resume the cameras of a running run",
    "apply": "turn the graph of a running run into another one; restart only what changed",
    "tail": "print what is being published, like tail -f",
    "search": "find events and tracks in the records of runs: who was where, and when",
    "record": "keep what comes to a stage of a running run, to be replayed: a bug report",
    "replay": "work again on a recorded stage, with any graph",
    "track": "run a tracker over a file of detections in MOT format",
    "check": "check a graph file and say what it is made of",
    "graph": "draw a graph as Mermaid or SVG",
    "kinds": "list the kinds of nodes, or the options of one kind",
    "models": "list the models, show one, fetch its weights, build its network",
    "inspect": "look inside a network: feature maps, strongest responses, what they saw",
    "schema": "print the JSON Schema of graph files, published messages or events",
    "redis-acl": "print access rules for a Redis server: what each program may do",
    "eval": "measure the accuracy of results, of a model or of a whole pipeline",
    "label": "label footage with a detector, as images to train on",
    "train": "fit a detector to labelled images",
    "chaos": "run a graph while it is hurt on purpose, and account for every frame",
    "doctor": "say what this machine has, what would be used, and what is missing",
    "bench": "measure speed, memory and accuracy, each against its aim",
}
"""Name -> help; each is a module of streamdet.commands (_ for -), imported only to be run."""

_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def main(argv: Sequence[str] | None = None) -> int:
    """Run `streamdet` and return its exit code; errors are lines on stderr.

    Args:
        argv: arguments after the program's name; those of this process by default.
    """
    if argv is None:
        _speak_utf8()
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    on_stop(_leave)
    try:
        _open_closed_streams()
        if argv is None:
            _hide_secrets()
        try:
            code = _run(sys.argv[1:] if argv is None else list(argv))
        except KeyboardInterrupt:
            code = INTERRUPTED
        on_stop(_leave)
        return _finish_output(code)
    finally:
        if argv is not None:
            for number, handler in before.items():
                signal.signal(number, handler)
        else:
            # All output is done. Python would restore default handlers at exit, and a late signal
            # would kill us.
            on_stop(signal.SIG_IGN)


def _speak_utf8() -> None:
    """Start again in Python's UTF-8 mode where the locale has another encoding, such as LC_ALL=C.

    Names and texts are UTF-8 whatever the locale is; it decides on nothing else that is read here.
    """
    if sys.getfilesystemencoding() != "utf-8":
        os.environ["PYTHONUTF8"] = "1"  # for the processes of a run
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606


def _hide_secrets() -> None:
    """Take passwords out of what `ps` shows of this process."""
    from streamdet.system.redaction import redacted_value

    is_long = {"run", "serve", "archive"} & {*sys.argv}  # its environment may hold passwords, too
    if is_long or any(redacted_value(word) != word for word in sys.orig_argv):
        from streamdet.system.process import hide_secrets

        hide_secrets()


def on_stop(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    """Have all stop signals handled, but for those that are ignored (nohup)."""
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once: an exception in the middle of an import would be printed or swallowed there."""
    os._exit(INTERRUPTED)


def _run(arguments: Sequence[str]) -> int:
    from importlib import import_module

    try:
        args = make_parser(arguments).parse_args(arguments)
        command = import_module(_module(args.command))
        on_stop(signal.default_int_handler)
        code: int = command.run(args)
    except SystemExit as exc:  # argparse: --help, or wrong usage
        return int(exc.code or 0)
    except Exception as exc:  # noqa: BLE001 (the outermost edge)
        return _report(exc, is_debug="--debug" in arguments)
    return code


def make_parser(arguments: Sequence[str]) -> ArgumentParser:
    """Build the parser; only the command that is asked for has its arguments added."""
    from argparse import SUPPRESS, RawDescriptionHelpFormatter
    from importlib import import_module

    from streamdet import __version__
    from streamdet.commands.usage import EXAMPLES, Parser, with_example

    parser = Parser(prog="streamdet", description="Streaming video detection.")
    parser.add_argument("--version", action="version", version=f"streamdet {__version__}")
    _add_debug(parser, default=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    asked = next((word for word in arguments if not word.startswith("-")), None)
    for name, text in COMMANDS.items():
        description = f"{text[0].upper()}{text[1:]}."
        command = commands.add_parser(name, help=text, description=description)
        _add_debug(command, default=SUPPRESS)
        if name == asked:
            import_module(_module(name)).add_arguments(command)
            command.epilog = with_example(command.epilog, EXAMPLES[name])
            command.formatter_class = RawDescriptionHelpFormatter
    return parser


def _add_debug(parser: ArgumentParser, *, default: bool | str) -> None:
    parser.add_argument(
        "--debug", action="store_true", default=default, help="show where an error comes from"
    )


def _report(exc: Exception, *, is_debug: bool) -> int:
    """Say what went wrong; returns the exit code."""
    from streamdet.errors import ConfigError, StreamdetError
    from streamdet.system.redaction import redacted

    if is_debug:
        from traceback import format_exception

        _say(redacted("".join(format_exception(exc)).rstrip()))
    if isinstance(exc, StreamdetError):
        text = str(exc)
    elif isinstance(exc, BrokenPipeError):
        return 1
    elif isinstance(exc, OSError) and exc.errno in _UNWRITABLE:
        text = _unwritten(exc)
    else:
        text = f"{type(exc).__name__}: {exc} (a bug: --debug shows where)"
    for line in text.splitlines():
        _say(f"error: {redacted(line)}")
    return 2 if isinstance(exc, ConfigError) else 1


def _open_closed_streams() -> None:
    """Open /dev/null as every standard stream that was closed (`>&-`).

    Otherwise the next file that is opened would get its number, and be printed into.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 (pathlib is slow)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # names of files need not be UTF-8


def _finish_output(code: int) -> int:
    """Flush what was printed; returns the exit code, which is not 0 if that failed."""
    try:
        sys.stdout.flush()
    except OSError as exc:
        _silence(sys.stdout)
        if code == 0 and not isinstance(exc, BrokenPipeError):
            _say(f"error: {_unwritten(exc)}")
        return code or 1
    return code


def _unwritten(exc: OSError) -> str:
    return f"{exc.filename or 'the output'} cannot be written: {str(exc.strerror).lower()}"


def _say(line: str) -> None:
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _silence(sys.stderr)


def _silence(stream: TextIO) -> None:
    """Redirect the stream to /dev/null, so that Python's flush at exit cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _module(command: str) -> str:
    """Name the module of a command."""
    return f"streamdet.commands.{command.replace('-', '_')}"


if __name__ == "__main__":
    sys.exit(main())
