"""Which frames of a camera are under way."""

from streamdet.worker.under_way import UnderWay


def test_frames_are_under_way_until_every_sink_has_committed_them() -> None:
    frames = UnderWay(emitted=0, in_flight=0)
    for index in (0, 1, 4):  # 2 and 3 were dropped
        frames.add(index)
    frames.note(in_flight=5, emitted=5)
    assert frames.count == 3
    frames.note(in_flight=3)  # 0 and 1 are through
    assert frames.count == 1
    frames.note(in_flight=0)
    assert frames.count == 0


def test_after_a_restart_all_that_is_in_flight_counts() -> None:
    frames = UnderWay(emitted=10, in_flight=3)
    assert frames.count == 3
    frames.note(in_flight=1)
    assert frames.count == 1
