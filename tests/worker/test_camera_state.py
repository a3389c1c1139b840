"""A camera's state, and the pauses between tries."""

from streamdet.worker.camera_state import MOST_REASONS, CameraState, Pauses


def test_a_state_changes_once_however_often_it_is_taken() -> None:
    now = iter((5, 7, 9))
    camera = CameraState(clock_ns=lambda: next(now))
    assert camera.change("connecting")
    assert camera.change("lost", "nothing answers")
    assert not camera.change("lost", "nothing answers")
    assert camera.as_dict() == {"state": "lost", "reason": "nothing answers", "since_ns": 7}
    assert camera.change("lost", "the stream ended")


def test_reasons_that_come_in_turn_are_told_once() -> None:
    camera = CameraState()
    tries = [camera.change("lost", reason) for reason in ("ended", "nobody", "ended", "nobody")]
    assert tries == [True, True, False, False]
    assert camera.change("live")
    assert camera.change("lost", "ended")


def test_only_so_many_reasons_are_remembered() -> None:
    camera = CameraState()
    for number in range(MOST_REASONS + 1):
        assert camera.change("lost", f"reason {number}")
    assert camera.change("lost", "reason 0")


def test_pauses_double_up_to_the_longest_and_begin_anew_after_a_success() -> None:
    pauses = Pauses(first_s=0.5, longest_s=2.0)
    wanted = (0.5, 1.0, 2.0, 2.0)
    assert all(0.7 * each <= pauses.next_s() <= each for each in wanted)
    pauses.reset()
    assert pauses.next_s() <= 0.5


def test_a_camera_that_is_back_never_waits_longer_than_the_longest_pause() -> None:
    pauses = Pauses(first_s=2.0, longest_s=2.0)
    drawn = [pauses.next_s() for _ in range(1000)]
    assert max(drawn) <= 2.0
    assert max(drawn) - min(drawn) > 0.3  # cameras that are lost together are not tried together
