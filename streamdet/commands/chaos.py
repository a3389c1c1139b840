"""`streamdet chaos GRAPH`: run a graph while it is hurt on purpose, and account for every frame."""

from __future__ import annotations

import json
import re
import tempfile
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from streamdet.chaos.cameras import PROXIED, behind_proxies
from streamdet.chaos.faults import FAULTS, OF_CAMERAS
from streamdet.chaos.trial import Verdict, counts_of, play
from streamdet.chaos.trial_run import TrialRun
from streamdet.commands.graph_arguments import add_graph_arguments, graph_from
from streamdet.config.suggestions import nearest
from streamdet.errors import ConfigError
from streamdet.graph.outputs import check_report
from streamdet.run.missing_parts import refuse_missing
from streamdet.system.atomic_file import write_whole
from streamdet.system.redaction import short

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600}
LONGEST_S: Final = 7 * 24 * 3600
SHORTEST_EVERY_S: Final = 1.0


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `chaos`."""
    add_graph_arguments(parser, is_run=True)
    parser.add_argument(
        "--for", dest="for_s", type=_duration_s, default=60.0, metavar="TIME",
        help="how long, e.g. 90s, 5m or 2h (default: 1m)",
    )  # fmt: skip
    parser.add_argument(
        "--every", dest="every_s", type=_duration_s, default=5.0, metavar="TIME",
        help="from one fault to the next (default: 5s)",
    )  # fmt: skip
    parser.add_argument(
        "--faults", metavar="NAME,...",
        help="only these: " + "; ".join(f"{name}: {_summary(name)}" for name in FAULTS),
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the faults' order (default: 0)")
    parser.add_argument("--report", metavar="R.json", help="write what was done and found as JSON")
    parser.epilog = (
        "The graph runs on a private Redis server with an append-only file, which is hurt too; no"
        " server of yours is touched. Cameras (rtsp://, http://) are reached by way of a proxy that"
        " breaks their connections. Every frame must be published once or dropped for a stated"
        " reason, in order, and nothing may be left behind: exit code 1 if not."
    )


def run(args: Namespace) -> int:
    """Hurt a run of the graph; 1 if it did not take it well.

    Raises:
        ConfigError: something is wrong, before anything has started.
        EngineError: the run did not begin, or does not end.
    """
    kinds = _kinds(args.faults, args.source)
    if args.every_s < SHORTEST_EVERY_S:
        raise ConfigError(f"--every must be at least {SHORTEST_EVERY_S:g}s")
    graph = graph_from(args)
    refuse_missing(graph)
    report = None if args.report is None else check_report(graph, args.report)
    verdict = _trial(args, kinds)
    if report is not None:
        write_whole(report, f"{json.dumps(_as_dict(verdict, args), indent=2)}\n".encode())
    _tell(verdict)
    return 1 if verdict.wrong else 0


def _trial(args: Namespace, kinds: list[str]) -> Verdict:
    print(f"{args.graph}: faults for {args.for_s:g} s, seed {args.seed}", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="sd-chaos-") as folder,
        behind_proxies(args.source) as (sources, cameras),
        closing(TrialRun(_words(args, sources), Path(folder), cameras)) as trial,
    ):
        trial.wait_for_results()
        return play(
            trial, kinds, for_s=args.for_s, every_s=args.every_s, seed=args.seed,
            show=lambda fault: print(fault, flush=True),
        )  # fmt: skip


def _words(args: Namespace, sources: list[str]) -> list[str]:
    """The arguments of `streamdet run`."""
    listed = {"--source": sources, "--output": args.output, "--set": args.set}
    return [
        args.graph,
        *(word for name, values in listed.items() for value in values for word in (name, value)),
    ]


def _tell(verdict: Verdict) -> None:
    faults = verdict.faults
    if verdict.is_early:
        print("the run was over before the time was: its sources had ended, or it failed")
    print(f"{len(faults)} faults: {counts_of([fault.kind for fault in faults])}")
    if faults:
        p50, p95, longest = (verdict.recovery_s(quantile) for quantile in (50, 95, 100))
        print(
            "no result for so much longer than the fault:"
            f" p50 {p50:.2f} s, p95 {p95:.2f} s, max {longest:.2f} s"
        )
    for source in verdict.sources:
        print(_account(source))
    print(f"workers started again: {verdict.restarts}")
    for text in verdict.wrong:
        print(f"WRONG: {text}")
    if not verdict.wrong:
        print("survived: every frame once and in order, nothing left behind")


def _account(source: dict[str, Any]) -> str:
    reasons = "".join(f", {count} dropped ({why})" for why, count in source["dropped"].items())
    cut = f", {source['unfinished']} unfinished" if source["unfinished"] else ""
    return (
        f"{source['source_id']}: {source['emitted']} frames = {source['published']} published"
        f"{reasons}{cut}"
    )


def _as_dict(verdict: Verdict, args: Namespace) -> dict[str, Any]:
    options = {"graph": args.graph, "for_s": args.for_s, "every_s": args.every_s, "seed": args.seed}
    return options | asdict(verdict)


def _kinds(text: str | None, sources: Sequence[str]) -> list[str]:
    """Which faults: those that are named, else all that the sources allow."""
    has_cameras = any(source.partition("://")[0] in PROXIED for source in sources)
    if text is None:
        return [name for name in FAULTS if has_cameras or name not in OF_CAMERAS]
    kinds = [name for name in text.split(",") if name]
    for name in kinds:
        if name not in FAULTS:
            hint = nearest(name, FAULTS)
            raise ConfigError(f"--faults: unknown fault {short(repr(name))}; {hint}")
        if name in OF_CAMERAS and not has_cameras:
            raise ConfigError(f"--faults: {name} wants a camera: --source rtsp://... or http://...")
    if not kinds:
        raise ConfigError(f"--faults: name some of {', '.join(FAULTS)}")
    return list(dict.fromkeys(kinds))


def _summary(name: str) -> str:
    text = (FAULTS[name].__doc__ or "").strip().rstrip(".")
    return text if text[:2].isupper() else text[0].lower() + text[1:]


def _duration_s(text: str) -> float:
    """Read "90s", "5m", "2h", or seconds without a unit."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    value = float(match[1]) * _UNITS_S[match[2] or "s"] if match else 0.0
    if not 0 < value <= LONGEST_S:
        raise ArgumentTypeError(f"must be a time of up to a week, such as 90s, 5m or 2h: {text}")
    return value
