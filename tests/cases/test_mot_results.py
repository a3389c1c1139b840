"""Results of trackers as text, scored against MOTChallenge's ground truth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamdet.cli import main

GT = """\
1,1,10,10,20,40,1,1,1
1,2,60,10,20,40,1,1,1
2,1,11,10,20,40,1,1,1
2,2,61,10,20,40,1,1,1
"""
FOUND = """\
1,7,10,10,20,40,0.9,-1,-1,-1
1,8,60,10,20,40,0.8,-1,-1,-1
2,7,11,10,20,40,0.9,-1,-1,-1
2,9,61,10,20,40,0.8,-1,-1,-1
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "gt.txt").write_text(GT)
    (tmp_path / "found.txt").write_text(FOUND)
    return [str(tmp_path / "found.txt"), "--truth", str(tmp_path / "gt.txt")]


def test_boxes_and_tracks_of_mot_text_are_scored(files: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert main(["eval", "results", *files, "--json", str(out)]) == 0
    boxes = json.loads(out.read_text())["bbox"]
    assert boxes["images"] == 2
    tracks = boxes["tracking"]["person"]
    # 4 objects, nothing missed or false, and the second person changes its id once: 1 - 1 / 4.
    assert (tracks["mota"], tracks["switches"], tracks["misses"]) == (0.75, 1, 0)
    # Of 4 boxes of each side 3 stay with the best one-to-one matching: 2 * 3 / (4 + 4).
    assert tracks["idf1"] == 0.75


def test_detections_without_ids_are_scored_as_boxes(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "found.txt").write_text("1,-1,10,10,20,40,0.9\n")
    assert main(["eval", "results", *files]) == 0
    text = capsys.readouterr().out
    assert "note: the results have no track ids (-1): their tracks are not scored" in text
    assert "MOTA" not in text


@pytest.mark.parametrize(
    ("results", "truth", "more", "sentence"),
    [
        ("found.txt", "gt.json", [], "MOT's .txt is scored against MOT's .txt"),
        ("found.json", "gt.txt", [], "MOT's .txt is scored against MOT's .txt"),
        ("found.txt", "gt.txt", ["--type", "segm"], "by --type bbox"),
        ("found.jsonl", "gt.json", [], "what a run wrote is scored by `eval published`"),
        ("none.txt", "gt.txt", [], "none.txt: cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_scored_so_is_told(
    results: str, truth: str, more: list[str], sentence: str, files: list[str],
    *, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = Path(files[0]).parent
    arguments = [str(folder / results), "--truth", str(folder / truth), *more]
    assert main(["eval", "results", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line


def test_what_a_run_wrote_needs_a_truth_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "published", str(tmp_path / "frames.jsonl")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "does not say what is true: name the truth with --truth GT.txt" in line


def test_what_a_run_wrote_is_scored_against_a_truth_alone(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = {"frame_id": 0, "pts_ns": 0, "height": 60, "width": 90}
    person = {"id": 1, "label": "person", "confidence": 0.9, "bbox": [9, 9, 29, 49]}
    (tmp_path / "frames.jsonl").write_text(json.dumps(frame | {"objects": [person]}))
    path = str(tmp_path / "frames.jsonl")
    assert main(["eval", "published", path, "--truth", str(tmp_path / "gt.txt")]) == 0
    head, person_line, *_ = capsys.readouterr().out.splitlines()
    assert head == f"{path}: 1 frame, boxes at IoU 0.5"
    assert "50.0% of 2 found, 100.0% of the boxes correct" in person_line
