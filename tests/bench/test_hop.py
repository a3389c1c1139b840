"""The cost of handing a frame on."""

from pathlib import Path

from streamdet.bench import hop
from streamdet.bench.material import Material


def test_every_round_is_timed_and_a_bigger_batch_is_cheaper() -> None:
    outcome = hop.run(Material(Path("/nowhere")), hops=60, frames=320)
    found = {metric.what: metric.value for metric in outcome.metrics}
    assert len(outcome.details["p50_us"]) == len(outcome.details["p50_awake_us"]) == hop.ROUNDS
    assert min(outcome.details["p50_us"]) > 0
    assert found["read + step per frame, batch 1"] > found["read + step per frame, batch 16"] > 0
