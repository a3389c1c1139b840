"""Kinds of other installed packages, found by their entry points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from streamdet.errors import ConfigError
from streamdet.roles import lacks

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@dataclass(frozen=True)
class Plugin:
    """One entry point of another package; nothing of it is imported yet."""

    package: str
    entry_point: EntryPoint

    def load(self, role: str) -> Any:
        """Import the class.

        Raises:
            ConfigError: the import failed, or the class lacks what its role asks for.
        """
        try:
            kind = self.entry_point.load()
        except Exception as exc:
            raise ConfigError(
                f"{self._name} cannot be imported: {type(exc).__name__}: {exc}"
            ) from exc
        if faults := lacks(role, kind):
            raise ConfigError(f"{self._name} is no {role}: {'; '.join(faults)} (docs/plugins.md)")
        return kind

    @property
    def _name(self) -> str:
        place = f"{self.entry_point.group}: {self.entry_point.name} = {self.entry_point.value}"
        return f"plugin {place!r} of package {self.package!r}"


@cache
def found(group: str) -> tuple[Plugin, ...]:
    """List the entry points of a group, by name; read once a process."""
    return tuple(
        Plugin(point.dist.name if point.dist else "unknown", point)
        for point in sorted(_entry_points().select(group=group), key=lambda point: point.name)
    )


@cache
def _entry_points() -> Any:
    """Read the entry points of all installed packages: once a process, as it takes a while."""
    from importlib.metadata import entry_points

    return entry_points()
