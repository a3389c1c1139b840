"""Memory over a long run."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.bench import memory
from streamdet.bench.material import Material
from streamdet.bench.memory import Plan, Sample, growth
from streamdet.errors import StreamdetError


def test_growth_compares_late_with_early_medians() -> None:
    early = [Sample(2000, {"a": kib}, 100.0) for kib in (100, 200, 900)]
    late = [Sample(19_000, {"a": kib}, 101.0) for kib in (205, 210, 215)]
    middle = Sample(10_000, {"a": 5000}, 5000.0)
    assert growth([*early, middle, *late]) == pytest.approx({"a": 5.0, "redis": 1.0})


def test_a_run_that_was_not_seen_early_and_late_is_an_error() -> None:
    with pytest.raises(StreamdetError, match="early and late"):
        growth([Sample(2000, {"a": 100}, 100.0)])


@pytest.mark.nightly
def test_every_worker_is_watched() -> None:
    plan = Plan(frames=1200, every_s=0.05, early=(0.0, 0.5), late=(0.5, 1.0))
    outcome = memory.run(Material(Path("/nowhere")), plan)
    assert set(outcome.details["growth"]) == {"sd:front-0", "sd:detect-0", "sd:back-0", "redis"}
    assert len(outcome.metrics) == 6


def test_a_run_that_fails_is_an_error() -> None:
    with pytest.raises(StreamdetError, match="exit code 2"):  # a source has a frame at least
        memory.run(Material(Path("/nowhere")), Plan(frames=-1))
