"""The comparison of trackers (trackers.py) as metrics with aims."""

from __future__ import annotations

from typing import Any, Final

from streamdet.bench import trackers
from streamdet.bench.material import Material
from streamdet.bench.metrics import Aim, Metric, Outcome
from streamdet.registry import KINDS

_NAMES: Final = {
    "mota": "MOTA",
    "idf1": "IDF1",
    "switches": "switches",
    "updates_per_s": "updates/s",
}
_FAST: Final = Aim(">=", 10_000)


def run(material: Material) -> Outcome:
    """Compare on the public detections of MOT15 and MOT17; without the library, ours alone."""
    return compare(trackers.run(material.tracks))


def compare(report: dict[str, Any]) -> Outcome:
    """Hold what `trackers.run` reports against the library."""
    figures = [metric for kind in KINDS["tracker"] for metric in _metrics(kind, report[kind])]
    fastest = max(report[kind]["ours"]["updates_per_s"] for kind in KINDS["tracker"])
    figures.append(Metric("the fastest, updates", fastest, "/s", _FAST))
    return Outcome(figures, report, [f"compared with: {report['library']}"])


def _metrics(kind: str, result: dict[str, Any]) -> list[Metric]:
    ours, ratio = result["ours"], result["ratio"]
    figures = []
    for key, name in _NAMES.items():
        figures.append(Metric(f"{kind} {name}", ours[key]))
        if ratio is not None and key in ratio:
            figures.append(Metric(f"{kind} {name} / the library's", ratio[key], "", Aim(">=", 1)))
    for key, value in result["offline"].items():
        figures.append(Metric(f"{kind} offline {_NAMES[key]}", value))
    return figures
