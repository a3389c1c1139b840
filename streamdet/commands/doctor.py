"""`streamdet doctor`: what is here, what would be used, what is missing and how to get it."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from streamdet.commands.graph_arguments import add_machine_arguments, settings_from
from streamdet.commands.machine_checks import MODEL_TOPIC, Finding, findings


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `doctor`."""
    add_machine_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, every model by itself")


def run(args: Namespace) -> int:
    """Look at the machine; 0 if `streamdet run people` would work, else 1.

    Raises:
        ConfigError: the deploy file is wrong.
    """
    found = list(findings(settings_from(args)))
    broken = [finding.topic for finding in found if finding.state == "broken"]
    if args.json:
        values = {"works": not broken, "findings": [asdict(finding) for finding in found]}
        print(json.dumps(values, indent=2))
    else:
        print("\n".join(lines(counted(found))))
        print("`streamdet run people` works here" if not broken else _refusal(broken))
    return 1 if broken else 0


def counted(found: list[Finding]) -> list[Finding]:
    """Put one finding in the place of all the models that are not here."""
    absent = [f for f in found if f.state == "missing" and f.topic.startswith(MODEL_TOPIC)]
    if not absent:
        return found
    text = f"not on this machine: {len(absent)}"
    remedy = "streamdet models list names them, streamdet models show NAME says how to get one"
    return [f for f in found if f not in absent] + [Finding("models", "missing", text, remedy)]


def lines(found: list[Finding]) -> list[str]:
    """Write a line for each finding, in columns; what to do about it stands behind an arrow."""
    width = max(len(finding.topic) for finding in found)
    return [
        f"  {finding.state:<7}  {finding.topic:<{width}}  {finding.text}"
        + (f" -> {finding.remedy}" if finding.remedy else "")
        for finding in found
    ]


def _refusal(broken: list[str]) -> str:
    return f"`streamdet run people` does not work here: see {', '.join(broken)}"
