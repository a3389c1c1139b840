"""Writes files in a thread: a disk that is slow, full or gone holds up no frame."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Final, Generic, TypeVar

from streamdet.errors import EngineError
from streamdet.system.redaction import redacted

T = TypeVar("T")

RETRY_S: Final = 10.0
"""Pause after the system refused to write; then the same file is tried again."""
MOST_WAITING: Final = 20
"""Jobs that may wait while nothing can be written; then the oldest is given up."""
_POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """A job that is over.

    Attributes:
        key: names it.
        result: what it returned; None where it failed.
        failure: why it was given up, in a sentence; "" where it was not.
    """

    key: str
    result: T | None
    failure: str = ""


class BackgroundWriter(Generic[T]):
    """Does jobs one after another; one that the system refuses stays first until it is done.

    Args:
        retry_s: pause before such a job is tried again, seconds.

    Attributes:
        problem: what the system says to the job that is tried again and again; "" where all is
            well.
    """

    def __init__(self, retry_s: float = RETRY_S) -> None:
        self.problem = ""
        self._retry_s = retry_s
        self._waiting: deque[tuple[str, Callable[[], T]]] = deque()
        self._done: list[Done[T]] = []
        self._changed = Condition()
        self._thread: Thread | None = None
        self._is_closing = False

    def submit(self, key: str, job: Callable[[], T]) -> None:
        """Have a job done; an OSError of it means: try again."""
        with self._changed:
            if len(self._waiting) > MOST_WAITING:  # the first may be under way
                lost, _ = self._waiting[1]
                del self._waiting[1]
                self._done.append(Done(lost, None, "too many files wait to be written"))
            self._waiting.append((key, job))
            self._changed.notify_all()
            if self._thread is None:
                self._thread = Thread(target=self._work, name="writer", daemon=True)
                self._thread.start()

    def take_done(self) -> list[Done[T]]:
        """Return the jobs that are over since the last call."""
        with self._changed:
            done, self._done = self._done, []
        return done

    def wait(self, limit_s: float, on_wait: Callable[[], None]) -> None:
        """Wait until all jobs are over, the system refuses one, or it takes too long.

        Args:
            limit_s: seconds.
            on_wait: called now and then.
        """
        deadline_s = time.monotonic() + limit_s
        with self._changed:
            while self._waiting and not self.problem and time.monotonic() < deadline_s:
                self._changed.wait(_POLL_S)
                on_wait()

    def close(self) -> list[str]:
        """Begin no other job; returns the keys of those that wait for ever."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
            waiting = [key for key, _ in self._waiting]
            self._waiting.clear()
        return waiting

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                over = Done(job[0], job[1]())
            except EngineError as exc:
                over = Done(job[0], None, str(exc))
            except OSError as exc:
                self._pause(exc.strerror or str(exc))
                continue
            except Exception as exc:  # noqa: BLE001  the thread must go on, and say what it was
                over = Done(job[0], None, redacted(f"{type(exc).__name__}: {exc}"))
            with self._changed:
                if self._is_closing:
                    return
                self.problem = ""
                self._waiting.popleft()
                self._done.append(over)
                self._changed.notify_all()

    def _next(self) -> tuple[str, Callable[[], T]] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            return None if self._is_closing else self._waiting[0]

    def _pause(self, problem: str) -> None:
        with self._changed:
            self.problem = problem
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_closing, self._retry_s)
