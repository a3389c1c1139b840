"""One object per source, such as a tracker, whose state is committed with its frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar


class Stateful(Protocol):
    """An object that can be restored from a snapshot."""

    def state(self) -> bytes:
        """The snapshot, never empty; the inverse of `restore`."""
        ...

    def restore(self, state: bytes) -> None:
        """Continue as the object that returned `state` would."""
        ...


T = TypeVar("T", bound=Stateful)


class PerSource(Generic[T]):
    """The objects of a stage, each made at the first frame of its source.

    Args:
        make: makes the object of a source from its id.
    """

    def __init__(self, make: Callable[[str], T]) -> None:
        self._make = make
        self._all: dict[str, T] = {}
        self._changed: set[str] = set()

    def changing(self, source_id: str) -> T:
        """Return the object of a source, whose state is about to change."""
        self._changed.add(source_id)
        return self._one(source_id)

    def forget(self, source_id: str) -> None:
        """Forget the object of a source, here and in the committed states."""
        self._all.pop(source_id, None)
        self._changed.add(source_id)

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Continue from the committed states: see stages.Stage."""
        self._all.clear()
        self._changed.clear()
        for source_id, state in states.items():
            self._one(source_id).restore(state)

    def states(self) -> dict[str, bytes]:
        """Snapshots of those that changed since the last call; b"" for one that was forgotten."""
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
