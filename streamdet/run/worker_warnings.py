"""What workers warn of while a run lasts: counters whose names are sentences."""

from __future__ import annotations

from collections.abc import Mapping

from streamdet.worker.stage_stats import WARNING


def warnings_of(counters: Mapping[str, int]) -> list[str]:
    """List the warnings among a run's counters."""
    return [name.removeprefix(WARNING) for name in counters if name.startswith(WARNING)]


class WorkerWarnings:
    """Remembers what was said: a warning is new each time a worker gives it."""

    def __init__(self) -> None:
        self._said: dict[str, int] = {}

    def new(self, counters: Mapping[str, int]) -> list[str]:
        """List the warnings that were given since the last call."""
        new = []
        for warning in warnings_of(counters):
            count = counters[WARNING + warning]
            if count > self._said.get(warning, 0):
                new.append(warning)
            self._said[warning] = count
        return new
