"""The sheet of one channel: of one image, or of a folder of them."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from streamdet.commands.progress_through import progress_through
from streamdet.errors import ConfigError, StreamdetError
from streamdet.evaluation.image_file import read_image
from streamdet.image import Pixels
from streamdet.inspection.channel import Look, strongest_channel, strongest_of
from streamdet.inspection.drawing import Finding, contact_sheet, map_sheet
from streamdet.inspection.responses import Response, strongest
from streamdet.sources.resolve import list_images


def image_sheet(args: Namespace, look: Look) -> tuple[int, Pixels]:
    """Look at a channel over `args.image`, at `args.channel` or the one that responds most.

    Returns:
        The channel and its image.

    Raises:
        ConfigError: the image cannot be read, or the channel does not respond to it.
    """
    prepared = look.subject.prepare(read_image(args.image))
    features = look.features(prepared)
    channel = strongest_channel(features) if args.channel is None else args.channel
    findings = look.findings(prepared, strongest(features[channel], channel, args.most))
    if not findings:
        raise ConfigError(f"{args.image}: channel {channel} of {look.layer} does not respond to it")
    title = _title(args, look, channel)
    _print(title, findings)
    return channel, map_sheet(title, features[channel].numpy(), findings)


def folder_sheet(args: Namespace, look: Look) -> tuple[int, Pixels]:
    """Take the strongest response of each image of `args.folder`, and of these the strongest.

    Without `args.channel` it is the channel that responds most to the first image.

    Returns:
        The channel and its image.

    Raises:
        ConfigError: there are no images, or the channel never responds.
    """
    paths = list_images(str(args.folder.absolute())) if args.folder.is_dir() else []
    if not paths:
        raise ConfigError(f"--folder {args.folder}: there are no images")
    channel, best = _search(args, look, paths)
    findings = []
    for response, path in best:
        prepared = look.subject.prepare(read_image(Path(path)))
        named = look.findings(prepared, [response])
        findings += [replace(finding, title=Path(path).name) for finding in named]
    if channel is None or not findings:
        raise ConfigError(f"--folder {args.folder}: {look.layer} responds to none of its images")
    title = f"{_title(args, look, channel)}: the strongest of {len(paths)} images"
    _print(title, findings)
    return channel, contact_sheet(title, findings)


def _search(
    args: Namespace, look: Look, paths: Sequence[Path]
) -> tuple[int | None, list[tuple[Response, str]]]:
    channel: int | None = args.channel
    best: list[tuple[Response, str]] = []
    for path in progress_through(paths, "images", sys.stderr):
        try:
            features = look.features(look.subject.prepare(read_image(path)))
        except StreamdetError as exc:
            print(f"warning: {exc}", file=sys.stderr)
            continue
        if channel is None:
            channel = strongest_channel(features)
        best = strongest_of(best, features[channel], channel, str(path), args.most)
    return channel, best


def _title(args: Namespace, look: Look, channel: int) -> str:
    parts = [look.subject.name, args.layer, f"channel {channel}"]
    if look.way is not None:
        parts.append({"guided": "guided backpropagation", "deconv": "deconvolution"}[look.way])
    return ", ".join([*parts, look.subject.remark] if look.subject.remark else parts)


def _print(title: str, findings: Sequence[Finding]) -> None:
    print(title)
    for number, finding in enumerate(findings, start=1):
        row, column = finding.response.yx
        x1, y1, x2, y2 = finding.xyxy
        where = f"cell ({column}, {row}), sees {x2 - x1} x {y2 - y1} pixels at ({x1}, {y1})"
        print(f"  {number}: {finding.response.value:.4g}, {where}  {finding.title}".rstrip())
