"""Times of results, and frames that are missing, doubled or out of order."""

from __future__ import annotations

import json
import time
from pathlib import Path

from streamdet.chaos.results import ResultClock, misplaced


def write(path: Path, *frames: tuple[str, int]) -> Path:
    lines = (json.dumps({"source_id": name, "frame_id": number}) for name, number in frames)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_frames_that_are_there_once_and_in_order_are_well(tmp_path: Path) -> None:
    frames = [("a", 0), ("b", 0), ("a", 1), ("a", 2), ("b", 1)]
    assert list(misplaced(write(tmp_path / "f", *frames))) == []


def test_what_is_doubled_missing_or_out_of_order_is_said(tmp_path: Path) -> None:
    path = write(
        tmp_path / "f", ("a", 0), ("a", 1), ("a", 1), ("b", 0), ("b", 3), ("c", 1), ("c", 0)
    )
    assert list(misplaced(path)) == [
        "a: 1 frames were written twice",
        "b: 2 frames are missing, the first is 1",
        "c: frames are not in order",
    ]


def test_a_run_that_wrote_nothing_has_nothing_misplaced(tmp_path: Path) -> None:
    assert list(misplaced(tmp_path / "none")) == []


def test_silence_is_the_longest_time_without_a_result_of_a_source(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    clock = ResultClock(path)
    clock.start()
    begun_s = time.monotonic()
    assert not clock.has_begun()
    with path.open("a") as lines:
        for name in ("a", "b", "b", "b", "a"):
            lines.write(json.dumps({"source_id": name, "frame_id": 0}) + "\n")
            lines.flush()
            time.sleep(0.2)
    clock.close()
    over_s = time.monotonic()
    assert clock.has_begun()
    assert clock.silence_s(begun_s, over_s, "a") >= 0.75
    assert clock.silence_s(begun_s, over_s, "a") > clock.silence_s(begun_s, over_s)
    assert clock.silence_s(begun_s + 0.3, begun_s + 0.31, "b") < 0.75


def test_what_was_cut_off_and_written_again_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "frames.jsonl", ("a", 0), ("a", 1))
    clock = ResultClock(path)
    clock.start()
    time.sleep(0.2)
    write(path, ("a", 0))  # what was not committed is gone
    time.sleep(0.2)
    with path.open("a") as lines:
        lines.write('{"source_id": "b", "frame_id": 0}\n')
    time.sleep(0.2)
    clock.close()
    now_s = time.monotonic()
    assert clock.silence_s(now_s - 0.01, now_s, "b") < 0.5
