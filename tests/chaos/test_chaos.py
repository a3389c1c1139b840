"""The command, as a user calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from streamdet import cli
from streamdet.chaos.faults import FAULTS, OF_CAMERAS
from tests.sources.made_video import write_video

QUICK = ("--set", "detect.model=hog_people", "--set", "prepare.shortest_edge=128")
ENDLESS = "synthetic:street?frames=100000&hw=240x320&fps=10&realtime=1"


def chaos(*arguments: str, limit_s: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streamdet.cli", "chaos", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit_s, check=False,
    )  # fmt: skip


def test_a_run_survives_a_killed_server_and_a_killed_worker(tmp_path: Path) -> None:
    done = chaos(
        *("people", "--source", ENDLESS, *QUICK, "--for", "8s", "--every", "4s"),
        *("--faults", "kill,redis-restart", "--report", str(tmp_path / "r.json")),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "survived: every frame once and in order, nothing left behind" in done.stdout
    report = json.loads((tmp_path / "r.json").read_text())
    assert sorted(fault["kind"] for fault in report["faults"]) == ["kill", "redis-restart"]
    assert report["restarts"] >= 1
    assert report["sources"][0]["published"] > 0


def test_a_run_that_fails_is_told(tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    write_video(videos / "a.mp4", 60)
    (videos / "b.mp4").write_bytes(b"no video" * 1000)
    done = chaos("people", "--source", str(videos), *QUICK, "--for", "30s", "--faults", "busy")
    assert done.returncode == 1
    assert "WRONG: the run failed: " in done.stdout
    assert "b.mp4" in done.stdout
    assert "the run was over before the time was" in done.stdout
    assert "survived" not in done.stdout


@pytest.mark.nightly  # two minutes: every kind of fault
def test_a_run_survives_every_kind_of_fault() -> None:
    done = chaos("people", "--source", ENDLESS, *QUICK, "--for", "2m", limit_s=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f" {name}" in done.stdout for name in FAULTS if name not in OF_CAMERAS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--faults", "kil"), "unknown fault 'kil'; did you mean 'kill'?"),
        (("--faults", ","), "name some of kill, "),
        (
            ("--faults", "camera-lost"),
            "camera-lost wants a camera: --source rtsp://... or http://...",
        ),
        (("--every", "0.5s"), "--every must be at least 1s"),
        (("--for", "soon"), "must be a time of up to a week, such as 90s, 5m or 2h: soon"),
        (("--for", "8d"), "must be a time of up to a week"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = cli.main(["chaos", "people", "--source", "synthetic:street", *words])
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else 1
    assert code == 2
    assert said in capsys.readouterr().err
