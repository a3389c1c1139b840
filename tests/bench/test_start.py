"""How soon things happen."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.bench import start
from streamdet.bench.material import Material
from streamdet.errors import StreamdetError


@pytest.mark.nightly  # 37 s
@pytest.mark.data
def test_a_killed_stage_is_seen_to_come_back(data: Path) -> None:
    details = start.run(Material(data), rounds=1, checks=1).details
    assert {name for name, seconds in details["back_s"].items() if seconds[0] > 0} == {
        "front-0", "back-0", "detect-0"
    }  # fmt: skip
    assert details["first_frame_s"][0] > details["check_s"][0] > 0


def test_waiting_has_an_end() -> None:
    with pytest.raises(StreamdetError, match="before it was there"):
        start._wait_for(lambda: False, "it was there", 0.01)
