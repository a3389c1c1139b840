"""`streamdet camera`: the cameras of a running run come, go, are paused and listed."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from dataclasses import asdict
from typing import Any, Final

from streamdet.commands.run_choice import add_run_arguments, run_from
from streamdet.commands.usage import with_example
from streamdet.config.overrides import parse_option, split_set
from streamdet.errors import ConfigError
from streamdet.run.control import PAUSED, CameraStatus, RunControl
from streamdet.system.redaction import short

FORMS: Final = {
    "list": "list the cameras with their state",
    "add": "add a camera",
    "remove": "go on without a camera, once its frames under way are through",
    "pause": "disconnect a camera until it is resumed; its tracks are kept",
    "resume": "connect a paused camera again",
}
EXAMPLES: Final = {
    "list": "streamdet camera list --json",
    "add": "streamdet camera add yard rtsp://user:password@10.0.0.8/stream1 --set fps=5",
    "remove": "streamdet camera remove yard",
    "pause": 'streamdet camera pause yard --reason "the painters are here"',
    "resume": "streamdet camera resume yard",
}
_BEFORE: Final = ("connecting", "removed", "paused")
"""States that it was in before it is tried, or while it is."""
_FIRST_STATE_S: Final = 10.0
_LOOK_S: Final = 0.25


def add_arguments(parser: ArgumentParser) -> None:
    """Add the forms and their arguments."""
    forms = parser.add_subparsers(dest="form", metavar="FORM", required=True)
    for name, text in FORMS.items():
        form = forms.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=with_example(None, EXAMPLES[name]),
            formatter_class=RawDescriptionHelpFormatter,
        )
        if name != "list":
            form.add_argument("name", metavar="NAME", help="name of the camera, its source_id")
        if name == "add":
            _add_camera_arguments(form)
        if name == "pause":
            form.add_argument(
                "--reason", default=PAUSED, metavar="TEXT", help="why; it is shown everywhere"
            )
        if name == "list":
            form.add_argument("--json", action="store_true", help="print a JSON list")
        add_run_arguments(form)
    parser.epilog = (
        "A camera that was removed may be added again: its frames are counted on, its tracks begin"
        " anew. `streamdet camera add --help` has the options of each form."
    )


def _add_camera_arguments(form: ArgumentParser) -> None:
    form.add_argument(
        "uri",
        metavar="URL",
        help="its address, see docs/live.md; only the run can read it in Redis. ${NAME} is looked"
        " up in the environment of the run, ${file:PATH} in a file there (single quotes keep the"
        " shell from it)",
    )
    form.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="an option of its own, e.g. fps=5; may be repeated",
    )
    form.add_argument(
        "--node", metavar="NAME", help="the node of the graph that it joins, where several do"
    )


def run(args: Namespace) -> int:
    """Do what is asked for.

    Raises:
        StreamdetError: it was refused, or there was no answer.
    """
    control = run_from(args)
    match args.form:
        case "list":
            _list(control.cameras(), as_json=args.json)
        case "add":
            control.add(args.name, _values(args), args.node)
            print(f"{args.name}: {_first_state(control, args.name)}")
        case "remove":
            print(_removed(control.remove(args.name)))
        case "pause":
            control.pause(args.name, args.reason)
            print(f"{args.name}: paused ({short(args.reason, 200)})")
        case "resume":
            control.resume(args.name)
            print(f"{args.name}: {_first_state(control, args.name)}")
    return 0


def _values(args: Namespace) -> dict[str, Any]:
    values: dict[str, Any] = {"uri": args.uri}
    for entry in args.set:
        keys, value, place = split_set(entry, "OPTION=VALUE, for example fps=5")
        if keys == ("uri",):
            raise ConfigError(f"{place}: the address stands before the options, as URL")
        values[".".join(keys)] = parse_option(value, place).values
    return values


def _first_state(control: RunControl, name: str) -> str:
    """Wait a little until the camera has answered or not; returns how it is."""
    end_s = time.monotonic() + _FIRST_STATE_S
    while True:
        states = [camera for camera in control.cameras() if camera.name == name]
        is_known = bool(states) and states[0].state not in _BEFORE
        if is_known or time.monotonic() > end_s:
            return str(states[0]) if states else "connecting"
        time.sleep(_LOOK_S)


def _removed(camera: CameraStatus) -> str:
    dropped = sum(camera.dropped.values())
    return (
        f"{camera.name}: removed; {camera.emitted} emitted, {camera.published} published,"
        f" {dropped} dropped"
    )


def _list(cameras: list[CameraStatus], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([asdict(camera) for camera in cameras], indent=2))
        return
    if not cameras:
        print("the run has no camera")
        return
    width = max(len(camera.name) for camera in cameras)
    for camera in cameras:
        print(f"{camera.name:<{width}}  {camera.address}  {camera}")
