"""`streamdet inspect MODEL`: feature maps, strongest responses, and what they saw."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamdet.commands.models_build import add_random_argument
from streamdet.errors import ConfigError, EngineError, to_install
from streamdet.system.atomic_file import checked_output, write_whole

if TYPE_CHECKING:
    from streamdet.inspection.layers import Shapes


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `inspect`."""
    parser.add_argument(
        "model", metavar="MODEL", help="a model's name, its .yaml, or backbone:NAME"
    )
    image = parser.add_argument("image", type=Path, metavar="[IMAGE]", help="an image")
    image.required = (
        False  # nargs="?" would count as read with MODEL, whatever options stand between
    )
    parser.add_argument("--folder", type=Path, metavar="DIR", help="the strongest of all in it")
    parser.add_argument("--layer", metavar="NAME", help="e.g. conv5; without it, layers are listed")
    parser.add_argument(
        "--channel", type=int, metavar="N", help="from 0 on (default: the one that responds most)"
    )
    parser.add_argument(
        "--most", type=_count, default=9, metavar="N", help="responses (default: %(default)s)"
    )
    ways = parser.add_mutually_exclusive_group()
    for way, text in (("guided", "guided backpropagation"), ("deconv", "a deconvolution")):
        ways.add_argument(
            f"--{way}", dest="way", action="store_const", const=way, help=f"what was seen: {text}"
        )
    parser.add_argument("--weights", type=Path, metavar="FILE", help="of a backbone")
    add_random_argument(parser)
    parser.add_argument(
        "--side", type=_count, metavar="PIXELS", help="a backbone's image, shorter side (224)"
    )
    parser.add_argument(
        "--output", metavar="IMAGE", help="what is written (default: MODEL-LAYER-CHANNEL.png)"
    )


def run(args: Namespace) -> int:
    """List the layers, or write an image of a channel's strongest responses.

    Raises:
        ConfigError: an argument is wrong, or the weights are missing.
        EngineError: the network cannot run here, or the image cannot be written.
    """
    if find_spec("torch") is None:
        raise EngineError(f"torch is not installed: {to_install('networks')}")
    from streamdet.commands.inspect_channel import folder_sheet, image_sheet
    from streamdet.commands.inspect_subject import make_subject
    from streamdet.inspection.channel import Look
    from streamdet.inspection.layers import find_layer, layer_shapes

    if args.layer is not None and (args.image is None) == (args.folder is None):
        raise ConfigError("wanted either an image or --folder DIR")
    _check_output(args.output)
    if args.layer is None and args.weights is None:
        args.random = 0  # names need no weights
    subject = make_subject(args)
    shapes = layer_shapes(subject.network, subject.blank())
    if args.layer is None:
        _print_layers(subject.network, shapes)
        return 0
    try:
        layer = find_layer(subject.network, shapes, args.layer)
    except ConfigError:
        _print_layers(subject.network, shapes)
        raise
    if args.channel is not None and not 0 <= args.channel < shapes[layer][0]:
        raise ConfigError(
            f"--channel {args.channel}: {layer} has the channels 0 to {shapes[layer][0] - 1}"
        )
    sheet_of = image_sheet if args.folder is None else folder_sheet
    channel, sheet = sheet_of(args, Look(subject, layer, args.way))
    path = args.output or _file_name(f"{subject.name}-{args.layer}-{channel}")
    _write(Path(path).expanduser(), sheet)
    return 0


def _print_layers(network: Any, shapes: Shapes) -> None:
    """List the layers that are no parts of others, their maps and what papers call them."""
    from streamdet.inspection.layers import map_layers

    called = {layer: name for name, layer in map_layers(network).items() if name != layer}
    outer = {name: shape for name, shape in shapes.items() if _parent(name) not in shapes}
    width = max(map(len, outer))
    for name, (channels, height, columns) in outer.items():
        alias = f"  {called[name]}" if name in called else ""
        print(f"  {name:<{width}}  {channels:>4} channels, {columns} x {height}{alias}")
    if inner := [name for name in shapes if name not in outer]:
        print(f"{len(inner)} parts of these are layers too, e.g. {inner[-1]}")
    sys.stdout.flush()  # before an error that follows


def _parent(name: str) -> str:
    return name.rpartition(".")[0]


def _check_output(output: str | None) -> None:
    if output is None:
        return
    try:
        path = checked_output(output)
    except ConfigError as exc:
        raise ConfigError(f"--output {output}: {exc}") from exc
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise ConfigError(f"--output {output}: wanted a .png or .jpg file")


def _file_name(stem: str) -> str:
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', stem)}.png"


def _write(path: Path, sheet: Any) -> None:
    import cv2

    _, encoded = cv2.imencode(path.suffix.lower(), sheet)
    write_whole(path, encoded.tobytes())
    print(f"written: {path}")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 4096:
        raise ArgumentTypeError(f"must be a whole number from 1 to 4096, got {text!r}")
    return int(text)
