"""Models held against each other at equal time."""

from typing import Any

from benchmarks.street_by_time import Candidate, held_against_rivals


def candidate(name: str, side: int, ms: float, ap: float, runtime: str = "openvino") -> Candidate:
    no_model: Any = None
    times_s = [ms / 1e3] * 4
    return Candidate(name, (side, side), runtime, no_model, no_model, times_s, [], {"set": ap})


def test_a_rival_is_held_against_the_slowest_size_that_is_no_slower() -> None:
    ours = [candidate("street_best", side, ms, ap)
            for side, ms, ap in ((320, 5, 0.5), (416, 7, 0.4), (640, 12, 0.9))]  # fmt: skip
    rivals = [candidate("yolox_nano", 416, 8, 0.45), candidate("street", 320, 4, 0.1)]
    elsewhere = candidate("street_best", 416, 6, 0.99, runtime="onnxruntime")
    one, other = held_against_rivals([*ours, *rivals, elsewhere])
    assert one.what == "street_best 416x416 within yolox_nano 416x416 openvino: set AP"
    assert one.value == 0.4  # not the better one of 320x320: one size has to do for all sets
    assert one.is_reached is False
    assert "no size within street" in other.what
    assert other.value == 0
