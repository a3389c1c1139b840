"""Odd and broken files on the command line: frames, or one sentence; never a crash or a hang."""

from __future__ import annotations

import csv
import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import Run
from tests.faults.storm import lines_of

pytestmark = pytest.mark.data

GRAPH = """
version: 1
name: write
nodes:
  camera: {{kind: source, uri: "synthetic:street", process: all}}
  write: {{kind: jsonl, reads: camera, path: "{path}", process: all}}
"""
UNREADABLE = {"unsupported or corrupt", "no video stream", "no decodable frames"}


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "write.yaml"
    path.write_text(GRAPH.format(path=tmp_path / "o.jsonl"))
    return path


@pytest.fixture(scope="module")
def manifest(data: Path) -> list[dict[str, str]]:
    with (data / "media" / "manifest.csv").open() as rows:
        return list(csv.DictReader(rows))


def frames_due(row: dict[str, str]) -> int:
    found = re.search(r"(?:decode|truncated after) (\d+)", row["expected"])
    return int(found[1]) if found else 0


def test_a_folder_of_odd_files_gives_what_the_manifest_says(
    run: Run, data: Path, tmp_path: Path, graph: Path, manifest: list[dict[str, str]]
) -> None:
    report = tmp_path / "report.json"
    done = run(graph, "--source", data / "media" / "generated", "--report", report, code=1)
    sources: list[dict[str, Any]] = json.loads(report.read_text())["sources"]
    by_name = {Path(source["address"]).name: source for source in sources}
    rows = [row for row in manifest if Path(row["file"]).name in by_name]
    assert len(rows) == len(by_name) > 30
    for row in rows:
        name, source = Path(row["file"]).name, by_name[Path(row["file"]).name]
        if name == "bomb_8192.mp4":  # may be refused in words
            assert "more pixels" in source["error"]
            continue
        assert source["published"] == frames_due(row), name
        assert bool(source["error"]) == (row["expected"] in UNREADABLE), name
        if "reported" in row["remark"]:
            assert source["warnings"], name
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == sum(bool(source["error"]) for source in sources)
    lines = Counter(line["source_id"] for line in lines_of(tmp_path / "o.jsonl"))
    assert lines == {s["source_id"]: s["published"] for s in sources if s["published"]}


@pytest.mark.parametrize(
    "name", ["generated/random.mp4", "generated/zero.mp4", "androidx/sample_ac4.mp4"]
)
def test_a_file_that_is_no_video_is_one_sentence_in_time(
    run: Run, data: Path, graph: Path, name: str
) -> None:
    started_s = time.monotonic()
    done = run(graph, "--source", data / "media" / name, code=1)
    assert time.monotonic() - started_s < 10
    assert len(done.stderr.splitlines()) == 1
    assert Path(name).name in done.stderr


def test_a_size_that_changes_in_mid_stream_is_detected_in_and_drawn(
    run: Run, data: Path, tmp_path: Path
) -> None:
    video = data / "media" / "generated" / "res_change.h264"
    run("people", "--source", video, "--output", tmp_path / "o.mp4",
        "--output", tmp_path / "o.jsonl", "--set", "detect.model=yolox_nano")  # fmt: skip
    sizes = [(line["width"], line["height"]) for line in lines_of(tmp_path / "o.jsonl")]
    assert sizes == [(320, 240)] * 30 + [(640, 480)] * 30 + [(98, 34)] * 30
