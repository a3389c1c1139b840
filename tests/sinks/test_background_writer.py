"""Files are written behind the frames' back, and tried again."""

from __future__ import annotations

import threading

from streamdet.errors import EngineError
from streamdet.sinks.background_writer import MOST_WAITING, BackgroundWriter, Done


def test_jobs_are_done_in_order_and_told_once() -> None:
    writer: BackgroundWriter[int] = BackgroundWriter()
    for number in range(3):
        writer.submit(str(number), lambda number=number: number)  # type: ignore[misc]
    writer.wait(10, lambda: None)
    assert writer.take_done() == [Done(str(number), number) for number in range(3)]
    assert writer.take_done() == []


def test_what_the_system_refuses_is_tried_again_until_it_is_done() -> None:
    tries = []

    def job() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise OSError(28, "No space left on device")
        return "done"

    writer: BackgroundWriter[str] = BackgroundWriter(retry_s=0.01)
    writer.submit("a", job)
    done: list[Done[str]] = []
    while not done:
        done = writer.take_done()
    assert (done, len(tries), writer.problem) == ([Done("a", "done")], 3, "")


def test_what_cannot_be_done_is_given_up_with_its_reason() -> None:
    def job() -> str:
        raise EngineError("no such codec")

    writer: BackgroundWriter[str] = BackgroundWriter()
    writer.submit("a", job)
    writer.wait(10, lambda: None)
    assert writer.take_done() == [Done("a", None, "no such codec")]


def test_an_unexpected_error_is_told_and_ends_no_other_job() -> None:
    writer: BackgroundWriter[float] = BackgroundWriter()
    writer.submit("a", lambda: 1 / 0)
    writer.submit("b", lambda: 2.0)
    writer.wait(10, lambda: None)
    wrong: Done[float] = Done("a", None, "ZeroDivisionError: division by zero")
    assert writer.take_done() == [wrong, Done("b", 2.0)]


def test_when_too_many_wait_the_oldest_of_them_is_given_up() -> None:
    go_on = threading.Event()
    writer: BackgroundWriter[bool] = BackgroundWriter()
    for number in range(MOST_WAITING + 2):
        writer.submit(str(number), lambda: go_on.wait(10))
    assert [each.key for each in writer.take_done()] == ["1"]
    go_on.set()
    writer.wait(10, lambda: None)
    assert len(writer.take_done()) == MOST_WAITING + 1


def test_waiting_ends_when_the_system_refuses() -> None:
    def job() -> str:
        raise OSError(30, "Read-only file system")

    writer: BackgroundWriter[str] = BackgroundWriter()
    writer.submit("a", job)
    writer.wait(60, lambda: None)
    assert writer.problem == "Read-only file system"
    writer.close()
