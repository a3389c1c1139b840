"""What the bench of archives makes of its measurements, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.bench.archive import SHORT_FRAMES, compare, write_short
from streamdet.sources import Position
from streamdet.sources.file import FileOptions, FileSource
from tests.archive.scenes import write_scene

BARE = {"decode": 1.0, "prepare": 1.0, "detect": 7.0, "track": 1.0, "publish": 5.0}


def run(frames: int, wall_s: float, cpu_s: float) -> dict[str, float]:
    return {"frames": frames, "wall_s": wall_s, "cpu_s": cpu_s, "others_cores": 0.1}


def test_both_archives_are_held_against_the_bare_stages() -> None:
    outcome = compare(BARE, run(1000, 5.2, 10.4), run(1000, 5.0, 10.0), 2)
    values = {metric.what: metric.value for metric in outcome.metrics}
    assert values["limit: cores / bare CPU per frame"] == pytest.approx(200)
    assert values["short files / limit, fps"] == pytest.approx(1000 / 5.2 / 200)
    assert values["long file on 2 cores / one process of decode + detect"] == pytest.approx(1.8)
    assert values["short files: bare CPU / CPU"] == pytest.approx(10 / 10.4)
    assert [m.is_reached for m in outcome.metrics[:2]] == [True, False]


def test_short_files_are_parts_of_the_clip_again_and_again(tmp_path: Path) -> None:
    clip = write_scene(tmp_path / "clip.mp4", 1, 2 * SHORT_FRAMES + 10)
    write_short(clip, tmp_path / "short", 3)
    files = sorted((tmp_path / "short").iterdir())
    assert [file.name for file in files] == ["000.mp4", "001.mp4", "002.mp4"]
    counts = [sum(1 for _ in FileSource(str(f), FileOptions()).frames(Position())) for f in files]
    assert counts == [SHORT_FRAMES] * 3
