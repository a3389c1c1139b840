"""Real, odd and broken files: each gives what its manifest says is right."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from streamdet.sources import Position
from streamdet.sources.file import FileOptions, FileSource

pytestmark = pytest.mark.data


def read_all(paths: list[Path]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.sources.read_all"],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def is_right(row: dict[str, str], outcome: dict[str, Any]) -> bool:
    """Compare with the manifest's `expected` and `remark`."""
    error, warnings = outcome["error"], " ".join(outcome["warnings"])
    if (number := re.match(r"(\d+) damaged", row["remark"])) and (
        outcome["damaged"] != int(number[1]) or "damaged" not in warnings
    ):
        return False
    if expected := re.fullmatch(r"(decode|truncated after) (\d+)( frames)?", row["expected"]):
        is_cut_reported = expected[1] == "decode" or "cut off" in warnings
        return not error and outcome["frames"] == int(expected[2]) and is_cut_reported
    return error is not None and (
        row["expected"] in error or ("or " in row["remark"] and "unsupported or corrupt" in error)
    )


def test_each_odd_file_gives_what_its_manifest_says(data: Path) -> None:
    with (data / "media" / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    outcomes = read_all([data / "media" / row["file"] for row in rows])
    assert len(outcomes) == len(rows) > 100
    wrong = [
        (row["file"], row["expected"], outcome)
        for row, outcome in zip(rows, outcomes, strict=True)
        if not is_right(row, outcome)
    ]
    # The manifest allows to refuse the bomb in words.
    assert [file for file, _, _ in wrong] == ["generated/bomb_8192.mp4"], wrong
    assert "more pixels" in wrong[0][2]["error"]
    assert max(outcome["seconds"] for outcome in outcomes) < 10
    assert outcomes[-1]["peak_mb"] < 512


def videos(data: Path) -> dict[str, int]:
    """File name -> frames, from the table of the folder's README."""
    text = (data / "videos" / "README.md").read_text()
    rows = re.findall(r"^\| (\S+\.\w+) \|(.*)\|$", text, re.MULTILINE)
    return {name: int(cells.split("|")[3]) for name, cells in rows}


def test_every_video_decodes_to_its_frame_count(data: Path) -> None:
    counts = videos(data)
    outcomes = read_all([data / "videos" / name for name in counts])
    assert {
        name: outcome["frames"] for name, outcome in zip(counts, outcomes, strict=True)
    } == counts
    assert all(not outcome["warnings"] for outcome in outcomes)
    assert len(counts) == 11


@pytest.mark.parametrize(
    "name",
    [
        "videos/crossing-1080p-long.mp4",
        "videos/people-one-by-one.mp4",
        "videos/pets09-s2l1.avi",
        "videos/tud-campus.mp4",
        "videos/vehicles-mpeg4.avi",
        "videos/vehicles-road.mp4",
        "media/androidx/bbb_800x640_768kbps_30fps_avc_pyramid_3b.mp4",
        "media/androidx/bbb_642x642_768kbps_30fps_vp9.webm",
        "media/androidx/sample-with-large-length.avi",
        "media/androidx/trim_optimization_failure.mp4",
        "media/decord/corrupted.mp4",
        "media/generated/flip_base_1.mkv",
        "media/generated/flip_base_5.ts",
        "media/generated/res_change.h264",
        "media/generated/ts_loss30.ts",
        "media/generated/vfr.mp4",
    ],
)
def test_going_on_gives_the_same_frames(data: Path, name: str) -> None:
    def read(start: Position, count: int | None = None) -> list[tuple[Position, int | None, int]]:
        source = FileSource(str(data / name), FileOptions())
        frames = islice(source.frames(start), count)
        return [(f.position, f.pts, hash(f.image.bgr().tobytes())) for f in frames]

    whole = read(Position())
    for at in {1, len(whole) // 3, len(whole) * 2 // 3, len(whole) - 1}:
        assert read(whole[at - 1][0], 5) == whole[at : at + 5]


def test_going_on_in_a_long_file_seeks(data: Path) -> None:
    path = str(data / "media" / "androidx" / "long_180p_av1.mp4")
    first = next(FileSource(path, FileOptions()).frames(Position()))
    assert first.pts is not None
    at = Position(index=20_001, decoded=20_001, pts=first.pts + 20_000 * first.duration)
    started = time.monotonic()
    frame = next(FileSource(path, FileOptions()).frames(at))
    assert (frame.position.index, frame.pts) == (20_002, at.pts + first.duration)  # type: ignore[operator]
    assert time.monotonic() - started < 1  # decoding from the start takes 5 s
