"""What has to add up when a soak is over."""

from __future__ import annotations

import json
from statistics import median
from typing import Any

from tests.cameras.soak_play import Memory, Stand
from tests.cameras.soak_traces import traces

GROWTH_AIM = 5.0
WINDOW_S = 10.0


def account(stand: Stand, settled_s: float, kills: int) -> tuple[dict[str, Any], list[str]]:
    """Add up a run that has been stopped.

    Args:
        stand: its run, watched to the end.
        settled_s: from when on its memory must not grow.
        kills: how many of its workers were killed.

    Returns:
        The totals, and a sentence for each aim that was missed.
    """
    report = json.loads((stand.run.folder / "report.json").read_text())
    ports = [camera.proxy.port for camera in stand.cameras]
    left = traces(report["run_id"], stand.processes, ports)
    grown = growth(stand.memory, settled_s)
    missed = [*stand.watch.gaps, *(f"left behind: {one}" for one in left)]
    counts = {}
    for source in report["sources"]:
        counts[source["source_id"]] = {
            key: source[key] for key in ("emitted", "published", "dropped", "unfinished")
        }
        missed += unaccounted(source, len(stand.watch.frames.get(source["source_id"], [])))
    if report["restarts"] != kills:
        missed.append(f"{report['restarts']} workers were restarted, {kills} were killed")
    missed += report["tracebacks"]
    if grown >= GROWTH_AIM:
        missed.append(f"memory has grown by {grown:.1f} %, aim {GROWTH_AIM:g} %")
    totals = {
        "sources": counts,
        "worker restarts": report["restarts"],
        "memory, MiB": round(stand.memory[-1].own_mib, 1),
        "memory growth, %": round(grown, 2),
        "left behind": left,
    }
    return totals, missed


def unaccounted(source: dict[str, Any], written: int) -> list[str]:
    """Say what is wrong with the count of one source; nothing if it adds up.

    Args:
        source: its part of the report.
        written: how many of its frames stand in the output.
    """
    name, dropped = source["source_id"], sum(source["dropped"].values())
    finished = source["published"] + dropped
    wrong = []
    if source["emitted"] != finished + source["unfinished"]:
        wrong.append(f"{name}: {source['emitted']} emitted, {finished} published or dropped")
    if written != finished:
        wrong.append(f"{name}: {finished} published or dropped, {written} written")
    return wrong


def growth(samples: list[Memory], settled_s: float) -> float:
    """How much a run's own memory has grown since it settled, percent: medians of 10 s."""
    early = [one.own_mib for one in samples if settled_s <= one.at_s < settled_s + WINDOW_S]
    late = [one.own_mib for one in samples if one.at_s >= samples[-1].at_s - WINDOW_S]
    return 100 * (median(late) / median(early) - 1)
