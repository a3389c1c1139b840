"""`streamdet track DET.txt`: run a tracker over detections in MOTChallenge format."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streamdet.commands.report_text import counted
from streamdet.errors import ConfigError
from streamdet.field_errors import checked
from streamdet.output_file import checked_output, file_key
from streamdet.registry import KINDS, load
from streamdet.trackers.track_file import track_file
from streamdet.url_text import short
from streamdet.yaml_text import YamlText, parse_option


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `track`."""
    parser.add_argument("detections", type=Path, metavar="DET.txt", help="detections to track")
    parser.add_argument(
        "--tracker",
        default="byte_track",
        choices=sorted(KINDS["tracker"]),
        help="(default: %(default)s)",
    )
    parser.add_argument(
        "--output", required=True, metavar="OUT.txt", help="the tracks; replaced if it exists"
    )
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
    text = _options_text(args.set)
    options = checked(kind.Options, text, (), text.values)
    output = _checked_output(args.detections, args.output)
    with _written_whole(output) as path:
        summary = track_file(args.detections, kind(options), path)
    print(
        f"{output}: {counted(summary.tracks, 'track')}, {counted(summary.boxes, 'box', 'boxes')}"
        f" in {counted(summary.frames, 'frame')}"
    )
    return 0


def _options_text(entries: Sequence[str]) -> YamlText:
    text = YamlText("--set", values={})
    for entry in entries:
        place = f"--set {short(entry)}"
        name, is_given, value = entry.partition("=")
        if not is_given or not name:
            raise ConfigError(f"{place}: wanted OPTION=VALUE")
        option = parse_option(value, place)
        text.values[name], text.places[(name,)] = option.values, place
        text.texts |= {(name, *below): written for below, written in option.texts.items()}
    return text


def _checked_output(detections: Path, output: str) -> Path:
    try:
        path = checked_output(output)
    except ConfigError as exc:
        raise ConfigError(f"--output {output}: {exc}") from exc
    if file_key(path) == file_key(detections):
        raise ConfigError(f"--output {output}: must differ from the detections' file")
    return path


@contextmanager
def _written_whole(path: Path) -> Iterator[Path]:
    """Give a path to write to; what is there takes the place of `path` when all is written."""
    if path.exists() and not path.is_file():  # such as /dev/stdout
        yield path
        return
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
