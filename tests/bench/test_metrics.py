"""Metrics and their aims."""

import json

import pytest

from streamdet.bench.metrics import Aim, Metric, Outcome, table

FAST = Metric("speed", 2.0, "", Aim(">=", 2.0))
SLOW = Metric("delay", 250.0, "us", Aim("<", 250.0))
PLAIN = Metric("frames", 12345.0)


@pytest.mark.parametrize(("metric", "is_reached"), [(FAST, True), (SLOW, False), (PLAIN, None)])
def test_an_aim_is_held_to_the_letter(metric: Metric, is_reached: bool | None) -> None:
    assert metric.is_reached is is_reached


def test_one_missed_aim_is_a_missed_bench() -> None:
    assert Outcome([FAST, PLAIN]).is_reached
    assert not Outcome([FAST, SLOW]).is_reached


def test_the_table_says_what_was_missed() -> None:
    assert table(Outcome([FAST, SLOW, PLAIN], notes=["mind"])) == [
        "  speed   2          aim >= 2   reached",
        "  delay   250 us     aim < 250  MISSED",
        "  frames  1.234e+04",
        "  note: mind",
    ]


def test_an_outcome_is_plain_json() -> None:
    values = json.loads(json.dumps(Outcome([SLOW], {"rounds": [1, 2]}).as_dict()))
    assert values["metrics"][0]["aim"] == "< 250"
    assert values["reached"] is False
    assert values["details"] == {"rounds": [1, 2]}
