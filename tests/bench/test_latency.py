"""Latency from a camera's frame to a reader: the arithmetic, and one measured camera."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.bench import latency
from streamdet.bench.latency import Arrival
from streamdet.bench.material import Material
from streamdet.bench.measured import private_redis
from streamdet.errors import StreamdetError

STAGES = {"camera": 1.0, "detect": 20.0, "track": 2.0, "total": 28.0}


def test_a_frame_s_latency_is_split_into_work_waiting_and_the_ends() -> None:
    outcome = latency.compare([Arrival(34.0, STAGES, None)])
    found = {metric.what: metric.value for metric in outcome.metrics}
    assert found["capture -> reader less inference, p50"] == 34 - 20
    assert found["  detect, p50"] == 20
    assert found["  between the stages, p50"] == 28 - (1 + 20 + 2)
    assert found["  before the first and after the last, p50"] == 34 - 28
    assert outcome.is_reached


@pytest.mark.parametrize(("whole_ms", "is_reached"), [(34.9, True), (35.1, False)])
def test_half_of_the_frames_come_within_15_ms_of_inference(
    whole_ms: float, is_reached: bool
) -> None:
    assert latency.compare([Arrival(whole_ms, STAGES, None)] * 3).is_reached == is_reached


@pytest.mark.parametrize(("slowest_ms", "is_reached"), [(69.0, True), (72.0, False)])
def test_all_but_one_in_a_hundred_come_within_50_ms_of_inference(
    slowest_ms: float, is_reached: bool
) -> None:
    arrivals = [Arrival(30.0, STAGES, None)] * 90 + [Arrival(slowest_ms, STAGES, None)] * 10
    assert latency.compare(arrivals).is_reached == is_reached


def test_a_dropped_frame_is_counted_and_not_measured() -> None:
    arrivals = [Arrival(34.0, STAGES, None), Arrival(900.0, {"camera": 1.0, "total": 1.0}, "stale")]
    found = {metric.what: metric.value for metric in latency.compare(arrivals).metrics}
    assert found["capture -> reader, p50"] == 34
    assert (found["frames with a result"], found["frames dropped"]) == (1, 1)


def test_a_run_without_a_result_has_no_latency() -> None:
    with pytest.raises(StreamdetError, match="every frame was dropped"):
        latency.compare([Arrival(900.0, {"total": 1.0}, "stale")])


def test_a_reader_does_not_wait_for_ever() -> None:
    with private_redis() as url, pytest.raises(StreamdetError, match=r"no frame came for 0\.1 s"):
        next(latency._arrivals(url, 1, 0.1))


@pytest.mark.nightly  # 20 s
@pytest.mark.data
def test_a_file_that_is_played_live_is_measured(data: Path) -> None:
    details = latency.run(Material(data), frames=50).details["arrivals"]
    assert len(details) == 50
    done = [one for one in details if one["dropped"] is None]
    for one in done:
        assert one["whole_ms"] > one["stages_ms"]["total"] > one["stages_ms"]["detect"] > 0
