"""Stop signals that are counted, for commands that bring what they do to a good end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from streamdet.system.process import stop_signals_to


@contextmanager
def counted_stops(what: str) -> Iterator[list[int]]:
    """Collect stop signals in this block; the second one ends the run at once.

    Those that are ignored (nohup) stay so.

    Args:
        what: is brought to its end before the command stops, such as "step".
    """
    stops: list[int] = []

    def count(number: int, frame: FrameType | None) -> None:
        if stops:
            raise KeyboardInterrupt
        stops.append(number)
        print(f"stopping after this {what}; once more stops at once", file=sys.stderr, flush=True)

    with stop_signals_to(count):
        yield stops
