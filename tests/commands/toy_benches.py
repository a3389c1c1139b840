"""Two benches that measure nothing: `good` reaches its aim, `bad` does not."""

from __future__ import annotations

from streamdet.bench.material import Material
from streamdet.bench.metrics import Aim, Metric, Outcome


def good(material: Material) -> Outcome:
    return Outcome([Metric("speed", 3.0, "", Aim(">=", 2))])


def bad(material: Material) -> Outcome:
    return Outcome([Metric("speed", 1.0, "", Aim(">=", 2))])


BENCHES = {name: (f"{__name__}:{name}", "a toy") for name in ("good", "bad")}
