"""`streamdet status`: how the runs of this machine are doing."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from streamdet.commands.report_text import add_stages_argument
from streamdet.commands.status_text import status_lines
from streamdet.run.status import run_statuses
from streamdet.transport.run_folder import live_runs


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `status`."""
    add_stages_argument(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON list, one entry a run")
    parser.epilog = (
        "It looks at each run for a second. Rates are of that second; all else is since the run"
        " began, as in the report at its end. Example: streamdet status --json"
    )


def run(args: Namespace) -> int:
    """Show every run of this user on this machine, newest first."""
    statuses = run_statuses(live_runs())
    if args.json:
        print(json.dumps([status.as_dict() for status in statuses], indent=2))
    elif not statuses:
        print("no run is under way on this machine")
    for status in () if args.json else statuses:
        print("\n".join(status_lines(status, with_stages=args.stages)))
    return 0
