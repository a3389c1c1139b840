"""`streamdet track` over files of detections."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from streamdet.cli import main
from streamdet.formats.mot_text import read_mot
from streamdet.registry import KINDS

WALKER = "".join(f"{frame},-1,{10 * frame},50,40,100,0.9,-1,-1,-1\n" for frame in range(1, 11))


@pytest.fixture
def det(tmp_path: Path) -> Path:
    path = tmp_path / "det.txt"
    path.write_text(WALKER)
    return path


@pytest.mark.parametrize("tracker", sorted(KINDS["tracker"]))
def test_a_walker_gets_one_id(det: Path, tracker: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = det.with_name("out.txt")
    assert main(["track", str(det), "--tracker", tracker, "--output", str(out)]) == 0
    assert set(read_mot(out).track_ids.tolist()) == {1}
    assert f"{out}: 1 track, 10 boxes in 10 frames" in capsys.readouterr().out


def test_an_option_is_set(det: Path) -> None:
    out = det.with_name("out.txt")
    arguments = ["--tracker", "sort", "--set", "score_thresh=0.95"]
    assert main(["track", str(det), "--output", str(out), *arguments]) == 0
    assert out.read_text() == ""


def test_offline_fills_gaps_and_says_so(det: Path, capsys: pytest.CaptureFixture[str]) -> None:
    det.write_text("".join(line for line in WALKER.splitlines(True) if line[0] not in "56"))
    out = det.with_name("out.txt")
    track = ["track", str(det), "--output", str(out), "--offline"]
    assert main(track) == 0
    assert "1 track, 10 boxes in 10 frames, 2 of them put into gaps" in capsys.readouterr().out
    assert read_mot(out).frames.tolist() == list(range(1, 11))
    assert main([*track, "--set", "offline.fill_gaps=0"]) == 0
    assert "1 track, 8 boxes in 10 frames\n" in capsys.readouterr().out


def test_who_gets_no_track_is_told_why(det: Path, capsys: pytest.CaptureFixture[str]) -> None:
    det.write_text(WALKER.replace("0.9", "0.5"))
    assert main(["track", str(det), "--output", str(det.with_name("out.txt"))]) == 0
    assert "no detection became a track; the highest score is 0.50" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("offline.smoth=3", "offline.smoth is an unknown key"),
        ("track.max_age=3", "here without 'track.'"),
        ("max_ag=3", "max_ag is an unknown key; did you mean 'max_age'?"),
        ("max_age=abc", "max_age must be a whole number, got 'abc'"),
        ("max_age", "--set max_age: must be OPTION=VALUE"),
        ("max_age=abc", "error: --set max_age=abc: max_age must be"),
        ("max_age=[", "error: --set max_age=[: not YAML"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    det: Path, capsys: pytest.CaptureFixture[str], option: str, sentence: str
) -> None:
    out = str(det.with_name("out.txt"))
    assert main(["track", str(det), "--output", out, "--tracker", "sort", "--set", option]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert sentence in errors[0]


def test_a_missing_file_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["track", str(tmp_path / "no.txt"), "--output", str(tmp_path / "o.txt")]) == 2
    assert "no.txt" in capsys.readouterr().err


def test_the_detections_are_not_overwritten(det: Path, capsys: pytest.CaptureFixture[str]) -> None:
    link = det.with_name("link.txt")
    link.symlink_to(det)
    assert main(["track", str(det), "--output", str(link)]) == 2
    assert "must differ from the detections' file" in capsys.readouterr().err
    assert det.read_text() == WALKER


def test_a_failed_run_leaves_what_was_there(det: Path) -> None:
    out = det.with_name("out.txt")
    out.write_text("older")
    det.write_text("1,-1,a,b\n")
    assert main(["track", str(det), "--output", str(out)]) == 2
    assert out.read_text() == "older"
    assert {path.name for path in det.parent.iterdir()} == {"det.txt", "out.txt"}


def test_an_output_that_cannot_be_written_is_refused(
    det: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["track", str(det), "--output", str(det.parent)]) == 2
    assert capsys.readouterr().err.startswith("error: --output ")


def test_tracks_can_be_written_to_a_pipe(det: Path) -> None:
    command = [sys.executable, "-m", "streamdet.cli", "track", str(det), "--output", "/dev/stdout"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert done.stdout.startswith(b"1,1,10.")
