"""`streamdet search`: find events and tracks in the records that a run keeps."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import datetime
from pathlib import Path
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from streamdet.commands.moments import FORMS, begin, end
from streamdet.config.suggestions import nearest
from streamdet.errors import ConfigError
from streamdet.records.search import Answer, Found, Query, by_name, search, unknown_names

DEFAULT_FOLDER: Final = "records"
_PIPE_WIDTH: Final = 1000
"""Characters a line, where no terminal cuts it."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `search`."""
    # So that -2h is a value, and no option.
    parser._negative_number_matcher = re.compile(r"-\d+(\.\d+)?[smhdw]?$")
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path(DEFAULT_FOLDER),
        metavar="FOLDER",
        help="what the run's `records` node, or --output X.records, writes (default: records)",
    )
    for option, what in (
        ("--class", "a class of objects, e.g. person"),
        ("--zone", "a zone, line or presence"),
        ("--camera", "a camera or other source"),
        ("--event", "a kind of event (zone_enter, line_crossed, camera ...), or `track`"),
    ):
        metavar = option.removeprefix("--").upper()
        help_ = f"{what}; repeat it, or separate with commas, for several"
        parser.add_argument(option, action="append", default=[], metavar=metavar, help=help_)
    parser.add_argument(
        "--attribute",
        action="append",
        type=attribute,
        default=[],
        metavar="NAME=VALUE",
        help="what a `classify` node says of the object, e.g. colour=red; repeat it: of one name"
        " any value will do, of several names all must be so",
    )
    parser.add_argument("--from", dest="since", type=begin, metavar="TIME", help=f"e.g. {FORMS}")
    parser.add_argument("--to", dest="until", type=end, metavar="TIME", help="likewise")
    parser.add_argument(
        "--limit", type=positive, default=100, metavar="N", help="rows at most (default 100)"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object a line, in UTC")
    parser.epilog = (
        "Newest first. A time without a zone is in this machine's (TZ); a day for --to means its"
        " end. A track is found if a part of it lies in between."
    )


def run(args: Namespace) -> int:
    """Search.

    Raises:
        ConfigError: there are no records there, or the times are the wrong way round.
    """
    if args.since and args.until and args.since >= args.until:
        raise ConfigError(f"--from {_shown(args.since)} must be before --to {_shown(args.until)}")
    query = Query(
        labels=_names(vars(args)["class"]),
        places=_names(args.zone),
        source_ids=_names(args.camera),
        events=_names(args.event),
        attributes=by_name(args.attribute),
        since=args.since,
        until=args.until,
        limit=args.limit,
    )
    answer = search(args.folder, query)
    if args.json:
        for row in answer.rows:
            print(json.dumps(row.as_dict(), ensure_ascii=False))
    elif answer.rows:
        _print(answer)
    else:
        print("nothing is found")
        for what, name, known in unknown_names(args.folder, query):
            print(f"no {what} {name!r} in these records; {nearest(name, known)}")
    return 0


def _print(answer: Answer) -> None:
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    zone = datetime.now().astimezone()
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in (f"time ({zone:%Z %z})", "until", "camera", "event", "class", "zone", "file"):
        table.add_column(name, overflow="fold")
    for row in answer.rows:
        table.add_row(*_cells(row))
    console.print(table)
    if answer.is_cut:
        print("there are more: narrow the search, or raise --limit")


def _cells(row: Found) -> tuple[str, ...]:
    number = "" if row.track is None else f"#{row.track}"
    state = row.more.get("state") or row.more.get("direction")
    what = " ".join(filter(None, (row.event, state)))
    file = row.path or (row.clip and row.clip.path) or (row.snapshot and row.snapshot.path)
    until = _shown(datetime.fromisoformat(row.until), is_short=True) if row.until else ""
    whom = " ".join(filter(None, (f"{row.label or ''}{number}", *row.attributes.values())))
    cells = (row.source_id, what, whom, row.place, file)
    return _shown(datetime.fromisoformat(row.at)), until, *(cell or "" for cell in cells)


def _shown(moment: datetime, *, is_short: bool = False) -> str:
    form = "%H:%M:%S" if is_short else "%Y-%m-%d %H:%M:%S"
    return moment.astimezone().strftime(form)


def _names(stated: list[str]) -> tuple[str, ...]:
    return tuple(name.strip() for text in stated for name in text.split(",") if name.strip())


def attribute(text: str) -> tuple[str, str]:
    """Read NAME=VALUE.

    Raises:
        ArgumentTypeError: it is none.
    """
    name, _, value = (part.strip() for part in text.partition("="))
    if not name or not value:
        raise ArgumentTypeError(f"must be NAME=VALUE, such as colour=red, got {text!r}")
    return name, value


def positive(text: str) -> int:
    """Read a whole number that is at least 1.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"must be at least 1, got {text!r}")
    return int(text)
