"""The latency of a camera that speaks RTSP."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import camera_latency
from streamdet.bench.material import Material
from tests.cameras.rtsp_server import missing_packages
from tests.required import skip_for_want_of


@pytest.mark.nightly  # 20 s
@pytest.mark.data
def test_a_camera_that_speaks_rtsp_is_measured(data: Path) -> None:
    if reason := missing_packages():
        skip_for_want_of("rtsp", reason)
    details = camera_latency.run(Material(data), frames=50).details["arrivals"]
    assert len(details) == 50
    assert all(0 < one["whole_ms"] < 60_000 for one in details)
