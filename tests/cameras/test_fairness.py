"""Cameras send more than can be detected: each gets its share, and results are of now.

The share is that of max-min fairness: see docs/live.md. What the detector can do is what it did.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.cameras.fair_cameras import live_address, write_clip
from tests.cameras.live_run import LiveRun

SETTLE_S = 3.0

Frames = dict[str, list[dict[str, Any]]]


def run_all(folder: Path, rates: Sequence[int], measure_s: float) -> Frames:
    """Run cameras with default settings; returns each one's frames after the first seconds."""
    names = [f"cam{number:02}" for number in range(len(rates))]
    clips = [
        write_clip(folder / f"{name}.mp4", fps) for name, fps in zip(names, rates, strict=True)
    ]
    more = ("--set", "detect.replicas=1", "--set", "detect.input=480x640")
    run = LiveRun(folder, [live_address(clip) for clip in clips], *more)
    run.limit_s = 120
    try:
        for name in names:
            run.wait_for_line(f"{name}: live")
        run.wait_for_frames(names[0], 1)
        time.sleep(SETTLE_S)
        before = len(run.text)  # looking costs time, too
        time.sleep(measure_s)
        after = len(run.text)
        run.stop()
    finally:
        run.kill()
    for name in names:
        check_accounts(run, name)
    return measured(run.text[before:after])


def measured(text: str) -> Frames:
    """The frames in a part of a file; its first and last line may not be whole."""
    frames: Frames = {}
    for line in text.splitlines()[1:-1]:
        frame = json.loads(line)
        frames.setdefault(frame["source_id"], []).append(frame)
    return frames


def check_accounts(run: LiveRun, name: str) -> None:
    ids = [frame["frame_id"] for frame in run.frames(name)]
    assert ids == list(range(len(ids)))
    report = run.report[name]
    assert report["emitted"] == len(ids) == report["published"] + sum(report["dropped"].values())
    assert all(reason.startswith(("busy: ", "stale: ")) for reason in report["dropped"])


def fair_shares(wanted: dict[str, int], total: int) -> dict[str, float]:
    """Max-min fairness: who wants least first gets that, or an equal part of what is left."""
    shares, left = {}, float(total)
    for place, name in enumerate(sorted(wanted, key=lambda name: wanted[name])):
        shares[name] = min(wanted[name], left / (len(wanted) - place))
        left -= shares[name]
    return shares


def check_fair(frames: Frames) -> None:
    """Each has its share within a tenth; or two frames, as a count may begin or end just behind."""
    counts = {name: len(results(each)) for name, each in frames.items()}
    shares = fair_shares({name: len(each) for name, each in frames.items()}, sum(counts.values()))
    wrong = [name for name in counts if abs(counts[name] - shares[name]) > most_off(shares[name])]
    assert not wrong, (wrong, counts, shares)


def most_off(share: float) -> float:
    return max(2.0, 0.1 * share)


def check_of_now(frames: Frames) -> None:
    """A second until the detector takes it; the tracker may have to wait for a core after that."""
    for name, each in frames.items():
        assert median(map(wait_s, results(each))) < 1.0, name


def results(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [frame for frame in frames if "dropped" not in frame]


def wait_s(frame: dict[str, Any]) -> float:
    """How long a frame has waited in all, before its detection and after it, seconds."""
    latency: dict[str, float] = frame["latency_ms"]
    after = sum(value for node, value in latency.items() if not node.startswith(("cam", "total")))
    return (latency["total"] - after) / 1000


def test_shares_by_hand() -> None:
    wanted = {"a": 60, "b": 2, "c": 10, "d": 9}
    assert fair_shares(wanted, 26) == {"b": 2, "d": 8, "c": 8, "a": 8}
    assert fair_shares(wanted, 81) == wanted


def test_a_fast_camera_takes_nothing_from_slow_ones(tmp_path: Path) -> None:
    frames = run_all(tmp_path, (60, 40, 30, 1), 8)
    check_fair(frames)
    check_of_now(frames)


@pytest.mark.nightly
def test_sixteen_cameras_share_a_detector_whatever_their_rates(tmp_path: Path) -> None:
    frames = run_all(tmp_path, (60, 5, *[10] * 14), 40)
    check_fair(frames)
    check_of_now(frames)
