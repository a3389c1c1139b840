"""The log and its curves."""

from __future__ import annotations

from pathlib import Path

from streamdet.training.log import LOG, Log, draw_curves, read_log
from streamdet.training.loop import Measured, StepDone


def write(log: Log, first: int, last: int) -> None:
    for step in range(first, last + 1):
        log.write(StepDone(step, 1, 0.1, {"box": 1 / step, "classes": 2.0}, 1.0))


def test_steps_that_are_made_again_stand_once(tmp_path: Path) -> None:
    write(Log(tmp_path, 0, 0), 1, 5)
    write(Log(tmp_path, 3, 0), 4, 6)
    assert [line["step"] for line in read_log(tmp_path)] == [1, 2, 3, 4, 5, 6]


def test_a_measurement_that_is_made_again_stands_once(tmp_path: Path) -> None:
    log = Log(tmp_path, 0, 0)
    write(log, 1, 2)
    for step in (1, 2):
        log.write(Measured(step, step, {"AP": 0.5}, is_best=True))
    Log(tmp_path, 2, 1)  # killed between step 2 and the end of its measurement
    lines = [(line["step"], "metrics" in line) for line in read_log(tmp_path)]
    assert lines == [(1, False), (2, False), (1, True)]


def test_a_new_training_begins_a_new_log(tmp_path: Path) -> None:
    write(Log(tmp_path, 0, 0), 1, 5)
    write(Log(tmp_path, 0, 0), 1, 2)
    assert [line["step"] for line in read_log(tmp_path)] == [1, 2]


def test_a_line_that_a_kill_cut_off_is_left_out(tmp_path: Path) -> None:
    write(Log(tmp_path, 0, 0), 1, 2)
    with (tmp_path / LOG).open("a") as file:
        file.write('{"step": 3, "ep')
    assert [line["step"] for line in read_log(tmp_path)] == [1, 2]
    write(Log(tmp_path, 2, 0), 3, 3)
    assert [line["step"] for line in read_log(tmp_path)] == [1, 2, 3]


def test_curves_are_drawn_with_measurements_and_without(tmp_path: Path) -> None:
    log = Log(tmp_path, 0, 0)
    write(log, 1, 120)
    without = draw_curves(tmp_path).read_bytes()
    log.write(Measured(120, 1, {"AP": 0.5}, is_best=True))
    assert draw_curves(tmp_path).read_bytes() != without
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.png", LOG]
