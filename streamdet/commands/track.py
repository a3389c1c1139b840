"""`streamdet track DET.txt`: run a tracker over detections in MOTChallenge format."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from streamdet.commands.report_text import counted
from streamdet.commands.set_options import add_set_argument, options_text
from streamdet.config.validation import checked
from streamdet.errors import ConfigError
from streamdet.registry import load, names
from streamdet.system.atomic_file import checked_output, file_key, replaced_whole
from streamdet.trackers.track_file import FileSummary, track_file


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
    parser.add_argument(
        "--offline",
        action="store_true",
        help="make the tracks better once all frames are known: earlier beginnings, filled gaps,"
        " smoothed boxes; how, say --set offline.fill_gaps=20 and `streamdet kinds bot_sort`",
    )
    add_set_argument(parser, "max_age=60")


def run(args: Namespace) -> int:
    """Track a file and say what came of it.

    Raises:
        ConfigError: a file or an option is wrong.
    """
    kind: Any = load("tracker", args.tracker)
    text = options_text(args.set, groups=("offline",))
    if args.offline:
        text.values.setdefault("offline", True)
    options = checked(kind.Options, text, (), text.values)
    output = _checked_output(args.detections, args.output)
    with replaced_whole(output) as path:
        summary = track_file(args.detections, kind(options), path, options.finishing)
    _say(output, summary)
    return 0


def _say(output: Path, summary: FileSummary) -> None:
    filled = f", {summary.filled} of them put into gaps" if summary.filled else ""
    print(
        f"{output}: {counted(summary.tracks, 'track')}, {counted(summary.boxes, 'box', 'boxes')}"
        f" in {counted(summary.frames, 'frame')}{filled}"
    )
    if summary.best_score and not summary.tracks:
        print(
            f"no detection became a track; the highest score is {summary.best_score:.2f}: lower the"
            " tracker's thresholds with --set (`streamdet kinds tracker` names the trackers,"
            " `streamdet kinds byte_track` the options of one)",
            file=sys.stderr,
        )


def _checked_output(detections: Path, output: str) -> Path:
    try:
        path = checked_output(output)
    except ConfigError as exc:
        raise ConfigError(f"--output {output}: {exc}") from exc
    if file_key(path) == file_key(detections):
        raise ConfigError(f"--output {output}: must differ from the detections' file")
    return path
