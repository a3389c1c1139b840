"""One object per source, such as a tracker, whose state is committed with what it has seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar


class Stateful(Protocol):
    """Goes on from a snapshot of itself."""

    def state(self) -> bytes:
        """Everything that matters later, never empty; the inverse of `restore`."""
        ...

    def restore(self, state: bytes) -> None:
        """Go on as the one that returned `state` would."""
        ...


T = TypeVar("T", bound=Stateful)


class PerSource(Generic[T]):
    """The objects of a stage, made when their source's first frame comes.

    Args:
        make: makes the one of a source, by its id.
    """

    def __init__(self, make: Callable[[str], T]) -> None:
        self._make = make
        self._all: dict[str, T] = {}
        self._changed: set[str] = set()

    def changing(self, source_id: str) -> T:
        """Give the one of a source, whose state is about to change."""
        self._changed.add(source_id)
        return self._one(source_id)

    def forget(self, source_id: str) -> None:
        """Forget the one of a source, here and in what is committed."""
        self._all.pop(source_id, None)
        self._changed.add(source_id)

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Go on from the committed states: see stages.Stage."""
        self._all.clear()
        self._changed.clear()
        for source_id, state in states.items():
            self._one(source_id).restore(state)

    def states(self) -> dict[str, bytes]:
        """Snapshots of those that changed since the last call; b"" of one that is forgotten."""
        states = {source_id: self._state(source_id) for source_id in self._changed}
        self._changed.clear()
        return states

    def _state(self, source_id: str) -> bytes:
        one = self._all.get(source_id)
        return b"" if one is None else one.state()

    def _one(self, source_id: str) -> T:
        if source_id not in self._all:
            self._all[source_id] = self._make(source_id)
        return self._all[source_id]
