"""`streamdet track DET.txt`: run a tracker over detections in MOTChallenge format."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from streamdet.errors import ConfigError
from streamdet.field_errors import checked
from streamdet.registry import KINDS, load
from streamdet.trackers.track_file import track_file
from streamdet.yaml_text import parse_yaml


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `track`."""
    parser.add_argument("detections", type=Path, metavar="DET.txt", help="detections to track")
    parser.add_argument("--tracker", default="byte_track", choices=sorted(KINDS["tracker"]))
    parser.add_argument("--output", type=Path, required=True, metavar="OUT.txt", help="the tracks")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="change an option of the tracker, e.g. max_age=60; may be repeated",
    )


def run(args: Namespace) -> int:
    """Track a file and say what came of it.

    Raises:
        ConfigError: a file or an option is wrong.
    """
    kind: Any = load("tracker", args.tracker)
    text = parse_yaml("\n".join(map(_assignment, args.set)), "--set", {})
    options = checked(kind.Options, text, (), text.values or {})
    summary = track_file(args.detections, kind(options), args.output)
    print(
        f"{args.output}: {summary.tracks} tracks, {summary.boxes} boxes in {summary.frames} frames"
    )
    return 0


def _assignment(entry: str) -> str:
    name, is_given, value = entry.partition("=")
    if not is_given or "\n" in entry:
        raise ConfigError(f"--set {entry}: wanted OPTION=VALUE")
    return f"{name}: {value}"
