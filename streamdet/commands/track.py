"""`streamdet track DET.txt`: run a tracker over detections in MOTChallenge format."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from streamdet.commands.report_text import counted
from streamdet.commands.set_options import add_set_argument, options_text
from streamdet.config.validation import checked
from streamdet.errors import ConfigError
from streamdet.registry import load, names
from streamdet.system.atomic_file import checked_output, file_key, replaced_whole
from streamdet.trackers.track_file import track_file


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `track`."""
    parser.add_argument("detections", type=Path, metavar="DET.txt", help="detections to track")
    parser.add_argument(
        "--tracker",
        default="byte_track",
        choices=sorted(names("tracker")),
        help="(default: %(default)s)",
    )
    parser.add_argument(
        "--output", required=True, metavar="OUT.txt", help="the tracks; replaced if it exists"
    )
    add_set_argument(parser, "max_age=60")


def run(args: Namespace) -> int:
    """Track a file and say what came of it.

    Raises:
        ConfigError: a file or an option is wrong.
    """
    kind: Any = load("tracker", args.tracker)
    text = options_text(args.set)
    options = checked(kind.Options, text, (), text.values)
    output = _checked_output(args.detections, args.output)
    with replaced_whole(output) as path:
        summary = track_file(args.detections, kind(options), path)
    print(
        f"{output}: {counted(summary.tracks, 'track')}, {counted(summary.boxes, 'box', 'boxes')}"
        f" in {counted(summary.frames, 'frame')}"
    )
    return 0


def _checked_output(detections: Path, output: str) -> Path:
    try:
        path = checked_output(output)
    except ConfigError as exc:
        raise ConfigError(f"--output {output}: {exc}") from exc
    if file_key(path) == file_key(detections):
        raise ConfigError(f"--output {output}: must differ from the detections' file")
    return path
