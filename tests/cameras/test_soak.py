"""The soak itself: what it reads, what it calls wrong, and a short one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cameras.soak import main
from tests.cameras.soak_account import growth, unaccounted
from tests.cameras.soak_play import Memory, Played, aims_missed
from tests.cameras.soak_traces import traces
from tests.cameras.soak_watch import Watch


def frame(number: int, second: int, *, dropped: bool = False) -> str:
    body: dict[str, Any] = {"source_id": "door", "frame_id": number}
    body["captured_at"] = f"1970-01-01T00:00:{second:02}Z"
    return json.dumps(body | ({"dropped": "stale"} if dropped else {})) + "\n"


def source(**counts: int) -> dict[str, Any]:
    found = {"source_id": "door", "emitted": 10, "published": 7, "unfinished": 1} | counts
    return found | {"dropped": {"stale": 2}}


def test_frames_are_read_as_they_come_and_half_a_line_waits(tmp_path: Path) -> None:
    watch, path = Watch(tmp_path), tmp_path / "frames.jsonl"
    path.write_text(frame(0, 10) + frame(1, 11, dropped=True)[:20])
    watch.read()
    assert [seen.taken_s for seen in watch.frames["door"]] == [10]
    path.write_text(frame(0, 10) + frame(1, 11, dropped=True) + frame(2, 12))
    watch.read()
    assert [seen.is_result for seen in watch.frames["door"]] == [True, False, True]
    assert watch.gaps == []
    assert watch.result_s("door", 10.0) == watch.frames["door"][2].written_s
    assert watch.result_s("door", 12.0) is None
    first_s = watch.frames["door"][0].written_s
    assert watch.fps("door", first_s, first_s + 10) == (0.3, 0.2)


@pytest.mark.parametrize("numbers", [[0, 2], [0, 0], [1]])
def test_a_gap_and_a_frame_that_comes_twice_are_noticed(tmp_path: Path, numbers: list[int]) -> None:
    (tmp_path / "frames.jsonl").write_text("".join(frame(number, 10) for number in numbers))
    watch = Watch(tmp_path)
    watch.read()
    last = len(numbers) - 1
    assert watch.gaps == [f"door: frame {numbers[-1]} stands in place {last}"]


def test_only_the_camera_s_own_line_says_that_it_is_away(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    watch.lines = [
        (1.0, "door: lost (before)"),
        (3.0, "yard: lost (another)"),
        (4.0, "door: live"),
        (5.0, "door: stalled (no packet)"),
    ]
    assert watch.away_s("door", 2.0) == 5.0
    assert watch.away_s("door", 5.0) is None


@pytest.mark.parametrize(
    ("state_s", "back_s", "count"),
    [(6.9, 2.9, 0), (7.0, 2.9, 1), (None, 2.9, 1), (6.9, 3.0, 1), (6.9, None, 1)],
)
def test_a_fault_is_held_against_both_aims(
    state_s: float | None, back_s: float | None, count: int
) -> None:
    played = Played("reset", 20.0, ["door"], state_s, back_s, {}, is_kill=False)
    assert len(aims_missed(played, has_state=True)) == count


def test_a_fault_without_a_state_may_go_unsaid() -> None:
    played = Played("starved", 20.0, ["door"], None, 1.0, {}, is_kill=False)
    assert aims_missed(played, has_state=False) == []


def test_frames_that_do_not_add_up_are_named() -> None:
    assert unaccounted(source(), written=9) == []  # 7 + 2, and 1 unfinished of 10
    assert unaccounted(source(emitted=11), written=9) == [
        "door: 11 emitted, 9 published or dropped"
    ]
    assert unaccounted(source(), written=8) == ["door: 9 published or dropped, 8 written"]


def test_growth_is_from_after_settling_to_the_end() -> None:
    samples = [Memory(at_s, own, 0) for at_s, own in [(0, 50), (30, 100), (39, 100), (60, 106)]]
    assert growth(samples, settled_s=30) == pytest.approx(6)


def test_what_is_left_behind_is_named() -> None:
    this = psutil.Process()
    assert traces("0" * 12, {this}, [], patience_s=0) == [f"process {this.pid}"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--minutes", "0.1"], "--minutes: 0.4 to 1440, got 0.1"),
        (["--minutes", "nan"], "--minutes: 0.4 to 1440, got nan"),
        (["--json", "/dev/null/soak.json"], "--json /dev/null/soak.json"),
    ],
)
def test_what_cannot_be_done_is_said_before_it_begins(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert said in capsys.readouterr().err


@pytest.mark.nightly
def test_a_short_soak_reaches_every_aim(can_serve_rtsp: None, tmp_path: Path) -> None:
    path = tmp_path / "soak.json"
    assert main(["--minutes", "0.67", "--json", str(path)]) == 0, path.read_text()
    assert len(json.loads(path.read_text())["faults"]) == 2
