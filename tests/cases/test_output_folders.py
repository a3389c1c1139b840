"""Outputs in folders that are not there yet, and in the folder that is read."""

from __future__ import annotations

import json
from pathlib import Path

import av
import pytest

from tests.cases.machine import STREET, streamdet
from tests.faults.storm import lines_of
from tests.sources.made_video import write_images, write_video

QUICK = ("--set", "detect.model=hog_people", "--set", "prepare.shortest_edge=120")
OUTPUTS = ("seen.mp4", "seen.jsonl", "seen.csv", "seen.txt", "seen.parquet")


def outputs(folder: Path) -> list[str]:
    return [word for name in OUTPUTS for word in ("--output", str(folder / name))]


def frames_in(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_missing_folders_of_outputs_and_report_are_made(tmp_path: Path) -> None:
    folder, report = tmp_path / "not" / "there", tmp_path / "nor" / "there" / "r.json"
    streamdet("run", "people", "--source", STREET, *QUICK, *outputs(folder), "--report", report)
    assert frames_in(folder / "seen.mp4") == 5
    assert len(lines_of(folder / "seen.jsonl")) == 5
    assert all((folder / name).is_file() for name in OUTPUTS)
    assert json.loads(report.read_text())["outcome"] == "done"


def test_a_graph_that_is_only_checked_makes_no_folder(tmp_path: Path) -> None:
    streamdet("check", "people", "--source", STREET, "--output", str(tmp_path / "no" / "o.jsonl"))
    assert list(tmp_path.iterdir()) == []


def test_outputs_of_a_folder_beside_its_videos_are_no_input_of_the_next_run(
    tmp_path: Path,
) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, 3)
    for _ in range(2):  # the second time its own outputs lie there
        done = streamdet("run", "people", "--source", tmp_path, *QUICK, *outputs(tmp_path))
        assert "in 6 frames" in done.stdout
    other = streamdet(
        *("run", "people", "--source", tmp_path, *QUICK, "--output", tmp_path / "o.jsonl")
    )
    assert "in 6 frames" in other.stdout
    assert {row["source_id"] for row in lines_of(tmp_path / "o.jsonl")} == {"a", "b"}


def test_images_stay_one_source_beside_a_video_of_them(tmp_path: Path) -> None:
    write_images(tmp_path, 3)
    for _ in range(2):
        done = streamdet(
            *("run", "people", "--source", tmp_path, *QUICK, "--output", tmp_path / "seen.mp4")
        )
        assert "in 3 frames" in done.stdout
    assert frames_in(tmp_path / "seen.mp4") == 3


def test_a_video_of_a_run_is_read_where_it_is_named(tmp_path: Path) -> None:
    streamdet("run", "people", "--source", STREET, *QUICK, "--output", tmp_path / "seen.mp4")
    again = ("run", "people", *QUICK, "--source")
    assert "in 5 frames" in streamdet(*again, tmp_path / "seen.mp4").stdout
    refused = streamdet(*again, tmp_path, code=2).stderr
    assert "other than videos that a run has written: name one itself to read it" in refused


@pytest.mark.parametrize("source", ["a.mp4", "."])
def test_a_video_of_somebody_else_is_never_overwritten(tmp_path: Path, source: str) -> None:
    video = write_video(tmp_path / "a.mp4", 3)
    before = video.read_bytes()
    refused = streamdet("run", "people", "--source", tmp_path / source, "--output", video, code=2)
    assert "must differ from what camera reads" in refused.stderr
    assert video.read_bytes() == before
