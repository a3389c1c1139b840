"""`streamdet apply GRAPH`: turn the graph of a running run into another one."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from streamdet.commands.run_choice import add_run_arguments, run_from
from streamdet.errors import ConfigError
from streamdet.run.change_plan import ChangePlan
from streamdet.run.control import graph_path


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `apply`."""
    parser.add_argument(
        "graph",
        nargs="?",
        metavar="GRAPH",
        help="graph file, or a shipped one; by default the run's own file, as it is now. --source,"
        " --output and --set of the run hold on",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--plan", action="store_true", help="print the plan, and change nothing")
    add_run_arguments(parser)
    parser.epilog = (
        "Cameras come and go, options change: only what has changed is restarted, and tracks of"
        " cameras that stay go on. What needs another start is refused. ${NAME} is looked up in the"
        " environment of the run. SIGHUP does the same with the run's own file, without a question."
    )


def run(args: Namespace) -> int:
    """Show the plan, ask, and apply it.

    Raises:
        StreamdetError: it cannot be applied, or there was no answer.
    """
    control = run_from(args)
    path = None if args.graph is None else graph_path(args.graph)
    plan = control.plan(path)
    for line in plan_lines(plan):
        print(line)
    if args.plan or plan.changes_nothing:
        return 0
    if not args.yes and not _agreed():
        print("nothing was changed")
        return 1
    control.apply(path, expected=plan)
    print("applied")
    return 0


def plan_lines(plan: ChangePlan) -> Iterator[str]:
    """Write a plan, a line for each camera and process."""
    if plan.changes_nothing:
        yield "nothing has changed"
        return
    width = max(len(step.name) for step in plan.steps)
    for step in plan.steps:
        why = f"  {step.reason}" if step.reason else ""
        yield f"  {step.what:<7}  {step.name:<{width}}  {step.action:<9}{why}".rstrip()
    for node in plan.forgotten:
        yield f"  what {node} remembers of each camera is forgotten"


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("apply asks before it changes anything: say --yes where nobody answers")
    try:
        return input("apply this? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
