"""What workers learn of cameras that come after a run's start."""

from __future__ import annotations

from pathlib import Path

from streamdet.worker.later_sources import LaterSource, LaterSources, write_later_sources


def test_a_worker_learns_of_the_cameras_that_reach_it_as_they_come(tmp_path: Path) -> None:
    later = LaterSources(tmp_path, frozenset({"camera"}))
    assert later.now() == {}
    door, gate = LaterSource("camera", 1_000), LaterSource("other", 2_000)
    write_later_sources(tmp_path, {"door": door, "gate": gate})
    assert later.now() == {"door": door}
    assert later.now() is later.now()  # not read again while nothing has changed
    changed = LaterSource("camera", 3_000)
    write_later_sources(tmp_path, {"door": changed, "gate": gate})
    assert later.now() == {"door": changed}
