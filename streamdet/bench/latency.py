"""Latency of one idle live camera: from `captured_at` to the arrival of its entry at a reader.

Wall clocks are compared: camera, run and reader are on this machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from streamdet.bench.material import Material
from streamdet.bench.measured import pipeline_command, private_redis, running
from streamdet.bench.metrics import Aim, Metric, Outcome
from streamdet.errors import StreamdetError
from streamdet.formats.published import PublishedMessage
from streamdet.sources.live_address import file_address
from streamdet.transport.connection import connect

FRAMES: Final = 500
WARM_UP: Final = 50
"""First frames, which are not measured."""
WAIT_S: Final = 60.0
BLOCK_MS: Final = 1000
STREAM: Final = "latency"
DETECT: Final = "detect"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One frame that came to the reader.

    Attributes:
        whole_ms: from its capture to its arrival.
        stages_ms: node -> work; `total`, from the first node's start to the last one's end.
        dropped: why it has no result; None if it has one.
    """

    whole_ms: float
    stages_ms: dict[str, float]
    dropped: str | None


def run(material: Material, *, frames: int = FRAMES) -> Outcome:
    """Measure a file that is played as a camera of 25 fps."""
    return of_camera(material, file_address(material.live_clip, loop=True), frames=frames)


def of_camera(material: Material, address: str, *, frames: int = FRAMES) -> Outcome:
    """Measure any camera.

    Raises:
        StreamdetError: no frame came for WAIT_S seconds.
    """
    with private_redis() as url, running(pipeline_command(address, url, STREAM), material):
        return compare(list(_arrivals(url, frames + WARM_UP))[WARM_UP:])


def compare(arrivals: Sequence[Arrival]) -> Outcome:
    """Hold the frames that have a result against the aims, and split them by stage.

    Raises:
        StreamdetError: there is none.
    """
    done = [one for one in arrivals if one.dropped is None]
    if not done:
        raise StreamdetError("latency: every frame was dropped: leave the machine to the bench")
    columns = {node: [one.stages_ms[node] for one in done] for node in done[0].stages_ms}
    totals, whole = columns.pop("total"), [one.whole_ms for one in done]
    worked = [sum(row) for row in zip(*columns.values(), strict=True)]
    columns["between the stages"] = list(np.subtract(totals, worked))
    columns["before the first and after the last"] = list(np.subtract(whole, totals))
    p50_ms, p99_ms = _quantile(whole, 50), _quantile(whole, 99)
    inference_ms = _quantile(columns[DETECT], 50)
    over_ms = {"p50": p50_ms - inference_ms, "p99": p99_ms - inference_ms}
    return Outcome(
        metrics=[
            Metric("capture -> reader less inference, p50", over_ms["p50"], "ms", Aim("<", 15)),
            Metric("  p99", over_ms["p99"], "ms", Aim("<", 50)),
            Metric("capture -> reader, p50", p50_ms, "ms"),
            Metric("  p99", p99_ms, "ms"),
            *(
                Metric(f"  {name}, p{quantile}", _quantile(values, quantile), "ms")
                for name, values in columns.items()
                for quantile in (50, 99)
            ),
            Metric("frames with a result", len(done)),
            Metric("frames dropped", len(arrivals) - len(done)),
        ],
        details={"arrivals": [asdict(one) for one in arrivals]},
        notes=[f"inference is the p50 of the node `{DETECT}`; a dropped frame has no latency"],
    )


def _arrivals(url: str, count: int, wait_s: float = WAIT_S) -> Iterator[Arrival]:
    """Read entries as they come."""
    client: Any = connect(url)
    last, deadline_s = b"0", time.monotonic() + wait_s
    while count > 0:
        found = client.xread({STREAM: last}, block=BLOCK_MS)
        now_s = time.time()
        if found:
            deadline_s = time.monotonic() + wait_s
        elif time.monotonic() > deadline_s:
            raise StreamdetError(f"latency: no frame came for {wait_s:g} s")
        for last, fields in found[0][1][:count] if found else ():
            count -= 1
            yield _arrival(PublishedMessage.of_fields(last, _by_name(fields)), now_s)


def _arrival(message: PublishedMessage, now_s: float) -> Arrival:
    taken_s = datetime.fromisoformat(message["captured_at"]).timestamp()
    return Arrival(1000 * (now_s - taken_s), message["latency_ms"], message.dropped)


def _by_name(fields: dict[bytes, bytes]) -> dict[str, bytes]:
    return {name.decode(): value for name, value in fields.items()}


def _quantile(values: Sequence[float], quantile: float) -> float:
    return float(np.percentile(values, quantile))
