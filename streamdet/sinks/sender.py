"""Delivers letters from an outbox to one receiver, oldest first, however often it must try."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from streamdet.errors import StreamdetError
from streamdet.sinks.outbox import Letter, Outbox

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 60.0
_WARN_AFTER_S: Final = 10.0
"""How long a receiver may fail before that is said."""


class DeliveryError(StreamdetError):
    """A receiver did not take a letter; it is tried again."""


class RefusedLetterError(DeliveryError):
    """A receiver will never take this letter: it is given up."""


class Courier(Protocol):
    """Delivers one letter after another; used by one thread.

    Attributes:
        name: of the receiver, without secrets.
    """

    name: str

    def deliver(self, letter: Letter) -> None:
        """Deliver a letter.

        Raises:
            RefusedLetterError: the receiver will never take it.
            DeliveryError: it was not taken this time.
        """
        ...

    def rest(self) -> None:
        """Do what is to be done while there is no letter; called about once a second.

        Raises:
            DeliveryError: the receiver is away.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class Sender(threading.Thread):
    """Delivers what is in an outbox until it is stopped."""

    def __init__(
        self, outbox: Outbox, courier: Courier, keep_s: float, warn: Callable[[str], None]
    ) -> None:
        """Remember what to do; `start` begins.

        Args:
            outbox: holds the letters.
            courier: delivers them.
            keep_s: letters that wait for longer are given up.
            warn: told, in a sentence, what a user must know.
        """
        super().__init__(name="sender", daemon=True)
        self._outbox, self._courier, self._keep_s, self._warn = outbox, courier, keep_s, warn
        self._has_news, self._is_over = threading.Event(), threading.Event()
        self._failed_since_s: float | None = None
        self._has_warned = False

    def run(self) -> None:
        """Deliver, oldest first."""
        tries = 0
        while not self._is_over.is_set():
            self._has_news.clear()
            letter = self._outbox.oldest()
            is_well = self._is_resting() if letter is None else self._is_settled(letter)
            tries = 0 if is_well else tries + 1
            if letter is None and is_well:
                self._has_news.wait(1.0)
            elif tries:
                pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(tries - 1, 10))
                self._is_over.wait(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  not a secret
        self._courier.close()

    def wake(self) -> None:
        """Say that there are new letters."""
        self._has_news.set()

    def stop(self) -> None:
        """End after the try that is under way."""
        self._is_over.set()
        self._has_news.set()

    def _is_resting(self) -> bool:
        """Let the courier rest; returns whether its receiver is there."""
        try:
            self._courier.rest()
        except Exception as exc:  # noqa: BLE001  whatever it is, the thread must go on
            self._note_failure(_problem(exc))
            return False
        self._failed_since_s, self._has_warned = None, False
        return True

    def _is_settled(self, letter: Letter) -> bool:
        """Try to deliver a letter; returns whether it is out of the queue."""
        try:
            self._courier.deliver(letter)
        except RefusedLetterError as exc:
            self._warn(f"{self._courier.name} refuses an event, which is given up: {exc}")
        except Exception as exc:  # noqa: BLE001  whatever it is, the thread must go on
            problem = _problem(exc)
            if time.time() - letter.queued_s <= self._keep_s:
                self._note_failure(problem)
                return False
            self._warn(f"{self._courier.name}: an event is given up, it is too old: {problem}")
        else:
            self._failed_since_s, self._has_warned = None, False
        self._outbox.remove(letter)
        return True

    def _note_failure(self, problem: str) -> None:
        now_s = time.monotonic()
        self._failed_since_s = self._failed_since_s or now_s
        if not self._has_warned and now_s - self._failed_since_s > _WARN_AFTER_S:
            self._has_warned = True
            self._warn(f"{self._courier.name} takes no events, they wait: {problem}")


def _problem(exc: Exception) -> str:
    return str(exc) if isinstance(exc, DeliveryError) else repr(exc)
