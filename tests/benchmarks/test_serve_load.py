"""A served run with many clients."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import serve_load
from benchmarks.load_clients import Experience
from benchmarks.serve_load import LOOKING, Phase, outcome
from streamdet.bench.material import Material


def test_what_clients_cost_is_held_against_the_run_without_them() -> None:
    phases = (Phase(20, 0.02, 90), Phase(17, 0.3, 150), Phase(20, 0.02, 140))
    met = Experience([0.01] * 99 + [1.0], frames=LOOKING * 80)
    met.codes.update({200: 99, 500: 1})
    found = outcome(phases, met, 1.05, 10, "was hung up on after 31 s")
    metrics = {metric.what: (metric.value, metric.is_reached) for metric in found.metrics}
    assert metrics["detection, during / before"] == (0.85, False)
    assert metrics["detection, after / before"] == (1.0, True)
    assert metrics["memory, at the end / at the beginning of the load"] == (1.05, True)
    assert metrics["answers that failed"] == (1, False)
    assert metrics["answers a second"] == (10, None)
    assert metrics["frames a second of a preview"] == (8, None)
    assert not found.is_reached
    assert (
        "One more asks for a preview and never reads: it was hung up on after 31 s." in found.notes
    )


@pytest.mark.nightly  # 30 s
@pytest.mark.data
def test_a_served_run_answers_many(data: Path) -> None:
    found = serve_load.run(Material(data), seconds=10, settle_s=3)
    metrics = {metric.what: metric.value for metric in found.metrics}
    assert metrics["answers that failed"] == 0
    assert metrics["answers a second"] > 0
    assert metrics["frames a second of a preview"] > 0
